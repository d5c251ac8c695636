"""Lanes: one HTTP client with one connection each, so that no connection is shared with an answer outstanding.

*Not sent* is proven only where nothing was written: our transport says how far it had come; of another transport's
errors a short list counts. Every other exception, foreign ones too, means that nobody knows (design section 7; the
evidence is one table of faults, `gateway_core.testing.wire`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import lru_cache

import httpx

from ..contract.channel import Wiring
from .tls import context
from .transport import Limits, OwnTransport, Phase, phase_of
from .wire import Wire

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Whose words may be kept. Others quote what was to be sent, and that may hold a secret.
QUOTABLE = (httpx.NetworkError, httpx.TimeoutException)
# Below the idle time-out of common servers (5 s), so that a request seldom meets a connection that is being closed.
KEEP_ALIVE = 4.0
# What we accept where the gateway does not say it.
JSON = (b"Accept", b"application/json")


class NotSent(Exception):
    """Proven: not a byte of the request left."""


class NoAnswer(Exception):
    """The request may have been read; no whole answer came."""


def unsent(error: BaseException) -> bool:
    """Whether it is proven that no byte of the request left: by its phase if it has one, else by its class."""
    phase = phase_of(error)
    return isinstance(error, NOT_SENT) if phase is None else phase is Phase.NOTHING_WRITTEN


class _Answered(httpx.Auth):
    """The gateway's auth. It may send our request more than once: after an answer, no failure proves it unsent.

    Before it hands our request over (it fetches a token, say), every failure does: `offered` is when it did.
    """

    def __init__(self, auth: httpx.Auth) -> None:
        self._auth, self.once, self.offered = auth, False, False
        self.requires_request_body = auth.requires_request_body
        self.requires_response_body = auth.requires_response_body

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        self.once, flow = False, self._auth.async_auth_flow(request)
        try:
            out = await anext(flow)
            while True:
                ours = out is request or _is_copy(out, request)
                self.offered |= ours
                response = yield out
                self.once |= ours
                out = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


def _is_copy(out: httpx.Request, request: httpx.Request) -> bool:
    """Whether it may be ours, signed or wrapped. What fetches a token has another path and another body."""
    if out.url.path == request.url.path or out.stream is request.stream:
        return True
    try:
        return bool(request.content) and out.content == request.content
    except httpx.RequestNotRead:
        return False


class _NoCookies(httpx.Cookies):
    """Nothing of one exchange goes into the next."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none. (httpx would make three objects of urllib's to find that there is none.)"""


class _Client(httpx.AsyncClient):
    @property
    def cookies(self) -> httpx.Cookies:
        return NO_COOKIES

    @cookies.setter
    def cookies(self, cookies: object) -> None:
        raise TypeError("a lane has no cookies")


NO_COOKIES = _NoCookies()


def _transport(wiring: Wiring, secure: bool) -> httpx.AsyncBaseTransport:
    """One connection, no retries, nothing from the environment."""
    # A TLS context is costly to make, and plain http (loopback only) needs none.
    trust = context(wiring) if secure else None
    if wiring.transport == "own":
        return OwnTransport(trust, Limits(idle=KEEP_ALIVE, connections=1))
    return httpx.AsyncHTTPTransport(
        verify=trust or False, trust_env=False, retries=0, proxy=wiring.proxy or None,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE),
    )  # fmt: skip


class HttpLane:
    """An httpx client with one connection: no retries, no redirects, no cookies, nothing from the environment."""

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth | None,
        transport: httpx.AsyncBaseTransport | None = None,
        wiring: Wiring | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        url = httpx.URL(self._base)
        self._host = url.netloc
        self._auth = _Answered(auth) if auth is not None else None
        self._url = lru_cache(64)(lambda target: httpx.URL(self._base + target))
        self._client = _Client(
            transport=transport or _transport(wiring or Wiring(), url.scheme == "https"),
            trust_env=False,
            follow_redirects=False,
        )

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        """One exchange within `timeout` seconds in all; an answer longer than `limit` bytes is no answer."""
        if self._auth is not None:
            self._auth.offered = False
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(self._request(wire, timeout, limit), limit)
        except NoAnswer:
            raise
        except Exception as error:
            raise (NotSent if self._proves_unsent(error) else NoAnswer)(_named(error)) from error

    def _proves_unsent(self, error: Exception) -> bool:
        auth = self._auth
        if auth is None:
            return unsent(error)
        return not auth.offered or (unsent(error) and not auth.once)

    def _request(self, wire: Wire, timeout: float, limit: int) -> httpx.Request:
        headers = [
            (b"Host", self._host),
            *(() if any(name.lower() == b"accept" for name, _ in wire.headers) else (JSON,)),
            (b"Accept-Encoding", b"identity"),
            *wire.headers,
        ]
        if wire.body or wire.method != "GET":
            headers.append((b"Content-Length", b"%d" % len(wire.body)))
        times = {"connect": min(timeout, 10.0), "read": timeout, "write": timeout, "pool": timeout, "total": timeout}
        return httpx.Request(
            wire.method, self._url(wire.target), headers=headers, stream=httpx.ByteStream(wire.body),
            extensions={"timeout": times, "body_limit": limit},
        )  # fmt: skip

    async def _exchange(self, request: httpx.Request, limit: int) -> tuple[int, dict[str, str], bytes]:
        response = await self._client.send(request, auth=self._auth, stream=True)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        try:
            parts, size = [], 0
            # As it came: what a server may have packed is not unpacked, so the limit is on what is kept.
            async for part in response.stream:
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
    """The error in words that hold no secret, and how far the exchange had come."""
    phase = phase_of(error)
    quotable = isinstance(error, QUOTABLE) or (phase is not None and isinstance(error, httpx.TransportError))
    text = f"{type(error).__name__}: {error}" if quotable and str(error) else type(error).__name__
    return text if phase in (None, Phase.NOTHING_WRITTEN) else f"{text} ({phase.value})"
