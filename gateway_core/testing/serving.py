"""Serving a provider's stand-in on a real socket whose connections can be broken on purpose; faults on the wire.

The application has `app.state.closing`, an asyncio.Event that ends all silence. Loopback only.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from contextlib import suppress
from typing import NoReturn

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..engine.listener import Listener, listen

# Under this name a connection is put into the scope of each request.
CONNECTION = "simulator.connection"
# Seconds of silence at most.
SILENCE = 60.0


class Dropped(Exception):
    """The connection is gone; nothing is answered."""


async def wire_fault(request: Request, kind: str) -> Response:
    """What `Behaviour.answers` calls so, without a word of the provider's. Raises Dropped where nothing is answered."""
    match kind:
        case "garbage":
            return Response(b"\x00\xff<html>{'status': 'paid'", 200, media_type="application/json")
        case "redirect":
            # Whoever follows it pays under an address that nobody approved.
            return Response(b"", 307, {"location": "/elsewhere"})
        case "too_many_requests":
            return Response(b"", 429, {"retry-after": "1"})
        case "busy":
            return Response("Service Unavailable", 503, media_type="text/plain")
        case "silence":
            with suppress(TimeoutError):
                await asyncio.wait_for(request.app.state.closing.wait(), SILENCE)
            await drop(request)
        case "drop":
            await drop(request)
    return Response("Internal Server Error", 500, media_type="text/plain")


async def drop(request: Request) -> NoReturn:
    """The connection breaks (a reset); the client learns nothing."""
    connection = request.scope.get("extensions", {}).get(CONNECTION, {}).get("transport")
    if connection is None:
        raise ConnectionResetError("this face has no connection to drop")
    connection.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise Dropped


class Breakable(HttpToolsProtocol):
    """Lets an endpoint break the connection that it is asked over."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: {"transport": self.transport}}


class Server(Listener):
    """Ends all silence before it waits for what is still being answered."""

    def __init__(self, app: Starlette, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app, http=Breakable, ws="none", lifespan="on", log_level="warning", access_log=False,
                server_header=False, date_header=False, timeout_graceful_shutdown=2, timeout_keep_alive=75,
            )
        )  # fmt: skip
        if tls is not None:
            self.config.load()
            self.config.ssl = tls
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors."""
        self._app.state.closing.set()
        await super().shutdown(sockets)


class Beside:
    """A server in a thread and a loop of its own, from now until `stop()`. `url` is where it listens."""

    loop: asyncio.AbstractEventLoop

    def __init__(self, app: Starlette, tls: ssl.SSLContext | None = None) -> None:
        self._server, self._socket = Server(app, tls), listen()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))
        self._thread.start()

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        with self._socket:
            await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """Until nobody listens any more."""
        self._server.should_exit = True
        self._thread.join(15)
        if self._thread.is_alive():
            raise RuntimeError("the server does not end")


def run(app: Starlette, port: int = 0) -> None:
    """Serve until interrupted or terminated. The first line printed is `listening on http://127.0.0.1:PORT`."""
    with listen(port) as listening:
        sys.stdout.write(f"listening on http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            asyncio.run(Server(app).serve(sockets=[listening]))
