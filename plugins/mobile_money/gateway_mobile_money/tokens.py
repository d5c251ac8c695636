"""What is added when a request is sent: token, filled addresses, signature. Never journaled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from gateway_core.contract import Bearer, Tokens

from .addresses import filled

if TYPE_CHECKING:
    from .profile import Profile


class AtSending(Bearer):
    """One lane's auth."""

    def __init__(self, profile: Profile, tokens: Tokens) -> None:
        super().__init__(tokens)
        self._profile = profile

    def asks_for_token(self) -> httpx.Request | None:
        """See Bearer."""
        return self._profile.token_request()

    def refuses_token(self, status: int, body: bytes) -> bool:
        """See Bearer."""
        return self._profile.stale(status, body)

    async def ready(self, request: httpx.Request) -> httpx.Request:
        """The request with its addresses filled in and signed."""
        secret = self._profile.settings.callback_secret
        if secret is not None:
            request = await _addressed(request, secret.reveal())
        self._profile.sign(request)
        return request


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
