"""How a copy of a payment request is answered: the provider's own words, or a fault on the wire."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.testing.behaviours import Behaviour
from gateway_core.testing.ledger import Entry
from gateway_core.testing.serving import wire_fault

from .messages import CREATED, ApiError, json_response, payment_json

# "This copy was not taken": status and words.
NOT_TAKEN = {
    "too_many_requests": (429, "slow down; this request was not taken"),
    "busy": (503, "busy; this request was not taken"),
}


async def answer(request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
    """What goes back over the wire. Raises Dropped where nothing does."""
    kind = behaviour.answers
    if kind == "truth":
        return truth(request, key, entry)
    if kind == "refusal":
        # Of this copy, whatever the ledger holds.
        assert entry is not None
        return json_response(payment_json(entry, "refused", behaviour.code), 422)
    if kind in NOT_TAKEN:
        status, words = NOT_TAKEN[kind]
        raise ApiError(status, kind, words, key, {"retry-after": "1"})
    return await wire_fault(request, kind)


def truth(request: Request, key: str, entry: Entry | None) -> Response:
    """What the ledger says, under the status that fits what was asked."""
    if entry is None:
        raise ApiError(404, "unknown_key", "never heard of this key", key)
    return json_response(payment_json(entry), CREATED[entry.status] if request.method == "POST" else 200)
