"""An `httpx` transport made for money: HTTP/1.1 over asyncio and llhttp, without retries, redirects or proxies.

It never writes a request twice, never serves one request the answer of another, and says of every error how far it had
come (`phase_of`). What it does not speak (proxies, HTTP/2, HEAD, upgrades) is left to httpx's own transport.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TypeAlias

import attrs
import httpx

from .answer import Answer
from .connection import Connection, Times
from .phase import Phase, mark
from .request import as_bytes

PORTS = {"http": 80, "https": 443}
SPOKEN = {"http_version": b"HTTP/1.1"}
# So long a server may take to agree that a TLS connection ends.
PARTING = 1.0
MOMENT = 0.1
Origin: TypeAlias = tuple[str, str, int, str]


@attrs.frozen
class Limits:
    """Bytes of an answer's head and body, and seconds of an exchange as a whole, where a request does not say its own.

    `idle`: so many seconds after its last use a connection is left. It must be below the server's own patience, or a
    request meets a connection that is being closed: common servers close after 5 s. What a server announces
    (`Keep-Alive: timeout=`) counts, if it is shorter.
    """

    head: int = 1 << 16
    body: int = 1 << 22
    total: float = 60.0
    idle: float = 4.0
    connections: int = 100


class OwnTransport(httpx.AsyncBaseTransport):
    """See the module. For one event loop; requests beside each other get connections of their own, up to the limit.

    Of a request's `extensions` it heeds `timeout` (httpx's four, and `total`), `body_limit` and `sni_hostname`.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None, limits: Limits | None = None) -> None:
        self._ssl, self._limits = ssl_context, limits or Limits()
        self._free = asyncio.Semaphore(self._limits.connections)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange. Raises httpx.TransportError; ConnectError, ConnectTimeout and PoolTimeout prove it unsent."""
        connection: Connection | None = None
        seconds = request.extensions.get("timeout", {})
        try:
            data = await as_bytes(request)
            answer = Answer(self._limits.head, request.extensions.get("body_limit", self._limits.body))
            await self._slot(seconds.get("pool"))
            try:
                connection = await self._ready(_origin(request), seconds.get("connect"))
                await connection.exchange(data, answer, self._times(seconds))
                self._leave(connection, answer)
            finally:
                self._free.release()
        except BaseException as error:
            mark(error, Phase.NOTHING_WRITTEN if connection is None else connection.phase)
            if connection is not None:
                connection.abort()
            raise
        return httpx.Response(
            answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body), request=request,
            extensions=SPOKEN,
        )  # fmt: skip

    async def aclose(self) -> None:
        """Close all connections and wait until they are."""
        for connection in self._open:
            connection.close()
        self._idle.clear()
        if self._open:
            await asyncio.wait([connection.lost for connection in self._open], timeout=2 * PARTING)

    def _times(self, seconds: dict[str, float | None]) -> Times:
        return Times(seconds.get("write"), seconds.get("read"), seconds.get("total", self._limits.total))

    async def _slot(self, seconds: float | None) -> None:
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("all connections are in use") from None

    async def _ready(self, origin: Origin, seconds: float | None) -> Connection:
        """A connection on which nothing was said that is not ours. After this there is no await before the write."""
        for connection in [kept for kept in reversed(self._idle) if kept.origin == origin]:
            self._idle.remove(connection)
            if connection.fresh() and connection.quiet():
                return connection
            connection.close()
        connection = await self._connect(origin, seconds)
        if not connection.quiet():
            # Under TLS 1.3 a server that refuses our certificate says so only now: wait a moment for its reason.
            await asyncio.wait([connection.lost], timeout=MOMENT)
            connection.abort()
            raise httpx.ConnectError(_why(connection.error, "the server closed, or spoke, before it was asked"))
        return connection

    async def _connect(self, origin: Origin, seconds: float | None) -> Connection:
        scheme, host, port, name = origin
        loop, secure = asyncio.get_running_loop(), scheme == "https"
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, origin), host, port, ssl=self._context() if secure else None,
                    server_hostname=name if secure else None, ssl_shutdown_timeout=PARTING if secure else None,
                )  # fmt: skip
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection within {seconds} s") from None
        except OSError as error:  # ssl.SSLError is one
            raise httpx.ConnectError(_why(error)) from error
        self._open.add(connection)
        connection.lost.add_done_callback(lambda _: self._open.discard(connection))
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._ssl is None:
            self._ssl = httpx.create_ssl_context(trust_env=False)
        return self._ssl

    def _leave(self, connection: Connection, answer: Answer) -> None:
        """Keep it for the next request, if both sides have said all that they had to say."""
        idle = min(self._limits.idle, (answer.idle or self._limits.idle + PARTING) - PARTING)
        if not answer.reusable or answer.beyond or not connection.reusable or idle <= 0:
            connection.close()
            return
        connection.keep(idle)
        self._idle.append(connection)
        if len(self._idle) > self._limits.connections:
            self._idle.pop(0).close()


def _origin(request: httpx.Request) -> Origin:
    url = request.url
    host = url.raw_host.decode("ascii")
    return url.scheme, host, url.port or PORTS[url.scheme], request.extensions.get("sni_hostname", host)


def _why(error: Exception | None, otherwise: str = "") -> str:
    return str(error) or type(error).__name__ if error is not None else otherwise
