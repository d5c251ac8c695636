"""What is added when a request is sent: the operator's token, addresses with their tokens, signatures. Never journaled.

A token is renewed while it is still good, by one lane while the others go on with it; where there is none, one lane
fetches and the others wait. Until our request is handed over, whatever fails left nothing (the lane calls it not sent).
"""

from __future__ import annotations

import asyncio
import json
import time
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import attrs
import httpx

from .addresses import filled

if TYPE_CHECKING:
    from .profile import Profile

# A token is renewed this long before its end, at most a fifth of its life.
EARLY = 60.0
# Nor is it used in its last moments, a tenth of its life at most: a request takes its time to get there.
LAST = 2.0
USUAL_LIFE = 3600.0


class NoToken(httpx.ConnectError):
    """The operator gave no token. Nothing of the payment left."""


@attrs.define
class Tokens:
    """One channel's token, shared by its lanes and by every run in this process."""

    profile: Profile
    _token: str = ""
    _renew_at: float = 0.0
    _ends_at: float = 0.0
    _locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = attrs.field(
        factory=weakref.WeakKeyDictionary
    )

    def lock(self) -> asyncio.Lock:
        """Who holds it fetches. Each run has a loop of its own, and so a lock."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def good(self, *, fetching: bool = False) -> str:
        """The token to use now; "" when this caller should fetch one. It is good to its end while another renews it."""
        somebody = not fetching and self.lock().locked() and not self.profile.token_ends_others
        return self._token if time.monotonic() < (self._ends_at if somebody else self._renew_at) else ""

    def take(self, status: int, body: bytes) -> str:
        """Keep what the operator answered. Raises NoToken, with no word of the answer: it could hold a secret."""
        try:
            said: Any = json.loads(body) if status == 200 else {}
            token, life = str(said["access_token"]), float(said.get("expires_in") or USUAL_LIFE)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NoToken(f"no token: the operator answered {status}") from None
        self._token, self._ends_at = token, time.monotonic() + life - min(LAST, life / 10)
        self._renew_at = self._ends_at - min(EARLY, life / 5)
        return token

    def drop(self, token: str) -> None:
        """The operator does not take this one any more."""
        if token == self._token:
            self._token, self._renew_at, self._ends_at = "", 0.0, 0.0


class AtSending(httpx.Auth):
    """One lane's auth."""

    def __init__(self, profile: Profile, tokens: Tokens) -> None:
        self._profile, self._tokens = profile, tokens

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Fill, sign, bring the token. A token that is refused is renewed once, and the same bytes go again."""
        ready = await self._ready(request)
        if not self._profile.has_token:
            yield ready
            return
        for turn in range(2):
            token = self._tokens.good()
            if not token:
                async with self._tokens.lock():
                    # Another lane may have fetched it meanwhile.
                    token = self._tokens.good(fetching=True)
                    if not token:
                        asked = self._profile.token_request()
                        assert asked is not None
                        # The lane's limits on time and size are this question's, too.
                        asked.extensions.update(request.extensions)
                        answer = yield asked
                        token = self._tokens.take(answer.status_code, await answer.aread())
            ready.headers["Authorization"] = f"Bearer {token}"
            response = yield ready
            if not self._profile.stale(response.status_code, await _refusal(response)):
                return
            self._tokens.drop(token)
            # A page is somebody's on the way, who may have passed the payment on: it is read, and asked about.
            if turn or "html" in response.headers.get("content-type", ""):
                return

    async def _ready(self, request: httpx.Request) -> httpx.Request:
        """The request with its addresses filled in and signed."""
        secret = self._profile.settings.callback_secret
        if secret is not None:
            request = await _addressed(request, secret.reveal())
        self._profile.sign(request)
        return request


async def _refusal(response: httpx.Response) -> bytes:
    """The body of an answer that may be about the token; whoever reads the answer next finds it whole."""
    if response.status_code not in (400, 401, 404):
        return b""
    body = await response.aread()
    response.stream = httpx.ByteStream(body)
    return body


async def _addressed(request: httpx.Request, secret: str) -> httpx.Request:
    now, body = time.time(), await request.aread()
    for name, value in list(request.headers.raw):
        if b"{" in value:
            request.headers[name.decode()] = filled(value.decode(), secret, now)
    if b"{token:" not in body and b"{asked:" not in body:
        return request
    body = filled(body.decode(), secret, now).encode()
    headers = httpx.Headers(request.headers)
    headers["Content-Length"] = str(len(body))
    stream = httpx.ByteStream(body)
    return httpx.Request(request.method, request.url, headers=headers, stream=stream, extensions=request.extensions)
