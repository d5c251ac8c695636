"""Verifying payments: content against its leaf, and what is derived against the facts, folded again (law 7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.life import Life, fold
from ..model.states import SENDS, SETTLED, TAKEN
from . import tables as t
from . import verifying_documents
from .closed import late_paid
from .database import Record
from .findings import Verification
from .journal import as_fact
from .payments import as_payment

# {case id: (the fact that closed it, that fact's body)} of a payroll.
Closures: TypeAlias = Mapping[int, tuple[Record, Mapping[str, Any]]]

_p = t.payments.c
# Column of the table, attribute of the folded life, and whether it still follows once bodies were erased.
FOLDED = (
    ("state", "state", True),
    ("attempt", "attempt", True),
    ("outcome_reference", "reference", False),
    ("reason", "reason", False),
)
# A payroll in these has had something claimed, or was stopped after that.
CLAIMS = SENDS | {"reconciled", "cancelled"}


@attrs.frozen
class Kept:
    """All that the store keeps about one payment besides its row."""

    facts: list[Record] = attrs.field(factory=list)
    attempts: list[Record] = attrs.field(factory=list)
    cases: list[Record] = attrs.field(factory=list)

    @property
    def erased(self) -> bool:
        """Retention took a body: what stood in it cannot be derived any more."""
        return any(fact.body is None for fact in self.facts)


def leaf_of(row: Record) -> bytes:
    """The leaf computed anew from the content, or what is stored where the content cannot be read."""
    try:
        return as_payment(row).leaf()
    except (TypeError, ValueError):
        return bytes(row.leaf)


def check_page(
    connection: Connection, payroll: Record, rows: Sequence[Record], closures: Closures, result: Verification
) -> int:
    """Check a page of a payroll's payments in one read transaction. Returns how many have erased facts."""
    kept = _kept(connection, [row.id for row in rows])
    nowhere = verifying_documents.nowhere(connection, {payment: its.facts for payment, its in kept.items()})
    for row in rows:
        try:
            said = list(_wrong(connection, payroll, row, kept[row.id], closures))
            said += [nowhere[row.id]] if row.id in nowhere else []
        except Exception as error:
            said = [f"its facts cannot be folded: {type(error).__name__}: {error}"]
        for sentence in said:
            result.found(f"payment {row.id} (payroll {payroll.id}, line {row.line}): {sentence}")
    return sum(each.erased for each in kept.values())


def _kept(connection: Connection, ids: Sequence[str]) -> dict[str, Kept]:
    kept = {payment: Kept() for payment in ids}
    f, a, c = t.facts.c, t.attempts.c, t.cases.c
    for fact in connection.execute(sa.select(t.facts).where(f.payment.in_(ids)).order_by(f.payment, f.no)):
        kept[fact.payment].facts.append(fact)
    for attempt in connection.execute(sa.select(t.attempts).where(a.payment.in_(ids)).order_by(a.payment, a.attempt)):
        kept[attempt.payment].attempts.append(attempt)
    for case in connection.execute(sa.select(t.cases).where(c.payment.in_(ids)).order_by(c.id)):
        kept[case.payment].cases.append(case)
    return kept


def _wrong(connection: Connection, payroll: Record, row: Record, kept: Kept, closures: Closures) -> Iterator[str]:
    yield from _content(row)
    yield from numbering(row.facts, kept.facts)
    yield from _belonging(row, kept.facts)
    life = fold(as_fact(fact) for fact in kept.facts)
    yield from _state(row, life, kept)
    yield from _taken(connection, payroll, row, late_paid([as_fact(fact) for fact in kept.facts]))
    yield from _attempts(life, kept)
    yield from _cases(row, life, kept, closures)


def _content(row: Record) -> Iterator[str]:
    try:
        same = as_payment(row).leaf() == row.leaf
    except (TypeError, ValueError) as error:
        yield f"its content cannot be read: {error}"
        return
    if not same:
        content = f"{row.amount} minor units of {row.currency} to {row.account_type} {row.account}"
        yield f"its content is not what was proposed (now {content}): the leaves differ"


