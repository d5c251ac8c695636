"""What the dummy server's manual lists, as tables, and the reading of a reply by them.

Nothing is definite but what is listed here, and only if the reply is about this very key, amount and account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
)

Body = Mapping[str, Any]

# Final codes of a refused payment, with the words for people. A code that is not listed decides nothing.
REFUSALS = {
    "refused_by_provider": "the provider refused the payment",
    "no_such_account": "nobody has this account",
    "insufficient_funds": "the institution's account does not cover it",
    "limit_exceeded": "above the account's limit",
    "cancelled": "cancelled before it was paid",
}
# A payment's status counts only under these HTTP statuses; a callback has none of its own.
COUNTS_UNDER = {
    "paid": {"ask": {201, 200}, "find_out": {200}},
    "pending": {"ask": {202}, "find_out": {200}},
    "refused": {"ask": {422}, "find_out": {200}},
    "reversed": {"ask": {200}, "find_out": {200}},
}
READ: dict[str, Callable[[Body], Verdict]] = {
    "paid": lambda body: Done({"receipt": body["receipt"]}) if body.get("receipt") else Unknown("paid without receipt"),
    "pending": lambda body: Waiting(),
    "refused": lambda body: _refused(str(body.get("code"))),
    "reversed": lambda body: Returned(str(body.get("receipt", "")), "reversed by the provider"),
}
# Errors: what a reply says about the request itself, by (what it answers, HTTP status, code). A question that was
# refused or not taken says nothing about the payment, so nothing of the kind is listed for find_out.
ERRORS: dict[tuple[str, int, str], Callable[[Reply], Verdict]] = {
    ("ask", 429, "too_many_requests"): lambda reply: NotTaken(_retry_after(reply)),
    ("ask", 503, "busy"): lambda reply: NotTaken(_retry_after(reply)),
    ("ask", 401, "unauthorised"): lambda reply: Refused("unauthorised", "the API key is wrong", stops_channel=True),
    ("find_out", 404, "unknown_key"): lambda reply: NotFound(),
}


def about_payment(ask: Ask, reply: Reply) -> Verdict:
    """The verdict about a payment. What is about another one, or not listed, is Unknown: the core asks again."""
    said = reply.json()
    if said.get("key") != ask.request.key:
        return Unknown("the reply is not about this key")
    status = said.get("status")
    if not isinstance(status, str):
        listed = ERRORS.get((reply.to, reply.status, str(said.get("code"))))
        return listed(reply) if listed else Unknown(f"{reply.status} {said.get('code', '')}")
    if any(said.get(part) != ask.request.json[part] for part in ("account", "amount", "currency", "reference")):
        return Unknown("the reply is about another amount or account")
    allowed = COUNTS_UNDER.get(status, {})
    if status not in READ or (reply.to != "callback" and reply.status not in allowed[reply.to]):
        return Unknown(f"{reply.status} with status {status}")
    return READ[status](said)


def about_question(ask: Ask, reply: Reply) -> Verdict:
    """The verdict about an enquiry: nothing moves, so a listed code or a plain 200 is enough."""
    said = reply.json()
    if reply.status == 200 and said:
        return Done(said)
    if reply.status == 404 and said.get("code") in REFUSALS:
        return _refused(str(said["code"]))
    listed = ERRORS.get(("ask", reply.status, str(said.get("code"))))
    return listed(reply) if listed else Unknown(f"{reply.status} {said.get('code', '')}")


def key_of(body: bytes) -> str:
    """The key that a callback is about, or "" if it is none of ours."""
    key = Reply(200, {}, body).json().get("key")
    return key if isinstance(key, str) else ""


def _refused(code: str) -> Verdict:
    return Refused(code, REFUSALS[code]) if code in REFUSALS else Unknown(f"refused by a code not listed: {code}")


def _retry_after(reply: Reply) -> float:
    """Whole seconds, as the manual has it; a minute at most, so that a strange header stops nobody."""
    text = reply.headers.get("retry-after", "1")
    return min(float(text), 60.0) if text.isascii() and text.isdigit() else 1.0
