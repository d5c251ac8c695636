"""What Mkoba's interface lists (release 3.4), as tables, and the reading of a reply by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_core.contract import (
    Ask,
    Done,
    NotFound,
    NotTaken,
    Refused,
    Reply,
    Returned,
    Unknown,
    Verdict,
    Waiting,
    read_money,
)

# "The credit was not made." C-99 ("internal error") is not listed: it does not say so.
REFUSALS = {
    "C-11": "nobody has this number",
    "C-12": "the customer is barred or dormant",
    "C-13": "above the customer's limit",
    "C-40": "Mkoba calls the request malformed",
}
# Not made either, and everybody else's would not be.
OURS = {"C-21": "the partner's float does not cover it"}
# "Under investigation by our desk": it becomes CREDITED, or REJECTED with another reason.
INVESTIGATED = "C-77"
# Answers to the session, not to the credit.
CLOSED = {(401, "S-02"): "the session was refused, a fresh one too", (403, "S-09"): "the agreement is suspended"}
CUSTOMERS = {"BARRED": "the customer is barred", "DORMANT": "the wallet is dormant", "NONE": "nobody has this number"}
BUSY = 429

Body = Mapping[str, Any]


def about_credit(ask: Ask, reply: Reply) -> Verdict:
    """The verdict about a credit; only the enquiry and the notification have it in an object of its own."""
    said, result = reply.json(), str(reply.json().get("result"))
    if reply.to == "ask":
        if reply.status == BUSY:
            return NotTaken(retry_after=3.0)
        if (reply.status, result) in CLOSED:
            return Refused(result, CLOSED[reply.status, result], stops_channel=True)
        return _answered(ask, reply.status, said)
    if reply.to == "callback":
        return _decided(ask, said)
    if (reply.status, result, said.get("reference")) == (200, "E-04", ask.request.key):
        return NotFound()
    credit = said.get("credit") if (reply.status, result) == (200, "OK") else None
    return _decided(ask, credit) if isinstance(credit, Mapping) else Unknown(f"{reply.status} {result}")


def _answered(ask: Ask, status: int, said: Body) -> Verdict:
    """The answer to the call itself: `result` is the outcome."""
    result = str(said.get("result"))
    if status != 200 or not _same(ask, said):
        return Unknown(f"{status} {result}, not about this credit")
    match result:
        case "OK":
            return _paid(said)
        case "WAIT":
            return Waiting()
    return _by_code(result)


def _decided(ask: Ask, credit: Body) -> Verdict:
    """The object `credit`: `state` is the outcome."""
    if not _same(ask, credit):
        return Unknown("about another credit")
    match credit.get("state"):
        case "CREDITED":
            return _paid(credit)
        case "PROCESSING":
            return Waiting()
        case "REVERSED":
            return Returned(str(credit.get("receipt", "")), "reversed by Mkoba")
        case "REJECTED":
            return _by_code(str(credit.get("reason")))
    return Unknown(f"state {credit.get('state')}")


def _paid(said: Body) -> Verdict:
    receipt = said.get("receipt")
    return Done({"receipt": receipt}) if isinstance(receipt, str) and receipt else Unknown("paid without a receipt")


def _by_code(code: str) -> Verdict:
    if code == INVESTIGATED:
        return Waiting()
    if code in REFUSALS:
        return Refused(code, REFUSALS[code])
    if code in OURS:
        return Refused(code, OURS[code], stops_channel=True, final=True)
    return Unknown(f"code {code}")


def _same(ask: Ask, said: Body) -> bool:
    """This reference, number and amount. Mkoba writes amounts without superfluous zeros."""
    order = ask.request.json
    ours, theirs = (read_money(one.get("amount"), one.get("currency")) for one in (order, said))
    named = (said.get("reference"), said.get("number")) == (order["reference"], order["number"])
    return named and theirs is not None and ours == theirs


def about_question(ask: Ask, reply: Reply) -> Verdict:
    """The verdict about an enquiry, which moves nothing."""
    said = reply.json()
    if reply.status == 200 and ask.name == "customer" and ask.request.path.endswith(f"/{said.get('number')}"):
        status = str(said.get("status"))
        if status in CUSTOMERS:
            return Refused(status, CUSTOMERS[status])
        return Done() if status == "ACTIVE" else Unknown(f"customer {status}")
    if reply.status == 200 and ask.name == "float" and read_money(said.get("available"), said.get("currency")):
        return Done({"available": said["available"], "currency": said["currency"]})
    return Unknown(f"status {reply.status}")


def key_of(body: bytes) -> str:
    """The reference that a notification is about; "" when it is none of ours."""
    key = Reply(200, {}, body).json().get("reference")
    return key if isinstance(key, str) else ""
