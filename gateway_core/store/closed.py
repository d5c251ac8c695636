"""A closed payroll is frozen: what comes later is kept as it came, opens a case of its own, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from ..model.facts import Fact, apart
from ..model.proof import late_case
from .database import Record

if TYPE_CHECKING:
    from .writes import Write

CLOSED = "reconciled"
# Of a definite answer: the state that it speaks for.
SAYS = {"done": "paid", "refused": "refused", "returned": "returned"}
AGREE = {
    "paid": frozenset({"paid"}),
    "refused": frozenset({"refused", "cancelled", "returned"}),
    "returned": frozenset({"returned"}),
}


def kept(write: Write, row: Record) -> Write:
    """The write as it may be made. In a closed payroll only what says nothing new goes through as it is."""
    if row.of != CLOSED:
        return write
    said = [apart(fact)[0] for fact in write.facts]
    if write.state == row.state and not write.cases and not any(_news(fact, row.state) for fact in said):
        return write
    facts = tuple(map(_late, said))
    cases = tuple(dict.fromkeys((late_case(fact.value), fact.attempt) for fact in facts))
    return attrs.evolve(
        write, facts=facts, state=row.state, attempt=row.attempt, reference=row.outcome_reference, reason=row.reason,
        open=False, due=0, cases=cases, ended_attempt=0,
    )  # fmt: skip


def _news(fact: Fact, state: str) -> bool:
    """A definite word about the money that is not what was closed."""
    moved = fact.kind == "answer" and fact.value in SAYS and fact.body.get("moves_money", True)
    return bool(moved and state not in AGREE[SAYS[fact.value]])


def _late(fact: Fact) -> Fact:
    said = {"kind": fact.kind, "value": fact.value, "body": dict(fact.body)}
    other = "proof" if fact.body.get("proof") else "word"
    value = SAYS.get(fact.value, other) if fact.kind == "answer" else other
    return attrs.evolve(fact, kind="late", value=value, body=said)


def late_paid(facts: Sequence[Fact]) -> bool:
    """Whether one of these says that money has moved after all: then nobody else may be paid for the same."""
    return any(fact.kind == "late" and fact.value == "paid" for fact in facts)
