"""Bearer tokens that are fetched, shared by a channel's connections, and renewed without a gap (RFC 6749, RFC 6750).

A token is renewed while it is still good, by one connection while the others go on with it; where there is none, one
fetches and the others wait. Until a request is handed over, whatever fails left nothing: the core calls it not sent.
"""

from __future__ import annotations

import abc
import asyncio
import json
import time
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import attrs
import httpx

# A token is renewed this many seconds before its end, at most a fifth of its life.
EARLY = 60.0
# Nor is it used in its last moments, a tenth of its life at most: a request takes its time to get there.
LAST = 2.0
USUAL_LIFE = 3600.0


class NoToken(httpx.ConnectError):
    """The provider gave no token. Nothing of the payment left."""


@attrs.define
class Tokens:
    """One channel's token. A gateway keeps it, so that all its connections and every run in this process share it.

    `ends_others`: a new token ends the one before, so that nobody goes on with the old one while another fetches.
    `renew_after`: seconds after which it is renewed, whatever life the provider tells; 0 believes the provider.
    """

    ends_others: bool = False
    renew_after: float = 0.0
    _token: str = attrs.field(default="", init=False, repr=False)
    _renew_at: float = attrs.field(default=0.0, init=False)
    _ends_at: float = attrs.field(default=0.0, init=False)
    _locks: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = attrs.field(
        factory=weakref.WeakKeyDictionary, init=False, repr=False
    )

    def lock(self) -> asyncio.Lock:
        """Who holds it fetches. Each run has a loop of its own, and so a lock."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def good(self, *, fetching: bool = False) -> str:
        """The token to use now; "" when this caller should fetch one. It is good to its end while another renews it."""
        somebody = not fetching and self.lock().locked() and not self.ends_others
        return self._token if time.monotonic() < (self._ends_at if somebody else self._renew_at) else ""

    def take(self, status: int, body: bytes) -> str:
        """Keep what was answered, and return the token.

        The answer is RFC 6749, section 5.1: `{"access_token": TEXT, "expires_in": SECONDS}`, 3,600 if absent.
        Raises NoToken, with no word of the answer: it could hold a secret.
        """
        try:
            said: Any = json.loads(body) if status == 200 else {}
            token, life = said["access_token"], float(said.get("expires_in") or USUAL_LIFE)
            if not isinstance(token, str) or not token:
                raise ValueError
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NoToken(f"no token: the provider answered {status}") from None
        now = time.monotonic()
        self._token, self._ends_at = token, now + life - min(LAST, life / 10)
        self._renew_at = self._ends_at - min(EARLY, life / 5)
        if self.renew_after:
            self._renew_at = min(self._renew_at, now + self.renew_after)
        return token

    def drop(self, token: str) -> None:
        """The provider does not take this one any more."""
        if token == self._token:
            self._token, self._renew_at, self._ends_at = "", 0.0, 0.0


class Bearer(httpx.Auth, abc.ABC):
    """One connection's auth: subclass it, and return one from `Gateway.auth`."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    @abc.abstractmethod
    def asks_for_token(self) -> httpx.Request | None:
        """The request that fetches a token; None where requests go without one."""

    @abc.abstractmethod
    def refuses_token(self, status: int, body: bytes) -> bool:
        """Whether an answer of 4xx is the provider's own word that it did not take the token, and so nothing else.

        After it the same bytes go once more, and after nothing else: whoever answers 401 on the way may have passed
        the request on.
        """

    async def ready(self, request: httpx.Request) -> httpx.Request:
        """What else is added when it leaves: dates, signatures. Raise an `httpx.ConnectError` to let nothing leave."""
        return request

    def heard(self, response: httpx.Response) -> None:
        """Look at an answer's headers."""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See httpx.Auth. A token that is refused is renewed once, and the same bytes go again."""
        ready = await self.ready(request)
        for turn in range(2):
            token = self._tokens.good()
            if not token and (asked := self.asks_for_token()) is not None:
                async with self._tokens.lock():
                    # Another connection may have fetched it meanwhile.
                    token = self._tokens.good(fetching=True)
                    if not token:
                        # The limits on time and size are this question's, too.
                        asked.extensions.update(request.extensions)
                        answer = yield asked
                        token = self._tokens.take(answer.status_code, await answer.aread())
            if token:
                ready.headers["Authorization"] = f"Bearer {token}"
            response = yield ready
            self.heard(response)
            if turn or not token or not await self._refused(response):
                return
            self._tokens.drop(token)

    async def _refused(self, response: httpx.Response) -> bool:
        # A page of HTML is somebody's on the way, who may have passed the request on: it is read, and asked about.
        if not 400 <= response.status_code < 500 or "html" in response.headers.get("content-type", ""):
            return False
        body = await response.aread()
        # Whoever reads the answer next finds it whole.
        response.stream = httpx.ByteStream(body)
        return self.refuses_token(response.status_code, body)
