"""Lanes: one HTTP client with one connection each (a shared pool costs four to five times the CPU).

*Not sent* is an allow-list: a request is unsent only when no connection was made. Every other exception, foreign ones
too, means that nobody knows (design section 7; the evidence is one fault table, kept as a contract test).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator
from functools import lru_cache

import httpx

from .wire import Wire

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Whose words may be kept. Others quote what was to be sent, and that may hold a secret.
QUOTABLE = (httpx.NetworkError, httpx.TimeoutException)
# Below the idle time-out of common servers (5 s), so that a request seldom meets a connection that is being closed.
KEEP_ALIVE = 4.0


class NotSent(Exception):
    """Proven: not a byte of the request left."""


class NoAnswer(Exception):
    """The request may have been read; no whole answer came."""


class _Answered(httpx.Auth):
    """The gateway's auth. It may send our request more than once: after an answer, no failure proves it unsent."""

    def __init__(self, auth: httpx.Auth) -> None:
        self._auth, self.once = auth, False
        self.requires_request_body = auth.requires_request_body
        self.requires_response_body = auth.requires_response_body

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        self.once, flow = False, self._auth.async_auth_flow(request)
        try:
            out = await anext(flow)
            while True:
                response = yield out
                self.once |= out is request or out.url == request.url
                out = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


@lru_cache(1)
def _ssl_context() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


class HttpLane:
    """A single-connection httpx client: no retries, no redirects, nothing from the environment."""

    def __init__(
        self, base_url: str, auth: httpx.Auth | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._base = base_url.rstrip("/")
        url = httpx.URL(self._base)
        self._host = url.netloc
        self._auth = _Answered(auth) if auth is not None else None
        self._url = lru_cache(64)(lambda target: httpx.URL(self._base + target))
        # A TLS context is costly to make, and plain http (loopback only) needs none.
        verify: ssl.SSLContext | bool = _ssl_context() if url.scheme == "https" else False
        self._client = httpx.AsyncClient(
            transport=transport
            or httpx.AsyncHTTPTransport(
                verify=verify,
                trust_env=False,
                retries=0,
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE),
            ),
            trust_env=False,
            follow_redirects=False,
        )

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        """One exchange within `timeout` seconds in all; an answer longer than `limit` bytes is no answer."""
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(self._request(wire, timeout), limit)
        except NOT_SENT as error:
            if self._auth is not None and self._auth.once:
                raise NoAnswer(_named(error)) from error
            raise NotSent(_named(error)) from error
        except asyncio.CancelledError:
            raise
        except NoAnswer:
            raise
        except Exception as error:
            raise NoAnswer(_named(error)) from error

    def _request(self, wire: Wire, timeout: float) -> httpx.Request:
        headers = [
            (b"Host", self._host),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            *wire.headers,
        ]
        if wire.body or wire.method != "GET":
            headers.append((b"Content-Length", b"%d" % len(wire.body)))
        limits = {"connect": min(timeout, 10.0), "read": timeout, "write": timeout, "pool": timeout}
        return httpx.Request(
            wire.method, self._url(wire.target), headers=headers, stream=httpx.ByteStream(wire.body),
            extensions={"timeout": limits},
        )  # fmt: skip

    async def _exchange(self, request: httpx.Request, limit: int) -> tuple[int, dict[str, str], bytes]:
        response = await self._client.send(request, auth=self._auth, stream=True)
        try:
            parts, size = [], 0
            async for part in response.aiter_raw():
                size += len(part)
                if size > limit:
                    raise NoAnswer(f"the answer is longer than {limit} bytes")
                parts.append(part)
        finally:
            await response.aclose()
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}
        return response.status_code, headers, b"".join(parts)

    async def close(self) -> None:
        """Drop the connection."""
        await self._client.aclose()


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, QUOTABLE) and str(error) else type(error).__name__
