"""A proxy of ours between the engine and a simulator, which lets each exchange go well or not.

Real sockets, a thread per connection: what the engine meets is what a network does. Whether the rail was reached is
known for each fault, so that a test can compare what was said with what became of the money.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "proxy-connection", "te", "upgrade"}


@attrs.frozen
class Passed:
    """A request on its way. `headers` as they came; `target` is path and query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def bytes(self) -> tuple[str, str, bytes]:
        """By this it is recognised; see `watch.Known`."""
        return self.method, self.target, self.body


@attrs.frozen
class Said:
    """An answer, whole."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@attrs.define
class Exchange:
    """One request and its connection. `taken`: bytes of the answer that the client took. `drops`: it took them all."""

    passed: Passed
    proxy: Proxy
    handler: _Handler
    taken: int = 0
    drops: int = 0

    def forward(self) -> Said:
        """Let the rail have it."""
        return self.proxy.forward(self.passed)

    def say(self, said: Said, *, cut: int = 0) -> None:
        """Answer; with `cut`, so many bytes short of what was announced."""
        head = [f"HTTP/1.1 {said.status} {http.client.responses.get(said.status, 'Unlisted')}"]
        head += [f"{name}: {value}" for name, value in said.headers if name.lower() not in _HOP]
        head.append(f"Content-Length: {len(said.body)}")
        self.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + said.body[: len(said.body) - cut])
        if cut:
            self.close()

    def write(self, data: bytes) -> None:
        """Bytes as they are."""
        self.handler.wfile.write(data)
        self.taken += len(data)

    def close(self, *, reset: bool = False) -> None:
        """Say nothing more on this connection."""
        self.handler.close_connection = True
        if reset:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def wait(self, seconds: float) -> None:
        """Let time pass; ends early when the proxy does."""
        self.proxy.closing.wait(seconds)


Fault: TypeAlias = Callable[[Exchange], None]


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def _any(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        passed = Passed(self.command, self.path, tuple(self.headers.items()), self.rfile.read(length))
        exchange = Exchange(passed, self.server, self)
        try:
            self.server.judge(passed)(exchange)
        except OSError:
            # The client went away, or the rail did: there is nobody left to answer.
            self.close_connection = True
        self.server.exchanges.append(exchange)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Proxy(ThreadingHTTPServer):
    """Listens on 127.0.0.1. `judge` says how each exchange goes; `upstream` is where the rail is."""

    daemon_threads, block_on_close, request_queue_size = True, False, 128

    def __init__(self, upstream: str, judge: Callable[[Passed], Fault]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.judge = upstream, judge
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.exchanges: list[Exchange] = []
        self.closing = threading.Event()
        self._late: list[Passed] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="kit-proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """What a fault raised is a defect of the kit: it is shown."""
        super().handle_error(request, client_address)  # type: ignore[arg-type]

    def forward(self, passed: Passed) -> Said:
        """One exchange with the rail, on a connection of its own. Raises OSError when it is not there."""
        at = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(str(at.hostname), at.port, timeout=60)
        try:
            connection.putrequest(passed.method, passed.target, skip_host=True, skip_accept_encoding=True)
            for name, value in passed.headers:
                if name.lower() not in _HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(passed.body)))
            connection.endheaders(passed.body)
            answer = connection.getresponse()
            return Said(answer.status, tuple(answer.getheaders()), answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"the rail hung up: {error}") from error
        finally:
            connection.close()

    def keep(self, passed: Passed) -> None:
        """A copy that is still under way."""
        self._late.append(passed)

    def let_go(self) -> None:
        """What was under way arrives."""
        while self._late:
            with contextlib.suppress(OSError):
                self.forward(self._late.pop())
