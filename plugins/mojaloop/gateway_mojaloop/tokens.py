"""What is added when a request leaves: date, signature, token. Never journaled.

A token is renewed while it is still good, by one lane while the others go on with it; where there is none, one lane
fetches and the others wait. A request that moves something on is not sent while the hub's clock and ours disagree.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import weakref
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import attrs
import httpx

from .fspiop import jws
from .keys import private_key
from .settings import MojaloopSettings

# A token is renewed this long before its end, at most a fifth of its life, and not used in its last moments.
EARLY, LAST, USUAL_LIFE = 60.0, 2.0, 3600.0
# Paths of what must not leave by a wrong clock: their expiry is written by it.
TIMED = ("/quotes", "/transfers")


class NoToken(httpx.ConnectError):
    """The hub's gateway gave no token. Nothing of the request left."""


class ClockOff(httpx.ConnectError):
    """Our clock and the hub's disagree. Nothing of the request left."""


@attrs.define
class Tokens:
    """One channel's token, shared by its lanes and by every run in this process."""

    settings: MojaloopSettings
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
        somebody = not fetching and self.lock().locked()
        return self._token if time.monotonic() < (self._ends_at if somebody else self._renew_at) else ""

    def request(self) -> httpx.Request:
        """Client credentials, by RFC 6749 section 4.4."""
        known = self.settings
        secret = known.client_secret.reveal() if known.client_secret else ""
        pair = base64.b64encode(f"{known.client_id}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
        return httpx.Request("POST", known.token_url, headers=headers, content=b"grant_type=client_credentials")

    def take(self, status: int, body: bytes) -> str:
        """Keep what was answered. Raises NoToken, with no word of the answer: it could hold a secret."""
        try:
            said: Any = json.loads(body) if status == 200 else {}
            token, life = str(said["access_token"]), float(said.get("expires_in") or USUAL_LIFE)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise NoToken(f"no token: the hub's gateway answered {status}") from None
        now = time.monotonic()
        self._token, self._ends_at = token, now + life - min(LAST, life / 10)
        self._renew_at = self._ends_at - min(EARLY, life / 5)
        if self.settings.token_refresh:
            self._renew_at = min(self._renew_at, now + self.settings.token_refresh)
        return token

    def drop(self, token: str) -> None:
        """The hub does not take this one any more."""
        if token == self._token:
            self._token, self._renew_at, self._ends_at = "", 0.0, 0.0


@attrs.define
class Clock:
    """How far the hub's clock is from ours, by the dates of its answers. `limit` 0: nobody looks."""

    limit: float
    off: float = 0.0

    def heard(self, date: str, now: float) -> None:
        """An answer's Date, whole seconds."""
        try:
            away = parsedate_to_datetime(date).timestamp() - now
        except (ValueError, TypeError):
            return
        self.off = away if abs(away) > self.limit + 1 else 0.0

    def agrees(self) -> bool:
        """Whether a time that we write means the same to the hub."""
        return not self.limit or not self.off


class Signer:
    """Adds date and signature. A key's signature takes a millisecond: it is made beside the loop."""

    def __init__(self, settings: MojaloopSettings) -> None:
        self._key = private_key(settings.jws_key.reveal()) if settings.jws_key else None

    async def sign(self, request: httpx.Request) -> None:
        """Once, for every time that it is sent."""
        request.headers["Date"] = format_datetime(datetime.now(UTC), usegmt=True)
        if self._key is None or request.method not in ("POST", "PUT", "PATCH"):
            return
        body = await request.aread()
        headers = {name.lower(): value for name, value in request.headers.items()}
        uri = jws.uri_of(request.url.raw_path.decode("ascii"))
        request.headers.update(await asyncio.to_thread(jws.sign, self._key, request.method, uri, headers, body))


class AtSending(httpx.Auth):
    """One lane's auth."""

    def __init__(self, settings: MojaloopSettings, signer: Signer, tokens: Tokens, clock: Clock) -> None:
        self._settings, self._signer, self._tokens, self._clock = settings, signer, tokens, clock
        # Where a gateway gave out one that lasts.
        self._fixed = settings.bearer_token.reveal() if settings.bearer_token else ""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign, bring the token. A token that is refused is renewed once, and the same bytes go again."""
        if request.method == "POST" and request.url.path.endswith(TIMED) and not self._clock.agrees():
            # A look-up, which is harmless, hears the hub's time again.
            raise ClockOff(f"the hub's clock is {self._clock.off:+.0f} s from ours")
        await self._signer.sign(request)
        for turn in range(2):
            token = self._fixed or self._tokens.good()
            if not token and self._settings.token_url:
                async with self._tokens.lock():
                    # Another lane may have fetched it meanwhile.
                    token = self._tokens.good(fetching=True)
                    if not token:
                        asked = self._tokens.request()
                        # The lane's limits on time and size are this question's, too.
                        asked.extensions.update(request.extensions)
                        answer = yield asked
                        token = self._tokens.take(answer.status_code, await answer.aread())
            if token:
                request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            self._clock.heard(response.headers.get("date", ""), time.time())
            if response.status_code != 401 or not self._settings.token_url:
                return
            self._tokens.drop(token)
            # A page is somebody's on the way, who may have passed the request on.
            if turn or "html" in response.headers.get("content-type", ""):
                return
