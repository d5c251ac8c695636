"""Senders: who may send, until when, and which payments each has claimed. The database's clock decides."""

from __future__ import annotations

import os
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.states import UNSENT
from . import tables as t
from .database import Record, now_us
from .prepared import Among, Prepared

_p = t.payments.c
_s = t.senders.c
_CLAIM = Prepared(
    sa.update(t.payments)
    .where(_p.id == sa.bindparam("b_id"), _p.sender.is_(None))
    .values(sender=sa.bindparam("b_sender"), taken=sa.bindparam("b_taken"))
)
_due = (
    sa.select(t.payments)
    .where(
        _p.payroll == sa.bindparam("w_payroll"),
        _p.channel == sa.bindparam("w_channel"),
        _p.open,
        _p.sender.is_(None),
        _p.due <= sa.bindparam("w_now"),
    )
    .order_by(_p.due, _p.line)
    .limit(sa.bindparam("w_size"))
)
_DUE = Prepared(_due)
_DUE_SENT = Prepared(_due.where(_p.state != "planned", _p.state != "ready"))
_gone = sa.select(_s.id).where(sa.or_(_s.ended, _s.until <= sa.bindparam("w_now")))
_TAKE_OVER = Prepared(
    sa.update(t.payments).where(_p.sender.is_not(None), _p.sender.in_(_gone)).values(sender=sa.null(), due=0)
)
_GIVE_BACK = Prepared(sa.update(t.payments).where(_p.sender == sa.bindparam("w_sender")).values(sender=sa.null()))
_OWNERS = Among(sa.select(_p.entitlement, _p.id).where(_p.taken), _p.entitlement)

# Why a payment is held whose entitlement somebody must look at first.
FROZEN = "its entitlement is frozen by an open case"


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
    _GIVE_BACK.run(connection, [{"w_sender": token}])


def take_over(connection: Connection) -> None:
    """Free the payments of senders that are gone: they are due at once, and asked about."""
    _TAKE_OVER.run(connection, [{"w_now": now_us()}])


def claim(
    connection: Connection, token: int, payroll: str, channel: str, now: int, size: int, *, sent_only: bool = False
) -> tuple[list[Record], dict[str, str]]:
    """Claim the next due payments and take their entitlements (law 9).

    Returns the rows, and {payment: why not} for those that may not be sent. `sent_only`: the payroll is paused, only
    doubts are cleared.
    """
    due = _DUE_SENT if sent_only else _DUE
    rows = list(due.rows(connection, w_payroll=payroll, w_channel=channel, w_now=now, w_size=size))
    refused = _not_to_be_sent(connection, [row for row in rows if row.state in UNSENT])
    mine = [
        {
            "b_id": row.id,
            "b_sender": token,
            "b_taken": bool(row.taken) or (row.state in UNSENT and row.id not in refused),
        }
        for row in rows
    ]
    if mine:
        _CLAIM.run(connection, mine)
    return rows, refused


def _not_to_be_sent(connection: Connection, unsent: Sequence[Record]) -> dict[str, str]:
    if not unsent:
        return {}
    stopped = frozen(connection, [row.entitlement for row in unsent])
    owner = {row.entitlement: row.id for row in _OWNERS.run(connection, [row.entitlement for row in unsent])}
    refused = {}
    for row in unsent:
        if row.entitlement in stopped:
            refused[row.id] = FROZEN
        elif owner.get(row.entitlement, row.id) != row.id:
            refused[row.id] = f"its entitlement is live or paid already in payment {owner[row.entitlement]}"
    return refused


def frozen(connection: Connection, entitlements: Sequence[str]) -> set[str]:
    """Which of these an open case has frozen. Nearly always there is no open case at all."""
    c = t.cases.c
    if connection.execute(sa.select(c.id).where(c.closed_at == 0).limit(1)).first() is None:
        return set()
    query = sa.select(c.entitlement).where(c.entitlement.in_(entitlements), c.closed_at == 0)
    return set(connection.execute(query).scalars())
