"""How a rail's protocol looks to the simulated provider: requests read, answers and callbacks written.

The provider decides what happens to the money, and which lies are told; a face only puts it into the rail's own words.
Whoever writes a gateway writes a face beside it (thirty lines) and runs the real flow in all the worlds: see `plugins`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

import attrs

from ...contract.gateway import Gateway
from ...engine.wire import Wire
from ...model.compact import compact, parsed

Reply: TypeAlias = tuple[int, dict[str, str], bytes]
Status: TypeAlias = Literal["paid", "pending", "refused"]
# What is said of one copy: its payment's status, or why it was not taken.
Said: TypeAlias = Literal[
    "paid", "pending", "refused", "busy", "channel stopped", "duplicate", "expired", "limit exceeded"
]


@attrs.frozen
class Order:
    """A payment as a request asks for it. `raw`: the request's own body. `expires`: UTC microseconds, 0: never."""

    key: str
    reference: str
    entitlement: str
    account: str
    amount: int
    expires: int = 0
    raw: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Find:
    """A question about the payment with this key."""

    key: str


class Face(Protocol):
    """A rail's protocol. `order` carries what its own `read` made of the request."""

    def read(self, wire: Wire) -> Order | Find | Reply:
        """A payment, a question about one, or at once the answer to anything else (a look-up, a quote)."""

    def taken(self, said: Said, order: Order) -> Reply:
        """The answer to one copy of a payment request."""

    def found(self, status: Status, order: Order) -> Reply:
        """The answer to a question about a payment that is known."""

    def not_found(self, key: str) -> Reply:
        """The answer to a question about a key that nobody knows."""

    def calls(self, status: Status, order: Order, authentic: bool, at: int) -> tuple[bytes, dict[str, str]]:
        """Body and headers (lower-case) of a callback that goes out at `at` (UTC microseconds), forged or not."""


@attrs.frozen
class Rail:
    """A gateway, made anew for each process, and the face of its provider."""

    gateway: Callable[[], Gateway[Any]]
    face: Face


SIGNED = "x-signature"
_TAKEN: dict[Said, tuple[int, str]] = {
    "paid": (201, "not_possible"), "pending": (202, "not_possible"), "refused": (422, "not_possible"),
    "busy": (429, ""), "channel stopped": (401, ""), "duplicate": (409, "limit_exceeded"), "expired": (410, ""),
    "limit exceeded": (422, "limit_exceeded"),
}  # fmt: skip


class PlainFace:
    """The protocol of the two rails in `rails`: JSON, POST /payments, GET /payments/KEY."""

    def read(self, wire: Wire) -> Order | Find | Reply:
        """See Face."""
        parts = wire.target.split("/")
        match wire.method, parts[1]:
            case "GET", "accounts":
                return _answer(404 if parts[2].endswith("x") else 200, about=wire.target)
            case "POST", "quotes":
                return _answer(200, about=wire.target, fee=1)
            case "GET", "payments":
                return Find(parts[2])
        body = parsed(wire.body.decode())
        return Order(
            body["key"], body["reference"], body["entitlement"], body["account"], body["amount"], body["expires"], body
        )

    def taken(self, said: Said, order: Order) -> Reply:
        """See Face."""
        status, code = _TAKEN[said]
        return _answer(status, **order.raw, receipt=_receipt(order.key), code=code)

    def found(self, status: Status, order: Order) -> Reply:
        """See Face."""
        return _answer(200, **order.raw, status=status, receipt=_receipt(order.key), code="not_possible")

    def not_found(self, key: str) -> Reply:
        """See Face."""
        return _answer(404, key=key)

    def calls(self, status: Status, order: Order, authentic: bool, at: int) -> tuple[bytes, dict[str, str]]:
        """See Face."""
        body = {**order.raw, "status": status, "receipt": _receipt(order.key), "code": "not_possible"}
        return compact(body), {SIGNED: "right" if authentic else "wrong"}


def _receipt(key: str) -> str:
    return "R" + key[:8]


def _answer(code: int, /, **body: Any) -> Reply:
    return code, {}, compact(body)
