"""What payrolls need from an institution account, what was sent from it, and which may go whatever is known of it."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.states import SENDS, TAKEN, UNSENT
from . import journal
from . import tables as t
from .database import Record
from .prepared import Prepared

_p, _r, _f, _o = t.payments.c, t.payrolls.c, t.facts.c, t.objections.c
_DESPITE = Prepared(sa.select(_o.code).where(_o.payroll == sa.bindparam("w_payroll"), _o.second_by != "").distinct())


def before(connection: Connection, row: Record, channel: str, together: Sequence[str], currency: str) -> int:
    """Minor units that other lines still need from the account: of payrolls approved earlier, or of this one itself
    over the channels that come before `channel`.
    """
    waits = row.state not in SENDS
    earlier = sa.true() if waits else sa.tuple_(_r.approved_at, _r.id) < sa.tuple_(row.approved_at, row.id)
    query = (
        sa.select(sa.func.sum(_p.amount))
        .join(t.payrolls, _r.id == _p.payroll)
        .where(_p.channel.in_(together), _p.currency == currency, _p.state.in_(UNSENT), _r.complete)
        .where(
            sa.or_(
                sa.and_(_r.state.in_(SENDS), earlier, _r.id != row.id),
                sa.and_(_r.id == row.id, _p.channel < channel),
            )
        )
    )
    return int(connection.execute(query).scalar() or 0)


def sent_since(connection: Connection, together: Sequence[str], currency: str, since: int) -> int:
    """Minor units of payments whose money was on its way, or may have been, after `since`."""
    moved = sa.exists().where(_f.payment == _p.id, _f.kind == "intent", _f.at > since)
    busy = sa.exists().where(_f.payment == "", _f.payroll == _r.id, _f.at > since)
    query = (
        sa.select(sa.func.sum(_p.amount))
        .join(t.payrolls, _r.id == _p.payroll)
        .where(_p.channel.in_(together), _p.currency == currency, _p.state.in_(TAKEN), moved)
        .where(sa.or_(_r.state.in_(SENDS), busy))
    )
    return int(connection.execute(query).scalar() or 0)


def released(connection: Connection, payroll: str, codes: Sequence[str]) -> bool:
    """Two people let it go whatever is known of the balance: since its approval, or by it."""
    facts = journal.facts_of_payroll(connection, payroll)
    last = max((fact.no for fact in facts if fact.kind == "approved"), default=0)
    if any(fact.kind == "balance_released" and fact.no > last for fact in facts):
        return True
    return despite(connection, payroll, codes)


def despite(connection: Connection, payroll: str, codes: Sequence[str]) -> bool:
    """Two people released an objection of one of these codes."""
    return any(row.code in codes for row in _DESPITE.rows(connection, w_payroll=payroll))
