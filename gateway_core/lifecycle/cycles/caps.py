"""The caps of cycles, held over what is stored: at the proposal, and again at the approval (at sending: `limits`).

payment         the amount of any one payment
beneficiary     all that one beneficiary is paid in the cycle, over all payrolls that are not withdrawn
payment_point   what one payment point pays out of one payroll
payroll         the sum of a payroll's payments in the cycle         payments    their number
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...model.errors import Mistake, WrongState
from ...model.money import amount_text
from ...model.states import UNPAID, WITHDRAWN
from ...store import Store, cycles
from ...store import cycle_tables as c
from ...store import tables as t
from ...store.database import Record
from ...store.payments import Line
from ..intake.findings import LISTED, refuse
from .terms import Terms, merged, read_terms

_p, _r, _of = t.payments.c, t.payrolls.c, c.payroll_cycles.c
PAGE = 500
MEND = "take lines out, or let a named person raise the cap"


@attrs.frozen
class Scope:
    """The lines of one payroll that are in one cycle."""

    payroll: str
    programme: str
    cycle: str
    terms: Terms

    @property
    def here(self) -> sa.ColumnElement[bool]:
        """Which payments that is."""
        return sa.and_(_p.payroll == self.payroll, _p.programme == self.programme, _p.cycle == self.cycle)

    def text(self, minor: int) -> str:
        """An amount for people."""
        return f"{amount_text(minor, self.terms.currency)} {self.terms.currency}"


def terms_of(connection: Connection, programme: str, cycle: str) -> Terms | None:
    """The terms that hold for a programme's cycle; None where neither is known here."""
    rows = [cycles.find(connection, programme, name) for name in dict.fromkeys(("", cycle))]
    if not any(rows):
        return None
    own = [json.loads(row.terms) if row is not None else {} for row in rows]
    return read_terms(merged(own[0], own[-1]) if len(own) > 1 else own[0], f"{programme}/{cycle}")


def hold(store: Store, payroll: str) -> None:
    """Raises InvalidPayroll with every line of a payroll that is above a cap of its cycle."""
    refuse(_all(store, payroll))


def _all(store: Store, payroll: str) -> Iterator[Mistake]:
    with store.read() as connection:
        named = list(connection.execute(sa.select(_of.programme, _of.cycle).where(_of.payroll == payroll)))
        scopes = [
            Scope(payroll, row.programme, row.cycle, terms)
            for row in named
            if row.programme and (terms := terms_of(connection, row.programme, row.cycle)) is not None
        ]
        currency = str(connection.execute(sa.select(_r.currency).where(_r.id == payroll)).scalar())
    for scope in scopes:
        if scope.terms.caps and scope.terms.currency != currency:
            reason = f"the payroll is in {currency}, the caps of {scope.programme}/{scope.cycle} are not"
            yield _wrong(0, "currency", reason, "currency")
            continue
        for cap, check in CHECKS.items():
            if cap in scope.terms.caps:
                yield from check(store, scope, scope.terms.caps[cap])


def _rows(store: Store, query: sa.Select[Any]) -> list[Record]:
    with store.read() as connection:
        return list(connection.execute(query.limit(LISTED)))


def _wrong(line: int, field: str, reason: str, cap: str) -> Mistake:
    return Mistake(line, field, reason, MEND, f"cap_{cap}")


def _payment(store: Store, scope: Scope, cap: int) -> Iterator[Mistake]:
    for row in _rows(store, sa.select(_p.line, _p.amount).where(scope.here, _p.amount > cap).order_by(_p.line)):
        yield _wrong(row.line, "amount", f"{scope.text(row.amount)} is above {scope.text(cap)} per payment", "payment")


def _payroll(store: Store, scope: Scope, cap: int) -> Iterator[Mistake]:
    (row,) = _rows(store, sa.select(sa.func.sum(_p.amount).label("amount")).where(scope.here))
    if (row.amount or 0) > cap:
        yield _wrong(0, "amount", f"{scope.text(int(row.amount))} is above {scope.text(cap)} per payroll", "payroll")


def _payments(store: Store, scope: Scope, cap: int) -> Iterator[Mistake]:
    (row,) = _rows(store, sa.select(sa.func.count().label("count")).select_from(t.payments).where(scope.here))
    if row.count > cap:
        yield _wrong(0, "file", f"{row.count:,} payments are more than {cap:,} per payroll", "payments")


def _payment_point(store: Store, scope: Scope, cap: int) -> Iterator[Mistake]:
    points = (
        sa.select(_p.account, sa.func.sum(_p.amount).label("amount"), sa.func.min(_p.line).label("line"))
        .where(scope.here, _p.account_type == "payment_point")
        .group_by(_p.account)
        .having(sa.func.sum(_p.amount) > cap)
        .order_by(_p.account)
    )
    for row in _rows(store, points):
        above = f"{scope.text(int(row.amount))} at {row.account} is above {scope.text(cap)} per payment point"
        yield _wrong(row.line, "account", above, "payment_point")


def _beneficiary(store: Store, scope: Scope, cap: int) -> Iterator[Mistake]:
    """Page by page of the payroll's lines: what each is paid in the cycle in all, here and elsewhere."""
    after = 0
    while True:
        page = sa.select(_p.line, _p.beneficiary).where(scope.here, _p.line > after).order_by(_p.line).limit(PAGE)
        with store.read() as connection:
            lines = list(connection.execute(page))
            sums = paid(connection, scope, sorted({row.beneficiary for row in lines}))
        if not lines:
            return
        for row in lines:
            if sums.get(row.beneficiary, 0) > cap:
                above = f"{scope.text(sums[row.beneficiary])} in the cycle is above {scope.text(cap)} per beneficiary"
                yield _wrong(row.line, "beneficiary", above, "beneficiary")
        after = lines[-1].line


def hold_again(connection: Connection, line: Line) -> None:
    """Raises WrongState when a refused payment, tried again, is above what one beneficiary is paid in the cycle.

    While it was refused it did not count: others may have been approved in its place.
    """
    of = line.payment
    terms = terms_of(connection, of.programme, of.cycle) if of.programme else None
    if terms is None or (cap := terms.caps.get("beneficiary")) is None or terms.currency != of.amount.currency:
        return
    scope = Scope(line.payroll, of.programme, of.cycle, terms)
    amount = paid(connection, scope, [of.beneficiary]).get(of.beneficiary, 0) + of.amount.minor
    if amount > cap:
        raise WrongState(f"{scope.text(amount)} in the cycle is above {scope.text(cap)} per beneficiary")


def paid(connection: Connection, scope: Scope, beneficiaries: list[str]) -> dict[str, int]:
    """Minor units of all that each of these is paid in the cycle, over all payrolls that are not withdrawn."""
    query = (
        sa.select(_p.beneficiary, sa.func.sum(_p.amount))
        .join(t.payrolls, _r.id == _p.payroll)
        .where(_p.beneficiary.in_(beneficiaries), _p.programme == scope.programme, _p.cycle == scope.cycle)
        .where(_r.state.not_in(WITHDRAWN), _p.state.not_in(UNPAID), _p.currency == scope.terms.currency)
        # A proposal that was left half-way pays nobody. One that is being made now meets this cap at its approval.
        .where(sa.or_(_r.complete, _r.id == scope.payroll))
        .group_by(_p.beneficiary)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


CHECKS: dict[str, Callable[[Store, Scope, int], Iterator[Mistake]]] = {
    "payment": _payment,
    "beneficiary": _beneficiary,
    "payment_point": _payment_point,
    "payroll": _payroll,
    "payments": _payments,
}
