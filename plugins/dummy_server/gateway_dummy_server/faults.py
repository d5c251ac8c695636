"""The faults on the wire: one function per way to answer, found in the table `ANSWERS`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.testing.behaviours import Behaviour
from gateway_core.testing.ledger import Entry

from .messages import CREATED, ApiError, json_response, payment_json

# Under this name the server's protocol class (`wire`) puts the connection into the scope.
CONNECTION = "dummy_server.connection"
SILENCE = 60.0
Answer = Callable[[Request, str, Entry | None, Behaviour], Awaitable[Response]]


class Dropped(Exception):
    """The connection is gone; nothing is answered."""


async def truth(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """What the ledger says, under the status that fits what was asked."""
    if entry is None:
        raise ApiError(404, "unknown_key", "never heard of this key", key)
    return json_response(payment_json(entry), CREATED[entry.status] if request.method == "POST" else 200)


async def refusal(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """A listed refusal of this copy, whatever the ledger holds."""
    assert entry is not None
    return json_response(payment_json(entry, "refused", behaviour.code), 422)


async def error(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """500, with nothing to learn from."""
    return Response("Internal Server Error", 500, media_type="text/plain")


async def garbage(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """200, and bytes that are no JSON."""
    return Response(b"\x00\xff<html>{'status': 'paid'", 200, media_type="application/json")


async def redirect(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """307: whoever follows it pays under an address that nobody approved."""
    return Response(b"", 307, {"location": "/elsewhere"})


async def too_many_requests(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """429: this copy was not taken."""
    raise ApiError(429, "too_many_requests", "slow down; this request was not taken", key, {"retry-after": "1"})


async def busy(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """503 with the listed code: this copy was not taken."""
    raise ApiError(503, "busy", "busy; this request was not taken", key, {"retry-after": "1"})


async def silence(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """No answer while the client waits; a minute at most, and not beyond the server's own end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(request.app.state.closing.wait(), SILENCE)
    return await drop(request, key, entry, behaviour)


async def drop(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """The connection breaks (a reset); the client learns nothing."""
    connection = request.scope.get("extensions", {}).get(CONNECTION, {}).get("transport")
    if connection is None:
        raise ConnectionResetError("this face has no connection to drop")
    connection.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise Dropped


ANSWERS: dict[str, Answer] = {
    "truth": truth,
    "refusal": refusal,
    "error": error,
    "silence": silence,
    "drop": drop,
    "garbage": garbage,
    "redirect": redirect,
    "too_many_requests": too_many_requests,
    "busy": busy,
}
