"""What people see of files: those that go to banks, those that come from them. Read only."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.money import amount_text
from . import answers as stored
from . import document_lines, payrolls
from . import document_tables as d
from . import tables as t
from .database import Record, Store

_d = d.documents.c
_a = d.answers.c


@attrs.frozen
class DocumentView:
    """A file that goes to a bank. `total` and `paid` are decimal texts; `counts` says how its lines are, by state.

    Lines that are in another file by now are not counted. Times are UTC microseconds.
    """

    id: str
    payroll: str
    channel: str
    number: int
    name: str
    state: str
    lines: int
    total: str
    currency: str
    size: int
    sha256: str
    reason: str
    reference: str
    planned_at: int
    counts: Mapping[str, int]
    paid: str


@attrs.frozen
class AnswerView:
    """A file from a bank: `lines` of it, those that said something new or nothing new, and strays.

    `state` is unconfirmed, withdrawn, new, applied or unreadable; `by` is who gave it in, or `transport`;
    `confirmed_by` is the second person of a file that came by hand.
    """

    id: str
    channel: str
    name: str
    state: str
    at: int
    by: str
    confirmed_by: str
    size: int
    sha256: str
    lines: int
    applied: int
    known: int
    strays: int


@attrs.frozen
class StrayView:
    """Line `line` of a file from a bank that is about none of ours, and why. `amount` is a decimal text, or ''."""

    line: int
    why: str
    verdict: str
    key: str
    document: str
    amount: str
    currency: str
    reference: str
    text: str


def documents(store: Store, payroll: str | None) -> list[DocumentView]:
    """See Paymaster.documents."""
    query = (
        sa.select(d.documents, t.payrolls.c.name.label("of"))
        .join(t.payrolls, t.payrolls.c.id == _d.payroll)
        .where(_d.facts > 0, _d.cancels == "")
        .order_by(_d.planned_at, _d.payroll, _d.channel, _d.number)
    )
    with store.read() as connection:
        if payroll:
            query = query.where(_d.payroll == payrolls.get(connection, payroll).id)
        return [_document(connection, row) for row in connection.execute(query).all()]


def counts(connection: Connection, payroll: str) -> dict[str, int]:
    """How many documents of a payroll are in which state."""
    query = (
        sa.select(_d.state, sa.func.count())
        .where(_d.payroll == payroll, _d.facts > 0, _d.cancels == "")
        .group_by(_d.state)
    )
    return {state: int(number) for state, number in connection.execute(query.order_by(_d.state))}


def _document(connection: Connection, row: Record) -> DocumentView:
    states = document_lines.states(connection, row.id)
    paid = states.get("paid", (0, 0))[1]
    return DocumentView(
        row.id, row.of, row.channel, row.number, row.name, row.state, row.lines, amount_text(row.total, row.currency),
        row.currency, row.size, row.sha256, row.reason, row.reference, row.planned_at,
        {state: count for state, (count, _) in states.items()}, amount_text(paid, row.currency),
    )  # fmt: skip


def answers(store: Store, channel: str = "") -> list[AnswerView]:
    """See Paymaster.answers."""
    query = sa.select(d.answers).order_by(_a.at, _a.id)
    with store.read() as connection:
        rows = connection.execute(query.where(_a.channel == channel) if channel else query).all()
    return [_answer(row) for row in rows]


def answer(store: Store, answer: str) -> AnswerView:
    """One of them, by its id."""
    with store.read() as connection:
        return _answer(stored.get(connection, answer))


def _answer(row: Record) -> AnswerView:
    return AnswerView(
        row.id, row.channel, row.name, row.state, row.at, row.by, row.confirmed_by, row.size, row.sha256, row.lines,
        row.applied, row.known, row.strays,
    )  # fmt: skip


def strays(store: Store, answer: str, after: int = 0, size: int = 1000) -> list[StrayView]:
    """See Paymaster.strays."""
    with store.read() as connection:
        found = stored.find(connection, answer).id
        return [
            StrayView(
                row.n, row.why, row.verdict, row.key, row.document,
                "" if row.amount is None else amount_text(row.amount, row.currency), row.currency, row.reference,
                row.text,
            )
            for row in stored.strays(connection, found, after, size)
        ]  # fmt: skip
