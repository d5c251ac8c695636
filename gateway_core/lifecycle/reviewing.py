"""Review before approving: what a payroll comes to, by channel, place and payment point, and what differs from before.

Beneficiaries are compared by what each of them gets in sum, and on which accounts. Sums are made by the database,
changes come one by one: memory stays flat.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import WrongState
from ..model.money import amount_text
from ..model.states import SENDS
from ..store import Store, payrolls
from ..store import tables as t
from ..store.database import Record

PAGE = 1000
# So many places and points are told apart; what lies beyond is one sum, named OTHERS.
PLACES = 10_000
OTHERS, NONE = "(others)", "(none)"
NEW, GONE, AMOUNT, ACCOUNT, BOTH = "new", "gone", "amount", "account", "amount and account"
KINDS = (NEW, GONE, AMOUNT, ACCOUNT, BOTH)
_p, _r = t.payments.c, t.payrolls.c


@attrs.frozen
class Part:
    """One part of a payroll: how many payments, and their sum as a decimal text."""

    name: str
    payments: int
    total: str


@attrs.frozen
class Change:
    """What differs for one beneficiary. Amounts are decimal texts, '' where there was nothing."""

    kind: str
    beneficiary: str
    name: str
    before: str
    now: str
    account_before: str
    account_now: str


@attrs.frozen
class Review:
    """`against`: the former payroll's name, '' where there is none. `changes`: how many of each kind; `listed`: the
    first ones. `by_place` is by the column that the configuration names as `location`.
    """

    payroll: str
    name: str
    state: str
    payments: int
    total: str
    currency: str
    by_channel: Sequence[Part]
    by_place: Sequence[Part]
    by_point: Sequence[Part]
    against: str
    unchanged: int
    changes: Mapping[str, int]
    listed: Sequence[Change]


def review(store: Store, payroll: str, location: str, against: str, listed: int) -> Review:
    """See Paymaster.review."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        former = _former(connection, row, against)
        by_channel = _grouped(connection, row, _p.channel)
        by_point = _grouped(connection, row, _p.account, _p.account_type == "payment_point")
        people = connection.execute(
            sa.select(sa.func.count(sa.distinct(_p.beneficiary))).where(_p.payroll == row.id)
        ).scalar()
    counts = dict.fromkeys(KINDS, 0)
    first: list[Change] = []
    for change in _changes(store, row, former) if former is not None else ():
        counts[change.kind] += 1
        if len(first) < listed:
            first.append(change)
    differing = sum(count for kind, count in counts.items() if kind != GONE)
    return Review(
        row.id, row.name, row.state, row.lines, amount_text(row.total, row.currency), row.currency, by_channel,
        _by_place(store, row, location) if location else [], by_point, former.name if former is not None else "",
        int(people or 0) - differing if former is not None else 0, counts, first,
    )  # fmt: skip


