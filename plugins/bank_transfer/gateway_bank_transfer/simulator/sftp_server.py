"""An SFTP server over the bank's folder, on a thread of its own: /out takes files, /in offers them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import attrs

USER = PASSWORD = "bank"  # noqa: S105 - a simulator's


class _Door(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


@attrs.frozen
class Server:
    """Where it listens. `host_key`: as a client pins it."""

    port: int
    host_key: str


@contextmanager
def running(
    folder: Path, port: int = 0, factory: Callable[[Any], asyncssh.SFTPServer] | None = None
) -> Iterator[Server]:
    """Until the block ends. `factory`: another SFTP server, one that misbehaves."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sftp server")
    thread.start()
    make = factory or (lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()))

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            _Door, "127.0.0.1", port, server_host_keys=[key], sftp_factory=make, allow_scp=False
        )

    async def stop(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        for _ in range(3):
            await asyncio.sleep(0)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    try:
        public = key.export_public_key().decode().strip()
        yield Server(acceptor.get_port(), " ".join(public.split()[:2]))
    finally:
        asyncio.run_coroutine_threadsafe(stop(acceptor), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
