"""The dummy server's protocol as the simulated provider speaks it: the page to copy for a plugin's own face."""

from __future__ import annotations

import json
from typing import Any

from gateway_dummy_server.signing import SIGNATURE, TIMESTAMP, sign

from gateway_core.engine.wire import Wire
from gateway_core.testing.simulation import Find, Order, Reply, Said, Status

SECRET = "the-callback-secret"
CREATED: dict[Status, int] = {"paid": 201, "pending": 202, "refused": 422}
# HTTP status and code of a copy that was not taken, or refused for itself.
ERRORS: dict[Said, tuple[int, str]] = {
    "busy": (503, "busy"), "channel stopped": (401, "unauthorised"), "duplicate": (409, "duplicate"),
}  # fmt: skip


class DummyFace:
    """POST /payments, GET /payments/KEY, signed callbacks."""

    def read(self, wire: Wire) -> Order | Find | Reply:
        """See Face."""
        if wire.method == "GET":
            return Find(wire.target.rpartition("/")[2])
        body = json.loads(wire.body)
        return Order(
            body["key"], body["reference"], body["entitlement"], body["account"]["value"], body["amount"], raw=body
        )

    def taken(self, said: Said, order: Order) -> Reply:
        """See Face."""
        if said in CREATED:
            return _json(CREATED[said], self._payment(said, order))
        if said == "limit exceeded":
            return _json(422, {**self._payment("refused", order), "code": "limit_exceeded"})
        status, code = ERRORS[said]
        return _json(status, {"code": code, "reason": "", "key": order.key})

    def found(self, status: Status, order: Order) -> Reply:
        """See Face."""
        return _json(200, self._payment(status, order))

    def not_found(self, key: str) -> Reply:
        """See Face."""
        return _json(404, {"code": "unknown_key", "reason": "", "key": key})

    def calls(self, status: Status, order: Order, authentic: bool, at: int) -> tuple[bytes, dict[str, str]]:
        """See Face."""
        body, timestamp = json.dumps(self._payment(status, order)).encode(), str(at // 1_000_000)
        return body, {TIMESTAMP: timestamp, SIGNATURE: sign(SECRET if authentic else "another", timestamp, body)}

    def _payment(self, status: Status, order: Order) -> dict[str, Any]:
        said = {**order.raw, "status": status}
        if status == "paid":
            said["receipt"] = "D-" + order.key[:8]
        if status == "refused":
            said["code"] = "refused_by_provider"
        return said


def _json(status: int, body: dict[str, Any]) -> Reply:
    return status, {}, json.dumps(body).encode()