def changes(store: Store, payroll: str, against: str) -> tuple[Record, Record, Iterator[Change]]:
    """The payroll, the former one, and every change. Raises WrongState where there is none to compare with."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        former = _former(connection, row, against)
    if former is None:
        raise WrongState(f"there is no former payroll to compare {row.name!r} with; name one")
    return row, former, _changes(store, row, former)


def _former(connection: Connection, row: Record, against: str) -> Record | None:
    """The named one, else the one approved last before this one whose first line is of the same programme."""
    if against:
        other = payrolls.get(connection, against)
        if other.currency != row.currency:
            raise WrongState(f"{other.name!r} is in {other.currency}, {row.name!r} in {row.currency}")
        return other
    first = sa.select(_p.programme).where(_p.payroll == row.id).order_by(_p.line).limit(1)
    programme = connection.execute(first).scalar() or ""
    same = sa.exists().where(_p.payroll == _r.id, _p.programme == programme)
    before = (
        sa.select(t.payrolls)
        .where(_r.complete, _r.id != row.id, _r.currency == row.currency, _r.state.in_(SENDS | {"reconciled"}), same)
        .where(_r.proposed_at <= row.proposed_at)
        .order_by(_r.approved_at.desc(), _r.id)
        .limit(1)
    )
    return connection.execute(before).first()


def _grouped(connection: Connection, row: Record, column: Any, *where: Any) -> list[Part]:
    query = (
        sa.select(column, sa.func.count(), sa.func.sum(_p.amount))
        .where(_p.payroll == row.id, *where)
        .group_by(column)
        .order_by(column)
        .limit(PLACES)
    )
    return [Part(name, int(count), amount_text(int(sum_), row.currency)) for name, count, sum_ in
            connection.execute(query)]  # fmt: skip


def _by_place(store: Store, row: Record, location: str) -> list[Part]:
    sums: dict[str, list[int]] = {}
    for place, amount in _places(store, row, location):
        part = sums.setdefault(place if place in sums or len(sums) < PLACES else OTHERS, [0, 0])
        part[0], part[1] = part[0] + 1, part[1] + amount
    return [Part(name, count, amount_text(total, row.currency)) for name, (count, total) in sorted(sums.items())]


def _places(store: Store, row: Record, location: str) -> Iterator[tuple[str, int]]:
    after = -(2**63)
    while True:
        query = sa.select(_p.line, _p.extra, _p.amount).where(_p.payroll == row.id, _p.line > after)
        with store.read() as connection:
            page = list(connection.execute(query.order_by(_p.line).limit(PAGE)))
        for line in page:
            yield str(json.loads(line.extra or "{}").get(location) or NONE), line.amount
        if not page:
            return
        after = page[-1].line


def _of(row: Record) -> Any:
    """What each beneficiary gets in a payroll: one row each."""
    account = _p.account_type + sa.literal(" ") + _p.account
    return (
        sa.select(
            _p.beneficiary, sa.func.max(_p.name).label("name"), sa.func.sum(_p.amount).label("amount"),
            sa.func.min(account).label("low"), sa.func.max(account).label("high"),
        )
        .where(_p.payroll == row.id, _p.state != "cancelled")
        .group_by(_p.beneficiary)
        .subquery()
    )  # fmt: skip


def _changes(store: Store, row: Record, former: Record) -> Iterator[Change]:
    now, before = _of(row), _of(former)
    n, b = now.c, before.c
    differs = sa.or_(b.beneficiary.is_(None), n.amount != b.amount, n.low != b.low, n.high != b.high)
    columns = (
        n.beneficiary, n.name, n.amount, n.low, n.high, b.amount.label("was"), b.low.label("was_low"),
        b.high.label("was_high"), b.beneficiary.label("known"),
    )  # fmt: skip
    new = sa.select(*columns).outerjoin(before, b.beneficiary == n.beneficiary).where(differs).order_by(n.beneficiary)
    gone = (
        sa.select(b.beneficiary, b.name, b.amount, b.low, b.high)
        .outerjoin(now, n.beneficiary == b.beneficiary)
        .where(n.beneficiary.is_(None))
        .order_by(b.beneficiary)
    )
    with store.read() as connection:
        for r in connection.execute(new.execution_options(yield_per=PAGE)):
            yield _change(r, row.currency)
        for g in connection.execute(gone.execution_options(yield_per=PAGE)):
            was = amount_text(int(g.amount), row.currency)
            yield Change(GONE, g.beneficiary, g.name, was, "", _accounts(g.low, g.high), "")


def _change(r: Any, currency: str) -> Change:
    money, place = r.amount != r.was, (r.low, r.high) != (r.was_low, r.was_high)
    kind = NEW if r.known is None else BOTH if money and place else AMOUNT if money else ACCOUNT
    was = "" if r.known is None else amount_text(int(r.was), currency)
    before = "" if r.known is None else _accounts(r.was_low, r.was_high)
    return Change(
        kind, r.beneficiary, r.name, was, amount_text(int(r.amount), currency), before, _accounts(r.low, r.high)
    )


def _accounts(low: str, high: str) -> str:
    return low if low == high else f"{low}, {high}"
