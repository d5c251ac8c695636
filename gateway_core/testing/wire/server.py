"""A server made of a bare socket that does with each connection what a script says, and counts what it read.

Blocking calls in a thread per connection: a script reads top to bottom, and says exactly which bytes leave when.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

Script: TypeAlias = Callable[["Peer"], None]
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
# A peer never waits for ever: tests end by themselves.
PATIENCE = 20.0


class Gone(Exception):
    """The client closed, or the server was told to stop."""


class Peer:
    """One accepted connection. `number` counts them from 1; `last` is the last whole request."""

    def __init__(self, server: RawServer, sock: socket.socket, number: int) -> None:
        self.server, self.sock, self.number = server, sock, number
        self.last = self._buffer = b""

    def request(self) -> bytes:
        """Read one whole request, which is counted. Returns its target's last segment: the number it goes by."""
        while (whole := self._whole()) is None:
            if not (data := self.read()):
                raise Gone
            self._buffer += data
        self.last = whole
        line, _, _ = whole.partition(b"\r\n")
        number = line.split(b" ")[1].rpartition(b"/")[2]
        with self.server.lock:
            self.server.copies[number] += 1
        return number

    def read(self) -> bytes:
        """Whatever has come; nothing at the end."""
        try:
            data = self.sock.recv(1 << 18)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        except (OSError, ValueError) as error:
            raise Gone from error
        with self.server.lock:
            self.server.bytes_read += len(data)
        return data

    def _whole(self) -> bytes | None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return None
        found = LENGTH.search(head)
        length = int(found[1]) if found else 0
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        return head + end + rest[:length]

    def say(self, *parts: bytes, pause: float = 0.0) -> None:
        """Send the parts, so many seconds apart."""
        for number, part in enumerate(parts):
            if number and pause:
                self.wait(pause)
            try:
                self.sock.sendall(part)
            except (OSError, ValueError) as error:
                raise Gone from error

    def honest(self) -> None:
        """Answer each request with its own number, for as long as any come."""
        while True:
            self.say(answer(self.request()))

    def wait(self, seconds: float = PATIENCE) -> None:
        """Do nothing; ends early when the server is stopped."""
        if self.server.stopping.wait(seconds):
            raise Gone

    def drain(self, seconds: float) -> None:
        """Read on, so that all that ever came is counted."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and self.sock.fileno() >= 0:
            if select.select([self.sock], [], [], left)[0] and not self.read():
                return

    def half_close(self) -> None:
        """Say no more, but listen."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """FIN, or RST where something was not read."""
        with contextlib.suppress(OSError):
            if isinstance(self.sock, ssl.SSLSocket) and not self._buffer:
                self.sock.settimeout(0.1)
                self.sock.unwrap()
        self.sock.close()

    def cut(self) -> None:
        """FIN without TLS's farewell, as someone on the way can do."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.sock.fileno())) as bare:
            bare.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def reset(self) -> None:
        """RST, whatever was read."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def answer(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    """A whole answer."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class RawServer:
    """Listens on this machine. `good` requests are answered first; then `fault` has its way, once; then all is well.

    `copies` counts whole requests by their number, `bytes_read` all bytes of requests.
    """

    def __init__(
        self, fault: Script, *, good: int = 0, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._fault, self._good, self._tls, self._met = fault, good, tls, False
        six = ":" in host
        self._socket = socket.create_server((host, 0), family=socket.AF_INET6 if six else socket.AF_INET)
        self.url = f"http{'s' if tls else ''}://{f'[{host}]' if six else host}:{self._socket.getsockname()[1]}"
        self.copies: Counter[bytes] = Counter()
        self.connections = self.bytes_read = 0
        self.lock, self.noted_at = threading.Lock(), 0.0
        self.stopping, self.noted = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._accept, name="raw-server")]
        self._accepted: list[socket.socket] = []

    def note(self) -> None:
        """Called by a script when all is done that the client's next step is to wait for: sets `noted`."""
        self.noted_at = time.monotonic()
        self.noted.set()

    def __enter__(self) -> RawServer:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        for sock in (self._socket, *self._accepted):
            # Whoever waits in a read wakes up.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._accepted.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock, self.connections), name="raw-peer")
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(self, sock, number)
        try:
            if self._tls is not None:
                peer.sock = self._tls.wrap_socket(sock, server_side=True)
            self._lead(peer)
            peer.drain(0.2)
        except (Gone, OSError):
            pass
        finally:
            peer.sock.close()
            sock.close()

    def _lead(self, peer: Peer) -> None:
        while not self._met:
            if self.copies.total() >= self._good:
                self._met = True
                self._fault(peer)
                return
            peer.say(answer(peer.request()))
        peer.honest()
