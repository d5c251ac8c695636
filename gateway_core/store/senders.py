"""Senders: who may send, until when, and which payments each has claimed. The database's clock decides."""

from __future__ import annotations

import os
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.states import UNSENT
from . import tables as t
from .database import Record, now_us

_p = t.payments.c
_s = t.senders.c


def start(connection: Connection, lease_us: int, *, alone: bool) -> int:
    """Register a sender and return its token. `alone`: an OS lock proves that every earlier sender is gone."""
    if alone:
        connection.execute(sa.update(t.senders).where(sa.not_(_s.ended)).values(ended=True))
    now = now_us()
    made = connection.execute(
        sa.insert(t.senders).values(process=f"pid {os.getpid()}", started_at=now, until=now + lease_us)
    )
    return int(made.lastrowid)


def renew(connection: Connection, token: int, lease_us: int) -> bool:
    """Prolong the lease; False when it is lost for good."""
    now = now_us()
    alive = sa.update(t.senders).where(_s.id == token, sa.not_(_s.ended), _s.until > now)
    return connection.execute(alive.values(until=now + lease_us)).rowcount == 1


def end(connection: Connection, token: int) -> None:
    """The sender stops in order and gives back what it claimed."""
    connection.execute(sa.update(t.senders).where(_s.id == token).values(ended=True))
    connection.execute(sa.update(t.payments).where(_p.sender == token).values(sender=None))


def take_over(connection: Connection) -> int:
    """Free the payments of senders that are gone: they are due at once, and asked about. Returns how many."""
    gone = sa.select(_s.id).where(sa.or_(_s.ended, _s.until <= now_us()))
    freed = sa.update(t.payments).where(_p.sender.is_not(None), _p.sender.in_(gone)).values(sender=None, due=0)
    return connection.execute(freed).rowcount


def claim(
    connection: Connection, token: int, payroll: str, channel: str, now: int, size: int, *, sent_only: bool = False
) -> list[Record]:
    """Claim the next due payments. `sent_only`: the payroll is paused, only doubts are cleared."""
    due = (
        sa.select(t.payments)
        .where(_p.payroll == payroll, _p.channel == channel, _p.open, _p.sender.is_(None), _p.due <= now)
        .order_by(_p.due, _p.line)
        .limit(size)
    )
    if sent_only:
        due = due.where(_p.state.not_in(UNSENT))
    rows = list(connection.execute(due))
    if rows:
        mine = sa.update(t.payments).where(_p.id.in_([row.id for row in rows]), _p.sender.is_(None))
        connection.execute(mine.values(sender=token))
    return rows


def take(connection: Connection, rows: Sequence[Record]) -> dict[str, str]:
    """Take the entitlements of claimed payments (law 9). Returns {payment: why not} for those that may not be sent."""
    unsent = [row for row in rows if row.state in UNSENT]
    if not unsent:
        return {}
    wanted, c = [row.entitlement for row in unsent], t.cases.c
    frozen = set(
        connection.execute(sa.select(c.entitlement).where(c.entitlement.in_(wanted), c.closed_at == 0)).scalars()
    )
    owners = sa.select(_p.entitlement, _p.id).where(_p.entitlement.in_(wanted), _p.taken)
    owner = {row.entitlement: row.id for row in connection.execute(owners)}
    refused, good = {}, []
    for row in unsent:
        if row.entitlement in frozen:
            refused[row.id] = "its entitlement is frozen by an open case"
        elif owner.get(row.entitlement, row.id) != row.id:
            refused[row.id] = f"its entitlement is live or paid already in payment {owner[row.entitlement]}"
        elif not row.taken:
            good.append(row.id)
    if good:
        connection.execute(sa.update(t.payments).where(_p.id.in_(good)).values(taken=True))
    return refused
