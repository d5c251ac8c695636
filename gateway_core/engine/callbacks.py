"""The callback application that all rails use: store, answer, wake (law 8). An ASGI application.

    POST or PUT /callbacks/<channel>/<anything>     2xx once it is on disk, whether authentic or not
    GET         /health                             200

Mount it in the host's own server, or let `gateway callbacks` or `gateway run` serve it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from ..contract.channel import Channel
from ..contract.replies import Arrival
from ..store import Store, inbox
from .conversation import as_time
from .evidence import plain

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Credentials of the caller prove nothing later and must not be kept.
NOT_KEPT = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
HEADERS = 16_384


class TooLarge(Exception):
    """The body is longer than the channel's limit."""


class CallbackApp:
    """`channels`: those that may be called back. `wake` is called after an arrival is on disk."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        now: Callable[[], int],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._channels, self._now, self._wake = store, channels, now, wake

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            status = await self._serve(scope, receive)
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    async def _serve(self, scope: Scope, receive: Receive) -> int:
        path = scope["path"]
        if path == "/health":
            return 200
        parts = path.split("/", 3)
        if len(parts) < 3 or parts[1] != "callbacks" or parts[2] not in self._channels:
            return 404
        if scope["method"] not in ("POST", "PUT"):
            return 405
        channel = self._channels[parts[2]]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if sum(len(name) + len(value) for name, value in headers.items()) > HEADERS:
            return 431
        try:
            body = await _body(receive, channel.pace.body_limit)
        except TooLarge:
            return 413
        arrival = Arrival(
            scope["method"], "/" + plain(parts[3] if len(parts) > 3 else ""), headers, body, as_time(self._now())
        )
        kept = await asyncio.to_thread(self._keep, channel, arrival)
        self._wake()
        return 204 if kept else 429

    def _keep(self, channel: Channel, arrival: Arrival) -> bool:
        about = channel.parse_callback(arrival)
        headers = {name: value for name, value in arrival.headers.items() if name not in NOT_KEPT}
        stored = Arrival(arrival.method, arrival.path, headers, arrival.body, arrival.received_at)
        with self._store.write() as connection:
            key = plain(about.key, 200) if about else ""
            return inbox.keep(connection, channel.name, stored, key, bool(about and about.authentic))


async def _body(receive: Receive, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise TooLarge
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
