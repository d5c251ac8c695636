"""Signatures of callbacks (HMAC-SHA256 over time stamp and body) and the API key of requests."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator

import httpx

from gateway_core.contract import Arrival, Hidden

TIMESTAMP, SIGNATURE = "x-dummy-timestamp", "x-dummy-signature"
# Seconds by which a callback's time stamp may differ from its arrival: older ones may be replayed.
FRESH = 300


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Hex digest over b"<timestamp>.<body>"; the time stamp is whole seconds since 1970."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_authentic(arrival: Arrival, secret: Hidden | None) -> bool:
    """Signed with our secret, about now. Without a secret nothing is authentic: it only prompts a question."""
    timestamp, signature = arrival.headers.get(TIMESTAMP, ""), arrival.headers.get(SIGNATURE, "")
    if secret is None or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(arrival.received_at.timestamp() - int(timestamp)) > FRESH:
        return False
    return hmac.compare_digest(sign(secret.reveal(), timestamp, arrival.body).encode(), signature.encode())


class BearerKey(httpx.Auth):
    """Puts the API key on each request at the time of sending."""

    def __init__(self, key: Hidden) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header; never answers a challenge, so a request goes out once."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request
