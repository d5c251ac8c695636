"""The session that requests bear, and the proof that notifications bring."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Generator
from datetime import datetime
from typing import Any

import attrs
import httpx

from gateway_core.contract import Arrival, Hidden, Reply

TIME, MAC = "x-mkoba-time", "x-mkoba-mac"
# A notification is repeated up to five times, each time with a time of its own.
FRESH = 600.0


@attrs.define
class Session:
    """One for all connections of the channel."""

    token: str = ""
    until: float = 0.0

    def take(self, answer: httpx.Response) -> None:
        """Keep the token until shortly before its end. Without one, nothing leaves."""
        said: Any = answer.json() if answer.status_code == 200 else {}
        if not isinstance(said, dict) or not isinstance(said.get("token"), str):
            raise httpx.ConnectError(f"no session: Mkoba answered {answer.status_code}")
        self.token, self.until = said["token"], time.monotonic() + float(said.get("validFor", 60)) * 0.9


class InSession(httpx.Auth):
    """`Authorization: Mkoba <token>`; a session that is over is renewed once, and the same bytes go again."""

    requires_response_body = True

    def __init__(self, url: str, partner: str, secret: Hidden, session: Session) -> None:
        self._url, self._partner, self._secret, self._session = url, partner, secret, session

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Session, request; once more where Mkoba itself says that the session is over."""
        for last in (False, True):
            if time.monotonic() >= self._session.until:
                self._session.take((yield self._opens(request)))
            used = self._session.token
            request.headers["Authorization"] = f"Mkoba {used}"
            response = yield request
            if response.status_code != 401:
                return
            if self._session.token == used:
                self._session.until = 0.0
            if last or Reply(401, {}, response.content).json().get("result") != "S-02":
                return

    def _opens(self, request: httpx.Request) -> httpx.Request:
        given = {"partnerId": self._partner, "partnerSecret": self._secret.reveal()}
        return httpx.Request("POST", f"{self._url}/session", json=given, extensions=request.extensions)


def sign(secret: str, sent_at: str, body: bytes) -> str:
    """HMAC-SHA256 over time, a line feed, and body, in Base64."""
    made = hmac.new(secret.encode(), sent_at.encode() + b"\n" + body, hashlib.sha256)
    return base64.b64encode(made.digest()).decode()


def is_authentic(arrival: Arrival, secret: Hidden | None) -> bool:
    """Signed with our key, about now."""
    sent_at, given = arrival.headers.get(TIME, ""), arrival.headers.get(MAC, "")
    try:
        age = abs((arrival.received_at - datetime.fromisoformat(sent_at)).total_seconds())
    except (ValueError, TypeError):
        return False
    if secret is None or age > FRESH:
        return False
    return hmac.compare_digest(sign(secret.reveal(), sent_at, arrival.body).encode(), given.encode())
