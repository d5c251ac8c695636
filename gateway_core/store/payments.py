"""Payments in the store: rows to objects, pages in order, and the page that a sender claims."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.accounts import Account
from ..model.facts import Fact
from ..model.money import Money
from ..model.payment import Payment
from ..model.states import UNPAID, UNSENT, WITHDRAWN
from . import tables as t
from .database import Record
from .journal import facts_of_many
from .prepared import Prepared

_p = t.payments.c
_open = sa.select(sa.func.min(_p.due).label("due")).where(
    _p.payroll == sa.bindparam("w_payroll"), _p.channel == sa.bindparam("w_channel"), _p.open, _p.sender.is_(None)
)
_NEXT_DUE = Prepared(_open)
_NEXT_DUE_SENT = Prepared(_open.where(*(_p.state != state for state in sorted(UNSENT))))
_SUMS = Prepared(
    sa.select(_p.currency, _p.state, sa.func.sum(_p.amount).label("amount"))
    .where(_p.payroll == sa.bindparam("w_payroll"), _p.channel == sa.bindparam("w_channel"), _p.open)
    .group_by(_p.currency, _p.state)
)
_LEAVES = Prepared(
    sa.select(_p.line, _p.leaf)
    .where(_p.payroll == sa.bindparam("w_payroll"), _p.line > sa.bindparam("w_after"))
    .order_by(_p.line)
    .limit(1000)
)
_after = sa.select(t.payments).where(_p.payroll == sa.bindparam("w_payroll"), _p.line > sa.bindparam("w_after"))
_PAGE = Prepared(_after.order_by(_p.line).limit(sa.bindparam("w_size")))
_GET = Prepared(sa.select(t.payments).where(_p.id == sa.bindparam("w_id")))


@attrs.frozen
class Line:
    """A payment as stored: `line` is its place in the payroll, `facts` those known when it was read."""

    payment: Payment
    payroll: str
    line: int
    leaf: bytes
    state: str
    attempt: int
    reference: str
    reason: str
    due: int
    open: bool
    facts: list[Fact]


def as_payment(row: Record) -> Payment:
    """All that a gateway may read of a stored line."""
    return Payment(
        id=row.id, number=row.number, invoice=row.invoice, entitlement=row.entitlement, beneficiary=row.beneficiary,
        name=row.name, account=Account(row.account_type, row.account), amount=Money(row.amount, row.currency),
        programme=row.programme, cycle=row.cycle, instalment=row.instalment, reference=row.reference,
        channel=row.channel, extra=_extra(row.extra) if row.extra else {},
    )  # fmt: skip


def _extra(text: str) -> dict[str, str]:
    """What somebody wrote there who is not us is read as something else than was approved (law 5), not as an error."""
    try:
        extra = json.loads(text)
    except ValueError:
        extra = None
    return extra if isinstance(extra, dict) else {"": text}


def as_line(row: Record, facts: list[Fact]) -> Line:
    """A stored line with its facts."""
    return Line(
        as_payment(row), row.payroll, row.line, row.leaf, row.state, row.attempt, row.outcome_reference, row.reason,
        row.due, row.open, facts,
    )  # fmt: skip


def columns_of(payment: Payment, payroll: str, line: int) -> dict[str, Any]:
    """The row of a newly planned payment."""
    return {
        "id": payment.id, "payroll": payroll, "line": line, "number": payment.number, "invoice": payment.invoice,
        "entitlement": payment.entitlement, "beneficiary": payment.beneficiary, "name": payment.name,
        "account_type": payment.account.type, "account": payment.account.value, "amount": payment.amount.minor,
        "currency": payment.amount.currency, "programme": payment.programme, "cycle": payment.cycle,
        "instalment": payment.instalment, "reference": payment.reference, "channel": payment.channel,
        "extra": json.dumps(dict(payment.extra), ensure_ascii=False) if payment.extra else "", "leaf": payment.leaf(),
    }  # fmt: skip


INSERT = Prepared(
    sa.insert(t.payments).values(
        {
            name: sa.bindparam(name)
            for name in (
                "id", "payroll", "line", "number", "invoice", "entitlement", "beneficiary", "name", "account_type",
                "account", "amount", "currency", "programme", "cycle", "instalment", "reference", "channel", "extra",
                "leaf",
            )
        }
    )
)  # fmt: skip


def get(connection: Connection, payment: str) -> Line | None:
    """One payment with its facts."""
    rows = _GET.rows(connection, w_id=payment)
    return as_line(rows[0], facts_of_many(connection, [payment])[payment]) if rows else None


def page(connection: Connection, payroll: str, after: int, size: int, *where: sa.ColumnElement[bool]) -> list[Record]:
    """The next `size` rows of a payroll after line `after`."""
    if not where:
        return _PAGE.rows(connection, w_payroll=payroll, w_after=after, w_size=size)
    query = sa.select(t.payments).where(_p.payroll == payroll, _p.line > after, *where).order_by(_p.line).limit(size)
    return list(connection.execute(query))


def pages(read: Any, payroll: str, size: int, *where: sa.ColumnElement[bool]) -> Iterator[list[Record]]:
    """All rows in pages; `read` opens a short read transaction for each (`store.read`), so that writers never wait."""
    after = 0
    while True:
        with read() as connection:
            rows = page(connection, payroll, after, size, *where)
        if not rows:
            return
        yield rows
        after = rows[-1].line


def leaves(read: Any, payroll: str) -> Iterator[bytes]:
    """The stored leaves in line order, for the root."""
    after = 0
    while True:
        with read() as connection:
            rows = _LEAVES.rows(connection, w_payroll=payroll, w_after=after)
        if not rows:
            return
        yield from (row.leaf for row in rows)
        after = rows[-1].line


def entitlements_in_use(connection: Connection, entitlements: Sequence[str], but: str = "") -> dict[str, Record]:
    """Which of these are planned, live or paid in a payroll other than `but` that was not withdrawn."""
    r = t.payrolls.c
    query = (
        sa.select(_p.entitlement, _p.state, _p.invoice, r.name.label("payroll"), r.state.label("of"))
        .join(t.payrolls, r.id == _p.payroll)
        .where(_p.entitlement.in_(entitlements), _p.payroll != but, r.state.not_in(WITHDRAWN), r.complete)
        .where(_p.state.not_in(UNPAID))
    )
    return {row.entitlement: row for row in connection.execute(query)}


def numbers(connection: Connection, entitlements: Sequence[str], but: str) -> dict[str, int]:
    """How many payments were ever planned for each entitlement outside the payroll `but`."""
    query = (
        sa.select(_p.entitlement, sa.func.max(_p.number))
        .where(_p.entitlement.in_(entitlements), _p.payroll != but)
        .group_by(_p.entitlement)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def counts(connection: Connection, payroll: str) -> list[tuple[str, int, int]]:
    """(state, how many, sum in minor units) of a payroll's payments, by stored state."""
    query = sa.select(_p.state, sa.func.count(), sa.func.sum(_p.amount)).where(_p.payroll == payroll).group_by(_p.state)
    return [(row[0], int(row[1]), int(row[2])) for row in connection.execute(query)]


def next_due(connection: Connection, payroll: str, channel: str, sent_only: bool) -> int | None:
    """When the next open, unclaimed payment of this payroll and channel is due; None when there is none."""
    query = _NEXT_DUE_SENT if sent_only else _NEXT_DUE
    due = query.rows(connection, w_payroll=payroll, w_channel=channel)[0].due
    return None if due is None else int(due)


def sum_of(connection: Connection, payroll: str, channel: str, states: Collection[str]) -> Money | None:
    """What the payments of a payroll and channel in these states come to; None when there are none."""
    rows = _SUMS.rows(connection, w_payroll=payroll, w_channel=channel)
    mine = [row for row in rows if row.state in states]
    return Money(sum(int(row.amount) for row in mine), mine[0].currency) if mine else None
