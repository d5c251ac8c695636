"""The items of a GSMA batch: how they are written, and what its completions and rejections say of them. Pure.

An item is known by its reference alone, never by its place. The API tells no amount with an outcome; the reference
carries a check over the payee's number, so that an outcome which names somebody else is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from gateway_core.contract import Document, Done, Incoming, LineFact, LineFacts, Payment, Refused, Unknown

from . import numbers
from .amounts import plain_amount
from .profiles.gsma import Gsma

Item: TypeAlias = dict[str, Any]
REFERENCE = "requestingOrganisationTransactionReference"
KINDS = ("completions", "rejections")


def item(profile: Gsma, payment: Payment, key: str) -> Item | Refused:
    """One payment of a batch, or why this operator cannot pay it."""
    refused = profile.unfit(payment)
    if refused is not None:
        return refused
    try:
        number = numbers.rendered("+" + payment.account.value, profile.number)
    except numbers.Wrong as wrong:
        return Refused(wrong.code, wrong.reason)
    return {
        "type": "disbursement", "amount": plain_amount(payment.amount), "currency": payment.amount.currency,
        "debitParty": profile.ours(), "creditParty": [{"key": "msisdn", "value": number}],
        REFERENCE: f"{key}.{_check(key, number)}", "descriptionText": profile.settings.note[:160],
    }  # fmt: skip


def document(name: str, keys: Mapping[str, str], written: Sequence[Item]) -> Document:
    """The batch. Its title, which the provider repeats, is its name, and has a digest of its items."""
    digest = hashlib.sha256(_json(written)).hexdigest()
    title = f"{name}-{digest[:24]}"
    # That it be parked is asked for in so many words.
    return Document(title, keys, _json({"batchTitle": title, "batchStatus": "created", "transactions": written}))


def answer(found: Iterator[tuple[str, Any]]) -> Iterator[bytes]:
    """A file of outcomes: a line for each (kind, item), then their number."""
    count = 0
    for kind, said in found:
        count += 1
        yield _json({"kind": kind, "item": said}) + b"\n"
    yield _json({"end": count}) + b"\n"


def outcomes(incoming: Incoming) -> LineFacts:
    """What such a file says. Raises ValueError where it has no end."""
    counted = -1
    with incoming.text() as file:
        for text in file:
            row = json.loads(text)
            if "end" in row:
                counted = int(row["end"])
            else:
                yield _fact(row["kind"], row["item"], text)
    if counted < 0:
        raise ValueError("the file ends before its end: it is not whole")
    return counted


def _fact(kind: str, said: Any, text: str) -> LineFact:
    if not isinstance(said, dict) or not isinstance(said.get(REFERENCE), str):
        return LineFact(verdict=Unknown(f"an item of the {kind} without a reference of ours"), text=text)
    key, number = said[REFERENCE], str(said.get("transactionReference") or "")
    if not _credits(key, said.get("creditParty")):
        return LineFact(verdict=Unknown("it names another account than ours"), key=key, text=text)
    if kind == "rejections":
        reason = str(said.get("rejectionReason") or "no reason given")
        # Then an earlier copy is there, which may have been paid.
        copied = "duplicate" in reason.casefold()
        no = Unknown(f"rejected as a copy: {reason}") if copied else Refused("rejected", reason)
        return LineFact(verdict=no, key=key, reference=number, text=text)
    verdict = Done() if kind == "completions" and number else Unknown(f"{kind}, without a transaction's reference")
    return LineFact(verdict=verdict, key=key, reference=number, text=text)


def _credits(reference: str, parties: object) -> bool:
    key, _, check = reference.rpartition(".")
    said = [party for party in parties if isinstance(party, dict)] if isinstance(parties, list) else []
    return any(party.get("key") == "msisdn" and _check(key, str(party.get("value"))) == check for party in said)


def _check(key: str, number: str) -> str:
    """With or without the plus sign, it is the same number."""
    return hashlib.sha256(f"{key} {number.lstrip('+')}".encode()).hexdigest()[:12]


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
