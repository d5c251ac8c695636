"""What people and other programs see: status, payments, holds, cases, events. Read only, in pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import sqlalchemy as sa

from ..model.errors import NotFoundError
from ..model.facts import Fact
from ..model.money import amount_text
from ..model.states import SENDS, WITHDRAWN, shown_state
from . import (
    answers,
    books,
    cash,
    cycles,
    document_lines,
    document_views,
    documents,
    journal,
    payrolls,
    pool_views,
    proofs,
    statements,
)
from . import payments as stored
from . import tables as t
from .database import Record, Store

_p = t.payments.c
AWAITING = "awaiting_reconciliation"
_r = t.payrolls.c


@attrs.frozen
class PayrollStatus:
    """A payroll with counts and sums (decimal texts) by state."""

    id: str
    name: str
    state: str
    currency: str
    counts: Mapping[str, int]
    sums: Mapping[str, str]
    paused: str
    lines: int
    total: str
    proposed_by: str
    approved_by: str
    reconciled_by: str
    closed_by: str
    cases: int
    # How many files of a batch rail it has, by state.
    documents: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen
class PaymentView:
    """A payment for a list. `amount` is a decimal text; `cursor` continues a page after it."""

    id: str
    invoice: str
    entitlement: str
    account: str
    state: str
    amount: str
    reason: str
    currency: str
    beneficiary: str
    name: str
    reference: str
    attempt: int
    payroll: str
    channel: str
    line: int
    cursor: str
    # The name of the file of which it is, or was last, a line.
    document: str = ""
    # What its invoice shows: the state, or awaiting_reconciliation once a proof of its pay-out in cash came.
    invoice_state: str = ""


@attrs.frozen
class HeldView:
    """A payment that only people can release; `proposed` and `proposed_by` when one person has said how.

    `sent`: a money intent is on record, so that the rail may have it.
    """

    payment: str
    invoice: str
    payroll: str
    name: str
    account: str
    amount: str
    currency: str
    reason: str
    sent: bool
    proposed: str
    proposed_by: str


@attrs.frozen
class CaseView:
    """Something that people must look at."""

    id: int
    kind: str
    payment: str
    payroll: str
    entitlement: str
    attempt: int
    opened_at: int


@attrs.frozen
class EventView:
    """One fact, for people: `at` in UTC microseconds, `details` without requests."""

    at: int
    kind: str
    value: str
    source: str
    attempt: int
    step: str
    details: Mapping[str, Any]


def status(store: Store, payroll: str | None) -> list[PayrollStatus]:
    """See Paymaster.status."""
    with store.read() as connection:
        rows = [payrolls.get(connection, payroll)] if payroll else payrolls.listed(connection)
        return [_status(connection, row) for row in rows]


def _status(connection: sa.Connection, row: Record) -> PayrollStatus:
    counts: dict[str, int] = {}
    sums: dict[str, int] = {}
    for state, count, amount in stored.counts(connection, row.id):
        shown = shown_state(state, row.state)
        counts[shown] = counts.get(shown, 0) + count
        sums[shown] = sums.get(shown, 0) + amount
    c = t.cases.c
    cases = connection.execute(
        sa.select(sa.func.count()).select_from(t.cases).where(c.payroll == row.id, c.closed_at == 0)
    ).scalar()
    return PayrollStatus(
        row.id, row.name, row.state, row.currency, counts,
        {state: amount_text(amount, row.currency) for state, amount in sums.items()},
        row.paused, row.lines, amount_text(row.total, row.currency), row.proposed_by, row.approved_by,
        row.reconciled_by, row.closed_by, int(cases or 0), document_views.counts(connection, row.id),
    )  # fmt: skip


def payments(store: Store, payroll: str | None, state: str, after: str, size: int, search: str) -> list[PaymentView]:
    """See Paymaster.payments."""
    query = (
        sa.select(t.payments, _r.state.label("of"))
        .join(t.payrolls, _r.id == _p.payroll)
        .where(_r.complete)
        .order_by(_p.payroll, _p.line)
        .limit(size)
    )
    with store.read() as connection:
        if payroll:
            query = query.where(_p.payroll == payrolls.get(connection, payroll).id)
        if state:
            query = query.where(_in_state(state))
        if search:
            query = query.where(
                sa.or_(
                    *(column.icontains(search, autoescape=True) for column in (_p.id, _p.invoice, _p.account, _p.name))
                )
            )
        if after:
            of, line = json.loads(after)
            query = query.where(sa.or_(_p.payroll > of, sa.and_(_p.payroll == of, _p.line > line)))
        rows = list(connection.execute(query))
        ids = [row.id for row in rows]
        names, proven = document_lines.names(connection, ids), proofs.awaiting(connection, ids)
        return [_payment(row, names.get(row.id, ""), row.id in proven) for row in rows]


def _in_state(state: str) -> sa.ColumnElement[bool]:
    """A shown state as a condition: a line without facts takes its state from its payroll."""
    of = {
        "planned": _r.state.not_in(SENDS | WITHDRAWN),
        "ready": _r.state.in_(SENDS),
        "cancelled": _r.state.in_(WITHDRAWN),
    }
    plain = _p.state == state if state != "planned" else sa.false()
    return sa.or_(plain, sa.and_(_p.state == "planned", of[state])) if state in of else plain


def _payment(row: Record, document: str, proven: bool) -> PaymentView:
    state = shown_state(row.state, row.of)
    return PaymentView(
        row.id, row.invoice, row.entitlement, row.account, state, amount_text(row.amount, row.currency), row.reason,
        row.currency, row.beneficiary, row.name, row.outcome_reference, row.attempt, row.payroll, row.channel, row.line,
        json.dumps([row.payroll, row.line]), document, AWAITING if proven and state == "pending" else state,
    )  # fmt: skip


def holds(store: Store, payroll: str | None) -> list[HeldView]:
    """See Paymaster.holds."""
    s = t.releases.c
    sent = sa.exists().where(t.attempts.c.payment == _p.id)
    query = (
        sa.select(t.payments, _r.name.label("of"), sent.label("sent"), s.value.label("proposed"), s.by.label("who"))
        .join(t.payrolls, _r.id == _p.payroll)
        .outerjoin(t.releases, s.payment == _p.id)
        .where(_p.state == "held")
        .order_by(_p.payroll, _p.line)
        .limit(10_000)
    )
    with store.read() as connection:
        if payroll:
            query = query.where(_p.payroll == payrolls.get(connection, payroll).id)
        return [
            HeldView(
                row.id, row.invoice, row.of, row.name, row.account, amount_text(row.amount, row.currency),
                row.currency, row.reason, bool(row.sent), row.proposed or "", row.who or "",
            )
            for row in connection.execute(query)
        ]  # fmt: skip


def cases(store: Store, payroll: str | None) -> list[CaseView]:
    """See Paymaster.cases."""
    c = t.cases.c
    query = sa.select(t.cases).where(c.closed_at == 0).order_by(c.id)
    with store.read() as connection:
        if payroll:
            query = query.where(c.payroll == payrolls.get(connection, payroll).id)
        return [
            CaseView(row.id, row.kind, row.payment, row.payroll, row.entitlement, row.attempt, row.opened_at)
            for row in connection.execute(query)
        ]


# Whole requests and answers stay in the journal; a list for people shows what was said.
_NOT_SHOWN = frozenset(
    {"request", "find_out", "fingerprint", "ask_next", "body", "moves_money", "longest_request", "channel"}
)


def events(store: Store, subject: str) -> list[EventView]:
    """See Paymaster.events."""
    with store.read() as connection:
        if stored.get(connection, subject) is not None:
            facts = _of_payment(connection, subject)
        else:
            facts = _of_others(connection, subject)
    return [event_of(fact) for fact in facts]


def own_facts(store: Store, subject: str) -> int:
    """How many facts a payment, payroll or file has of its own, without what people noted or tried about it."""
    with store.read() as connection:
        if stored.get(connection, subject) is not None:
            return len(journal.facts_of(connection, subject))
        return len(journal.facts_of_payroll(connection, _with_facts(connection, subject)))


def _of_payment(connection: sa.Connection, payment: str) -> list[Fact]:
    """Its own facts, and what people noted or tried about it."""
    own = journal.facts_of(connection, payment)
    of = connection.execute(sa.select(_p.payroll).where(_p.id == payment)).scalar()
    beside = [fact for fact in journal.facts_of_payroll(connection, str(of)) if fact.body.get("payment") == payment]
    return sorted([*own, *beside], key=lambda fact: fact.at) if beside else own


def _of_others(connection: sa.Connection, subject: str) -> list[Fact]:
    """Of a payroll or file by id or name, a book, or of an invoice: how it was generated, and its every payment."""
    try:
        return journal.facts_of_payroll(connection, _with_facts(connection, subject))
    except NotFoundError:
        ids = list(connection.execute(sa.select(_p.id).where(_p.invoice == subject).order_by(_p.number)).scalars())
        before = pool_views.facts_of(connection, subject)
        if not ids and not before:
            raise
    return before + [fact for payment in ids for fact in _of_payment(connection, payment)]


def event_of(fact: Fact) -> EventView:
    """A fact for people."""
    return EventView(
        fact.at, fact.kind, fact.value, fact.source, fact.attempt, fact.step,
        {key: value for key, value in fact.body.items() if key not in _NOT_SHOWN},
    )  # fmt: skip


def _with_facts(connection: sa.Connection, subject: str) -> str:
    """The id of a payroll, or of a file, that has this id or name. Raises NotFoundError."""
    finders = (payrolls.get, documents.find, answers.find, statements.find, cash.said_of, cycles.get, books.find)
    for find in finders:
        try:
            return str(find(connection, subject).id)
        except NotFoundError:
            continue
    raise NotFoundError(f"there is no payment, invoice, payroll, cycle or file {subject!r}")
