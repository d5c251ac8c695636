"""Serving the application on a real socket whose connections can be broken on purpose."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .faults import CONNECTION


class BreakableProtocol(HttpToolsProtocol):
    """Puts its transport into the scope of each request, so that an endpoint can break the connection."""

    def on_message_begin(self) -> None:
        """A new request begins on this connection."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}


class DummyUvicorn(uvicorn.Server):
    """Ends all silence before it waits for what is still being answered."""

    def __init__(self, app: Starlette, port: int = 0) -> None:
        super().__init__(
            uvicorn.Config(
                app, host="127.0.0.1", port=port, http=BreakableProtocol, ws="none", lifespan="on", log_level="warning",
                access_log=False, server_header=False, date_header=False, timeout_graceful_shutdown=2,
                timeout_keep_alive=75, backlog=1024,
            )
        )  # fmt: skip
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors."""
        self._app.state.closing.set()
        await super().shutdown(sockets)


def listen(port: int) -> socket.socket:
    """A socket on loopback; port 0 takes a free one."""
    # The protocol is named because asyncio switches Nagle off only then: without it each answer takes 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening


def run(app: Starlette, port: int = 0) -> None:
    """Serve until interrupted or terminated. The first line printed is `listening on http://127.0.0.1:PORT`."""
    with listen(port) as listening:
        listening.listen(1024)
        sys.stdout.write(f"listening on http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        asyncio.run(DummyUvicorn(app).serve(sockets=[listening]))
