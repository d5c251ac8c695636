"""One line of a bank's file against one payment of ours. Pure: what it states, or why it states nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs

from ...contract.batch import LineFact
from ...contract.replies import Done, Refused, Returned, Unknown, Waiting
from ...model.document import STEP
from ...model.facts import Fact
from ...model.money import Money
from ...store.answers import Stray
from ..evidence import plain

REFERENCE, REASON, TEXT = 200, 500, 500
# What a 64-bit column holds; a bank's file may say anything.
LARGEST = 2**63 - 1
Says: TypeAlias = Done | Refused | Returned | Waiting | Unknown


@attrs.frozen
class Ours:
    """What the store has of a line: its payment's amount, which attempt it was, all facts and the last one's number.

    `over`: as far as we know, that attempt will not be paid.
    """

    amount: Money
    attempt: int
    facts: Sequence[Fact]
    last: int
    over: bool = False


def stated(said: LineFact, ours: Ours, answer: str, n: int, at: int) -> Fact | None:
    """The fact that line `n` of an answer states; None when it was stated before (the same answer changes nothing)."""
    kind, value, reason = _verdict(said.verdict)
    body: dict[str, Any] = {"answer": answer, "line": n}
    if reason:
        body["reason"] = plain(reason, REASON)
    reference = plain(said.reference, REFERENCE)
    if said.proof:
        body["proof"] = True
    if said.executing and ours.over:
        body["executing"] = True
    if said.amount is not None and said.amount != ours.amount:
        kind, value = "word", "wrong_amount"
        body |= {"amount": said.amount.minor, "currency": said.amount.currency, "verdict": type(said.verdict).__name__}
    elif reference:
        body["reference"] = reference
    fact = Fact(ours.last + 1, at, kind, value, "statement", ours.attempt, STEP, reference, body)
    known = [before for before in ours.facts if _same(fact, before)]
    if value == "done" and said.entry:
        body["entry"] = plain(said.entry, REFERENCE)
        if any(_beside(before, fact) for before in known):
            body["again"] = True
            return fact
    return None if known else fact


def stray(n: int, said: LineFact, why: str) -> Stray:
    """A line that is kept for people."""
    amount = said.amount
    minor = amount.minor if amount is not None and abs(amount.minor) <= LARGEST else None
    return Stray(
        n, plain(why, REASON), type(said.verdict).__name__.lower(), key=plain(said.key, REFERENCE),
        document=plain(said.document, REFERENCE), amount=minor, currency=plain(amount.currency, 3) if amount else "",
        reference=plain(said.reference, REFERENCE), text=plain(said.text, TEXT),
    )  # fmt: skip


def _verdict(verdict: Says) -> tuple[str, str, str]:
    """(kind, value, reason) of the fact."""
    match verdict:
        case Done():
            return "answer", "done", ""
        case Refused():
            return "answer", "refused", f"{verdict.code}: {verdict.reason}" if verdict.reason else verdict.code
        case Returned():
            return "answer", "returned", verdict.reason or "returned"
        case Waiting():
            return "word", "waiting", ""
        case Unknown():
            return "word", "unknown", verdict.why


def _same(fact: Fact, before: Fact) -> bool:
    """The bank said it already: of the same attempt, with the same reference, or now with none at all."""
    return (
        before.source == "statement"
        and (before.kind, before.value, before.attempt) == (fact.kind, fact.value, fact.attempt)
        and fact.key in ("", before.key)
        and all(before.body.get(name) == fact.body.get(name) for name in ("amount", "executing"))
    )


def _beside(before: Fact, fact: Fact) -> bool:
    """Another line of one entry of one answer stated it."""
    one, other = before.body, fact.body
    return one.get("line") != other["line"] and all(one.get(name) == other[name] for name in ("answer", "entry"))
