"""Serving a plugin's simulator while its laws are tried: an ASGI application on a free port, or a server that runs."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from types import TracebackType
from typing import Any

import uvicorn

from ...engine.listener import Listener

# Seconds that a start or an end may take on a machine that does much else.
PATIENCE = 90.0
# Below the ports that systems give to connections that go out: one of those could be taken before somebody listens.
PORTS = range(20_000, 32_000)


def free_address() -> str:
    """127.0.0.1 and a port that nobody has just now, and that no connection will be given by chance."""
    for port in random.sample(PORTS, 200):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return f"127.0.0.1:{port}"
    raise RuntimeError(f"no port from {PORTS[0]} to {PORTS[-1]} is free")


class Serving:
    """`with Serving(application) as url`; an address is taken as it is, and left running."""

    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> str:
        if isinstance(self._simulator, str):
            return self._simulator.rstrip("/")
        if not callable(self._simulator):
            given = type(self._simulator).__name__
            raise TypeError(f"simulator() gives an ASGI application or an address, not {given}")
        # The protocol is named because asyncio switches Nagle off only then.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        config = uvicorn.Config(
            self._simulator, host="127.0.0.1", log_level="warning", access_log=False, ws="none",
            timeout_graceful_shutdown=1, timeout_keep_alive=75,
        )  # fmt: skip
        self._server = server = Listener(config)
        self._thread = threading.Thread(target=_serve, args=(server, listening), name="kit-simulator", daemon=True)
        self._thread.start()
        until = time.monotonic() + PATIENCE
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise RuntimeError("the simulator does not start; its own error is above")
            time.sleep(0.01)
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            # An application that keeps connections open on purpose may want to know that it ends.
            closing = getattr(getattr(self._simulator, "state", None), "closing", None)
            if isinstance(closing, threading.Event):
                closing.set()
            self._server.should_exit = True
            self._thread.join(PATIENCE)


def _serve(server: uvicorn.Server, listening: socket.socket) -> None:
    with listening:
        server.run(sockets=[listening])
