"""What is added when a request leaves: date, signature, token. Never journaled.

A request that moves something on is not sent while the hub's clock and ours disagree.
"""

from __future__ import annotations

import asyncio
import base64
import time
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

import attrs
import httpx

from gateway_core.contract import Bearer, Tokens

from .fspiop import jws
from .keys import private_key
from .settings import MojaloopSettings

# Paths of what must not leave by a wrong clock: their expiry is written by it.
TIMED = ("/quotes", "/transfers")


class ClockOff(httpx.ConnectError):
    """Our clock and the hub's disagree. Nothing of the request left."""


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


class AtSending(Bearer):
    """One lane's auth."""

    def __init__(self, settings: MojaloopSettings, signer: Signer, tokens: Tokens, clock: Clock) -> None:
        super().__init__(tokens)
        self._settings, self._signer, self._clock = settings, signer, clock

    async def ready(self, request: httpx.Request) -> httpx.Request:
        """Dated and signed; with the token that lasts, where a gateway gave one out."""
        if request.method == "POST" and request.url.path.endswith(TIMED) and not self._clock.agrees():
            # A look-up, which is harmless, hears the hub's time again.
            raise ClockOff(f"the hub's clock is {self._clock.off:+.0f} s from ours")
        await self._signer.sign(request)
        if self._settings.bearer_token:
            request.headers["Authorization"] = f"Bearer {self._settings.bearer_token.reveal()}"
        return request

    def heard(self, response: httpx.Response) -> None:
        """The hub's time."""
        self._clock.heard(response.headers.get("date", ""), time.time())

    def asks_for_token(self) -> httpx.Request | None:
        """Client credentials, by RFC 6749 section 4.4."""
        known = self._settings
        if known.bearer_token or not known.token_url:
            return None
        secret = known.client_secret.reveal() if known.client_secret else ""
        pair = base64.b64encode(f"{known.client_id}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
        return httpx.Request("POST", known.token_url, headers=headers, content=b"grant_type=client_credentials")

    def refuses_token(self, status: int, body: bytes) -> bool:
        """The specification has no error of its own for it: the scheme's gateway answers 401."""
        return status == 401
