"""The words of the simulated GSMA API: errors, ids, what a request asks for, how a payment is shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from gateway_core.contract import Money
from gateway_core.testing.ledger import Entry, Order

from .common import Answer, account_of, digits_of, minor

STATUS = {"paid": "completed", "pending": "pending", "refused": "failed", "reversed": "reversed"}
# (category, code, HTTP status) of what the provider refuses.
ERRORS = {
    "no_such_account": ("identification", "identifierError", 404),
    "insufficient_funds": ("businessRule", "insufficientFunds", 400),
    "limit_exceeded": ("businessRule", "dailyValueLimitExceeded", 400),
}
REFUSED = ("businessRule", "incorrectState", 400)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_AMOUNT = re.compile(r"(0|[1-9]\d{0,17})(\.\d{0,3}[1-9])?")


def error(category: str, code: str, text: str = "") -> dict[str, Any]:
    """An Error object."""
    said = {"errorCategory": category, "errorCode": code, "errorDateTime": now()}
    return said | ({"errordescription": text} if text else {})


def now() -> str:
    """As answers have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def turned(key: str) -> str:
    """A server's id from a client's, and back."""
    text = key.replace("-", "")[::-1]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def key_of_reference(reference: str) -> str:
    text = reference[1:].lower()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def key_of(request: Request) -> str:
    """The client's correlation id."""
    key = request.headers.get("x-correlationid", "")
    if not _UUID.fullmatch(key):
        raise Answer(400, error("validation", "mandatoryValueNotSupplied", "X-CorrelationID"))
    return key.lower()


def window(request: Request) -> tuple[int, int]:
    """Limit and offset of a page."""
    limit, offset = (int(request.query_params.get(name, usual)) for name, usual in (("limit", 50), ("offset", 0)))
    return limit, offset


def order_of(said: Any, key: str, callback: str = "") -> Order:
    """The payment that a request, or an item of a batch, asks for."""
    try:
        return _order(said, key, callback)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise Answer(400, error("validation", "formatError")) from None


def _order(said: dict[str, Any], key: str, callback: str) -> Order:
    """Raises ValueError, KeyError and the like for what is none."""
    amount, currency, payee = said["amount"], said["currency"], said["creditParty"][0]
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount) or not said["debitParty"]:
        raise ValueError(amount)
    reference = str(said.get("requestingOrganisationTransactionReference") or key)
    account = account_of(str(payee["value"]).lstrip("+"))
    return Order(
        key, reference, reference, payee["key"], account, minor(amount, currency), currency, callback_url=callback
    )


def reference_of(entry: Entry) -> str:
    """The provider's own for a payment."""
    return "T" + entry.order.key.replace("-", "").upper()


def transaction_of(entry: Entry, says: str = "") -> dict[str, Any]:
    """As the API shows a payment."""
    order = entry.order
    return {
        "transactionReference": reference_of(entry), "transactionStatus": STATUS[says or entry.status],
        "type": "disbursement", "amount": Money(order.amount, order.currency).text.removesuffix(".00"),
        "currency": order.currency, "debitParty": [{"key": "accountid", "value": "2999"}],
        "creditParty": [{"key": order.account_type, "value": "+" + digits_of(order.account)}],
        "requestingOrganisationTransactionReference": order.reference,
    }  # fmt: skip
