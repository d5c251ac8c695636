"""Suspended programmes and cycles: of a payroll that has a line in one, nothing is proposed, approved or sent.

It is read in the very transactions that claim a payment and that write its money intent. What was sent is asked about.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import WrongState
from . import cycle_tables as c
from .prepared import Prepared

_c, _of = c.cycles.c, c.payroll_cycles.c
# In the words of the partial index, which is nearly always empty: then nothing else is looked at.
_any = sa.select(_c.id).where(sa.text("cycles.state = 'suspended'")).exists()
_suspended = (
    sa.select(_of.payroll)
    .join(c.cycles, sa.and_(_c.programme == _of.programme, sa.or_(_c.name == "", _c.name == _of.cycle)))
    .where(sa.text("cycles.state = 'suspended'"))
)
_WHY = Prepared(
    sa.select(_c.programme, _c.name, _c.suspended_by, _c.why)
    .join(c.payroll_cycles, sa.and_(_c.programme == _of.programme, sa.or_(_c.name == "", _c.name == _of.cycle)))
    .where(_of.payroll == sa.bindparam("w_payroll"), sa.text("cycles.state = 'suspended'"))
    .order_by(_c.programme, _c.name)
    .limit(1)
)


def among(payroll: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether this payroll has a line in a suspended programme or cycle, as a column of a query."""
    # In a CASE, as both sides of an AND are worked out where it is a column: for each claim and each group of writes.
    return sa.case((_any, payroll.in_(_suspended)), else_=sa.false())


def said(programme: str, name: str, by: str, why: str) -> str:
    """A suspension for people."""
    what = f"cycle {programme}/{name}" if name else f"programme {programme}"
    return f"{what} is suspended by {by}: {why}"


def why(connection: Connection, payroll: str) -> str:
    """Which suspension keeps a payroll, or ''."""
    rows = _WHY.rows(connection, w_payroll=payroll)
    return said(rows[0].programme, rows[0].name, rows[0].suspended_by, rows[0].why) if rows else ""


def refuse(connection: Connection, payroll: str) -> None:
    """Raises WrongState where a suspension keeps the payroll."""
    if kept := why(connection, payroll):
        raise WrongState(f"{kept}; `gateway activate` lets it go on")
