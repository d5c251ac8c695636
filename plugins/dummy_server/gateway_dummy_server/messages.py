"""The server's JSON: reading a payment request, and writing payments and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import attrs
from starlette.responses import Response

from gateway_core.testing.ledger import Entry, Order

# The HTTP status under which a payment is answered to the request that made it.
CREATED = {"paid": 201, "pending": 202, "refused": 422, "reversed": 200}
BODY_LIMIT = 64 * 1024
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@attrs.frozen
class ApiError(Exception):
    """An answer that is no payment. `code` is stable; `key` is the payment asked about, if any."""

    status: int
    code: str
    reason: str
    key: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def response(self) -> Response:
        """The error on the wire."""
        body = {"code": self.code, "reason": self.reason, **({"key": self.key} if self.key else {})}
        return json_response(body, self.status, self.headers)


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Compact JSON."""
    return Response(json.dumps(body, separators=(",", ":")), status, dict(headers or {}), media_type="application/json")


def read_order(body: bytes, key_header: str) -> Order:
    """The payment that a request asks for; ApiError 400 for anything that is not exactly one."""
    try:
        said = json.loads(body)
    except ValueError:
        raise ApiError(400, "invalid", "the body is not JSON", key_header) from None
    if not isinstance(said, dict) or not isinstance(account := said.get("account"), dict):
        raise ApiError(400, "invalid", "a payment is an object with an account {type, value}", key_header)
    texts = {
        "key": said.get("key"), "reference": said.get("reference"), "entitlement": said.get("entitlement", ""),
        "account_type": account.get("type"), "account": account.get("value"), "currency": said.get("currency"),
        "name": said.get("name", ""), "callback_url": said.get("callback_url", ""),
    }  # fmt: skip
    wrong = [name for name, value in texts.items() if not isinstance(value, str) or len(value) > 1024]
    amount = said.get("amount")
    if type(amount) is not int or not 0 < amount <= 10**18 or wrong:
        wrong += [] if type(amount) is int and amount > 0 else ["amount"]
        raise ApiError(400, "invalid", f"missing or wrong: {', '.join(wrong)}", key_header)
    order = Order(amount=amount, **texts)
    return _checked(order, key_header)


def _checked(order: Order, key_header: str) -> Order:
    wrong = [
        name
        for name, right in (
            ("key", _KEY.fullmatch(order.key)),
            ("Idempotency-Key differs from key", key_header == order.key),
            ("currency", _CURRENCY.fullmatch(order.currency)),
            ("reference", order.reference),
            ("account", order.account_type and order.account),
            ("callback_url", not order.callback_url or order.callback_url.startswith(("http://", "https://"))),
        )
        if not right
    ]
    if wrong:
        raise ApiError(400, "invalid", f"missing or wrong: {', '.join(wrong)}", key_header)
    return order


def payment_json(entry: Entry, status: str = "", code: str = "") -> dict[str, Any]:
    """A payment on the wire; `status` and `code` in place of the ledger's own are a lie on purpose."""
    order, status = entry.order, status or entry.status
    said = {
        "key": order.key, "reference": order.reference, "entitlement": order.entitlement, "status": status,
        "account": {"type": order.account_type, "value": order.account},
        "amount": order.amount, "currency": order.currency,
    }  # fmt: skip
    if status in ("paid", "reversed"):
        said["receipt"] = entry.receipt
    if status == "refused":
        said["code"] = code or entry.code or "refused_by_provider"
    return said