def numbering(count: int, facts: list[Record]) -> Iterator[str]:
    """`no` counts from 1 without gaps, and the row of the payment or payroll says how many there are."""
    for expected, fact in enumerate(facts, start=1):
        if fact.no != expected:
            found = f"{fact.no} ({fact.kind}, session {fact.session}, row {fact.n})"
            yield f"its fact {expected} is missing; in its place stands {found}"
            break
    if count != len(facts):
        yield f"the table counts {count} facts, the journal has {len(facts)}"


def _belonging(row: Record, facts: list[Record]) -> Iterator[str]:
    if strays := [fact for fact in facts if fact.payroll != row.payroll]:
        yield f"its fact {strays[0].no} is of payroll {strays[0].payroll}"


def _state(row: Record, life: Life, kept: Kept) -> Iterator[str]:
    for column, name, survives in FOLDED:
        stored, folded = getattr(row, column), getattr(life, name)
        if stored != folded and (survives or not kept.erased):
            yield f"the table says {column} is {stored!r}, its facts say {folded!r}"
    if kept.erased and life.state not in SETTLED:
        yield "facts of it were erased although it is not settled"
    if bool(row.open) == life.settled:
        yield f"the table says it is {'open' if row.open else 'done'}, its facts say it is {life.state}"


def _taken(connection: Connection, payroll: Record, row: Record, paid_late: bool) -> Iterator[str]:
    """Law 9: who has the entitlement. `planned` and `ready` may have taken it or not, `held` as well."""
    if row.taken and row.state in SETTLED - TAKEN and not paid_late:
        yield f"it is {row.state}, but still takes its entitlement"
    elif row.taken and row.state == "planned" and payroll.state not in CLAIMS:
        yield f"it takes its entitlement, but its payroll is {payroll.state.replace('_', ' ')}"
    elif not row.taken and row.state in TAKEN - {"held"}:
        others = sa.select(_p.id).where(_p.entitlement == row.entitlement, _p.taken).limit(1)
        if connection.execute(others).first() is None:
            yield f"it is {row.state}, but its entitlement is free to be paid again"


def _attempts(life: Life, kept: Kept) -> Iterator[str]:
    """Law 2: an attempt with a money intent has a row, and it is dead exactly when a later one began."""
    intents = [fact for fact in kept.facts if fact.kind == "intent"]
    sent = {fact.attempt for fact in intents if json.loads(fact.body or "{}").get("moves_money")}
    rows = {row.attempt: bool(row.dead) for row in kept.attempts}
    for attempt in sorted(sent - set(rows)):
        yield f"attempt {attempt} has a money intent, but is gone from the table of attempts"
    for attempt, dead in rows.items():
        if attempt not in sent and not kept.erased:
            yield f"the table of attempts has attempt {attempt}, of which no fact tells"
        elif dead != (attempt < life.attempt):
            yield f"the table says attempt {attempt} is {'dead' if dead else 'alive'}, its facts say otherwise"


def _cases(row: Record, life: Life, kept: Kept, closures: Closures) -> Iterator[str]:
    """A case follows from a fact, freezes this payment's entitlement, and was closed by a fact of its payroll."""
    told = set(life.cases)
    there = {(case.kind, case.attempt) for case in kept.cases}
    if not kept.erased:
        for kind, attempt in sorted(told - there):
            yield f"the case {kind} (attempt {attempt}) is gone from the table of cases"
        for kind, attempt in sorted(there - told):
            yield f"no fact tells of the case {kind} (attempt {attempt})"
    for case in kept.cases:
        if (case.payroll, case.entitlement) != (row.payroll, row.entitlement):
            yield f"case {case.id} is about another payroll or entitlement than its payment"
        yield from _closure(case, closures.get(case.id))


def _closure(case: Record, closure: tuple[Record, Mapping[str, Any]] | None) -> Iterator[str]:
    if closure is None:
        if case.closed_at or case.closed_by or case.why:
            yield f"case {case.id} ({case.kind}) is closed in the table, but no fact says who closed it"
        return
    fact, body = closure
    if not case.closed_at:
        yield f"case {case.id} ({case.kind}) is open in the table, but {fact.source} closed it"
    elif (case.closed_by, case.why) != (fact.source, body.get("reason")):
        yield f"case {case.id} ({case.kind}) was closed by {fact.source} for another reason than the table says"
