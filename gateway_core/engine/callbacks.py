"""The callback application that all rails use: store, answer, wake (law 8). An ASGI application.

    POST, PUT or PATCH /callbacks/<channel>/<anything>
                        2xx once it is on disk, whether authentic or not; 503 if it is not
    GET /health         200

Mount it in the host's own server, or let `gateway callbacks` or `gateway run` serve it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from sqlalchemy.engine import Connection

from ..contract.channel import Channel
from ..contract.guard import interrupt, running
from ..contract.replies import Arrival, Callback
from ..model.errors import StoreError
from ..model.moments import as_time
from ..store import Store, inbox
from .evidence import plain

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

METHODS = frozenset({"POST", "PUT", "PATCH"})
# Credentials of the caller prove nothing later and must not be kept.
NOT_KEPT = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
HEADERS = 16_384
# So many arrivals share a transaction at most.
GROUP = 128
Arrived: TypeAlias = tuple[Channel, Arrival, Callback | None]
# Seconds that a gateway has to say which ask a callback is about; it takes microseconds.
PARSING = 5.0
log = logging.getLogger(__name__)


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
        self._mute: set[str] = set()
        self._waiting: list[tuple[Arrived, asyncio.Future[bool]]] = []
        self._storing: asyncio.Task[None] | None = None

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
        if scope["method"] not in METHODS:
            return 405
        channel = self._channels[parts[2]]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if sum(len(name) + len(value) for name, value in headers.items()) > HEADERS:
            return 431
        try:
            body = await _body(receive, channel.pace.body_limit)
        except TooLarge:
            return 413
        after = "/" + plain(parts[3] if len(parts) > 3 else "")
        arrival = Arrival(scope["method"], after, headers, body, as_time(self._now()), _target(scope))
        about = await self._about(channel, arrival)
        try:
            kept = await self._together(channel, arrival, about)
        except StoreError as error:
            # Not answered with 2xx, it comes again.
            log.error("a callback of channel %s could not be stored: %s", channel.name, error)
            return 503
        self._wake()
        return channel.gateway.stored_status if kept else 429

    async def _about(self, channel: Channel, arrival: Arrival) -> Callback | None:
        """Which ask it is about. A gateway that does not say so in time is asked no more; arrivals are kept, too."""
        if channel.name in self._mute:
            return None
        try:
            async with asyncio.timeout(PARSING):
                return await asyncio.to_thread(channel.parse_callback, arrival)
        except TimeoutError:
            log.error("%s.parse_callback does not return; callbacks of channel %s are stored without it",
                      channel.gateway.name, channel.name)  # fmt: skip
            self._mute.add(channel.name)
            for here in running():
                if here.owner is channel:
                    interrupt(here)
            return None

    async def _together(self, channel: Channel, arrival: Arrival, about: Callback | None) -> bool:
        """Store it with whatever else has come meanwhile: one transaction for all of it."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(((channel, arrival, about), done))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all())
        return await done

    async def _store_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            try:
                kept = await asyncio.to_thread(self._keep, [arrived for arrived, _ in group])
            except BaseException as error:
                for _, done in group:
                    if not done.done():
                        done.set_exception(error if isinstance(error, Exception) else StoreError("it ends"))
                if not isinstance(error, Exception):
                    raise
                continue
            for (_, done), said in zip(group, kept, strict=True):
                if not done.done():
                    done.set_result(said)

    def _keep(self, arrived: Sequence[Arrived]) -> list[bool]:
        return self._store.together(lambda connection: [self._keep_one(connection, *one) for one in arrived])

    def _keep_one(self, connection: Connection, channel: Channel, arrival: Arrival, about: Callback | None) -> bool:
        headers = {name: value for name, value in arrival.headers.items() if name not in NOT_KEPT}
        stored = Arrival(arrival.method, arrival.path, headers, arrival.body, arrival.received_at)
        key = plain(about.key, 200) if about else ""
        authentic = bool(about and about.authentic)
        return inbox.keep(connection, channel.name, stored, key, authentic)


def _target(scope: Scope) -> str:
    """What follows the channel's name as it was sent, for whoever signed exactly that."""
    raw = (scope.get("raw_path") or quote(plain(scope["path"])).encode()).decode("latin-1").split("/", 3)
    query = scope.get("query_string", b"").decode("latin-1")
    return "/" + (raw[3] if len(raw) > 3 else "") + (f"?{query}" if query else "")


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
