"""A slow link on one machine: two network namespaces joined in user space, so that packets are under way for a while.

Only so can a request and the server's close cross each other for certain. Linux; root, or user namespaces and a
readable /dev/net/tun. `missing()` says what is not there.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import os
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
TUN = Path("/dev/net/tun")
CLIENT, SERVER = "10.99.0.1", "10.99.0.2"


class Link:
    """Made in a process that has one thread only. `delay` is seconds each way.

    The process is then at the client's end; what is opened inside `at_server()` is at the other.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        _enter_new_user()
        self._ends = [_end(CLIENT), _end(SERVER)]
        self._namespaces = [namespace for namespace, _ in self._ends]
        _setns(self._namespaces[0])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="link")
        self._thread.start()

    @contextmanager
    def at_server(self) -> Iterator[None]:
        """Sockets that this thread opens in here are the server's."""
        _setns(self._namespaces[1])
        try:
            yield
        finally:
            _setns(self._namespaces[0])

    def stop(self) -> None:
        """End the link; the namespaces go with the process."""
        self._stopping.set()
        self._thread.join()

    def _carry(self) -> None:
        one, other = (tun for _, tun in self._ends)
        under_way: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._stopping.is_set():
            now = time.monotonic()
            while under_way and under_way[0][0] <= now:
                _, _, to, packet = heapq.heappop(under_way)
                with contextlib.suppress(OSError):
                    os.write(to, packet)
            pause = min(under_way[0][0] - now, 0.05) if under_way else 0.05
            for tun in select.select([one, other], [], [], max(pause, 0))[0]:
                count += 1
                arrives = time.monotonic() + self._delay
                heapq.heappush(under_way, (arrives, count, other if tun == one else one, os.read(tun, 65_536)))


def missing() -> str:
    """What is not there for a link on this machine; empty if it can be had."""
    if sys.platform != "linux" or not TUN.exists() or shutil.which("ip") is None:
        return "a delayed link needs Linux with /dev/net/tun and `ip`"
    code = f"from {__name__} import Link; Link(0.0).stop()"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return "" if tried.returncode == 0 else "a delayed link needs root, or user namespaces and access to /dev/net/tun"


def _libc(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        raise OSError(ctypes.get_errno(), name)


def _setns(namespace: int) -> None:
    _libc("setns", namespace, CLONE_NEWNET)


def _enter_new_user() -> None:
    """Be root in a namespace of our own, if we are not root anyway."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        return
    _libc("unshare", CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        Path(f"/proc/self/{name}").write_text(text)


def _end(address: str) -> tuple[int, int]:
    """A new namespace with one end of the link: its namespace's and its device's file descriptors."""
    _libc("unshare", CLONE_NEWNET)
    tun = os.open(TUN, os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"slow0", IFF_TUN | IFF_NO_PI))
    for command in (f"addr add {address}/24 dev slow0", "link set slow0 up", "link set lo up"):
        subprocess.run(["ip", *command.split()], check=True)
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY), tun
