"""Senders: who may send, until when, and which payments each has claimed. The database's clock decides."""

from __future__ import annotations

import os
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.states import UNSENT
from . import tables as t
from .clock import DatabaseNow
from .database import Record, now_us
from .prepared import Among, Prepared
from .rivals import rivals

_p = t.payments.c
_s = t.senders.c
_CLAIM = Prepared(
    sa.update(t.payments)
    .where(_p.id == sa.bindparam("b_id"), _p.sender.is_(None))
    # Due at once, should its sender die before it has written when it is due next.
    .values(sender=sa.bindparam("b_sender"), taken=sa.bindparam("b_taken"), due=0)
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
    # Where senders claim at the same time, each takes what the others leave (SQLite has no such words).
    .with_for_update(skip_locked=True)
)
_DUE = Prepared(_due)
_DUE_SENT = Prepared(_due.where(_p.state != "planned", _p.state != "ready"))
_THESE = Among(sa.select(t.payments).where(_p.sender.is_(None)).with_for_update(skip_locked=True), _p.id)
_LET_GO = Prepared(
    sa.update(t.payments)
    .where(_p.id == sa.bindparam("b_id"), _p.sender == sa.bindparam("b_sender"))
    .values(sender=sa.null(), due=0)
)
_now = DatabaseNow()
_gone = sa.select(_s.id).where(sa.or_(_s.ended, _s.until <= _now))
_TAKE_OVER = Prepared(
    sa.update(t.payments).where(_p.sender.is_not(None), _p.sender.in_(_gone)).values(sender=sa.null(), due=0)
)
# Facts are noted so far ahead only by a clock that is wrong.
AHEAD = 60_000_000
_NEVER_MEANT = Prepared(
    sa.update(t.payments)
    .where(
        _p.open, _p.sender.is_(None), _p.due > sa.bindparam("w_now"),
        sa.exists().where(t.facts.c.payment == _p.id, t.facts.c.at > sa.bindparam("w_ahead")),
    )
    .values(due=0)
)  # fmt: skip
_GIVE_BACK = Prepared(sa.update(t.payments).where(_p.sender == sa.bindparam("w_sender")).values(sender=sa.null()))
_UNSENT_OF = Prepared(
    sa.select(_p.id)
    .where(
        _p.sender == sa.bindparam("w_sender"), _p.payroll == sa.bindparam("w_payroll"),
        _p.channel == sa.bindparam("w_channel"), sa.or_(*(_p.state == state for state in sorted(UNSENT))),
    )
    .limit(sa.bindparam("w_size"))
)  # fmt: skip
_OWNERS = Among(sa.select(_p.entitlement, _p.id).where(_p.taken), _p.entitlement)

_STARTED = Prepared(
    sa.insert(t.senders)
    .values(
        process=sa.bindparam("process"),
        presence=sa.bindparam("presence"),
        started_at=_now,
        until=_now + sa.bindparam("lease"),
    )
    .returning(_s.id)
)
_GONE = Prepared(sa.update(t.senders).where(_s.presence == sa.bindparam("w_presence")).values(ended=True))
_END_OTHERS = Prepared(sa.update(t.senders).where(sa.not_(_s.ended)).values(ended=True))
_END = Prepared(sa.update(t.senders).where(_s.id == sa.bindparam("w_id")).values(ended=True))
_RENEW = Prepared(
    sa.update(t.senders)
    .where(_s.id == sa.bindparam("w_id"), sa.not_(_s.ended), _s.until > _now)
    .values(until=_now + sa.bindparam("b_lease"))
    .returning(_s.id)
)
LEASE = Prepared(sa.select(_s.id).where(_s.id == sa.bindparam("w_id"), sa.not_(_s.ended), _s.until > _now))
# Closed at 0, said as the index says it, so that it is used.
_standing = sa.text("cases.closed_at = 0")
_ANY_CASE = Prepared(sa.select(t.cases.c.id).where(_standing).limit(1))
_FROZEN = Among(sa.select(t.cases.c.entitlement).where(_standing), t.cases.c.entitlement)

# How long until the first of the other senders that hold something of a payroll and channel is gone, if it is dead.
_OTHERS = Prepared(
    sa.select(sa.func.min(_s.until - _now).label("lasts"))
    .join(t.payments, _p.sender == _s.id)
    .where(
        _p.sender.is_not(None), _p.sender != sa.bindparam("w_sender"), _p.payroll == sa.bindparam("w_payroll"),
        _p.channel == sa.bindparam("w_channel"), _p.open,
    )
)  # fmt: skip
_LEASES = Prepared(sa.select(_s.id, _s.until).where(sa.not_(_s.ended), _s.until > _now))

# Why a payment is held whose entitlement somebody must look at first.
FROZEN = "its entitlement is frozen by an open case"


def start(connection: Connection, lease_us: int, *, alone: bool, presence: str = "") -> int:
    """Register a sender and return its token. `alone`: an OS lock proves that every earlier sender is gone."""
    if alone:
        _END_OTHERS.run(connection, [{}])
    (made,) = _STARTED.rows(connection, process=f"pid {os.getpid()}", presence=presence, lease=lease_us, w_now=now_us())
    return int(made.id)


def renew(connection: Connection, token: int, lease_us: int) -> bool:
    """Prolong the lease; False when it is lost for good."""
    return len(_RENEW.rows(connection, w_id=token, b_lease=lease_us, w_now=now_us())) == 1


def end(connection: Connection, token: int) -> None:
    """The sender stops in order and gives back what it claimed."""
    _END.run(connection, [{"w_id": token}])
    _GIVE_BACK.run(connection, [{"w_sender": token}])


def note_gone(connection: Connection, presences: Sequence[str]) -> None:
    """These are proven to be gone: nobody waits for their leases."""
    if presences:
        _GONE.run(connection, [{"w_presence": presence} for presence in presences])


def take_over(connection: Connection) -> None:
    """Free the payments of senders that are gone: they are due at once, and asked about."""
    _TAKE_OVER.run(connection, [{"w_now": now_us()}])


def forget_the_future(connection: Connection) -> None:
    """What a clock that was ahead put off to a time that was never meant is due at once."""
    now = now_us()
    _NEVER_MEANT.run(connection, [{"w_now": now, "w_ahead": now + AHEAD}])


def others(connection: Connection, token: int, payroll: str, channel: str) -> int | None:
    """So many microseconds until what another sender holds of it can be taken over; None when nobody holds any."""
    where = {"w_sender": token, "w_payroll": payroll, "w_channel": channel}
    lasts = _OTHERS.rows(connection, **where, w_now=now_us())[0].lasts
    return None if lasts is None else int(lasts)


def leases(connection: Connection) -> dict[int, int]:
    """{sender: until} of those whose lease runs."""
    return {row.id: row.until for row in _LEASES.rows(connection, w_now=now_us())}


def claim(
    connection: Connection, token: int, payroll: str, channel: str, now: int, size: int, *, sent_only: bool = False
) -> tuple[list[Record], dict[str, str]]:
    """Claim the next due payments and take their entitlements (law 9).

    Returns the rows, and {payment: why not} for those that may not be sent. `sent_only`: the payroll is paused, only
    doubts are cleared.
    """
    due = _DUE_SENT if sent_only else _DUE
    rows = list(due.rows(connection, w_payroll=payroll, w_channel=channel, w_now=now, w_size=size))
    return rows, _take(connection, token, rows)


def claim_these(
    connection: Connection, token: int, payments: Sequence[str], now: int
) -> tuple[list[Record], dict[str, str]]:
    """Claim those of these payments that are unsent, due, and nobody else's; as `claim` does."""
    found = {row.id: row for row in _THESE.run(connection, payments)} if payments else {}
    there = [found[payment] for payment in payments if payment in found]
    rows = [row for row in there if row.open and row.state in UNSENT and row.due <= now]
    return rows, _take(connection, token, rows)


def give_back(connection: Connection, token: int, payments: Sequence[str]) -> None:
    """Let go of these payments, as they are; they are due at once."""
    _LET_GO.run(connection, [{"b_id": payment, "b_sender": token} for payment in payments])


def give_back_unsent(connection: Connection, token: int, payroll: str, channel: str, size: int) -> bool:
    """Let go of the next page of what this sender claimed of a payroll and channel and did not send. False: no more."""
    rows = _UNSENT_OF.rows(connection, w_sender=token, w_payroll=payroll, w_channel=channel, w_size=size)
    if rows:
        give_back(connection, token, [row.id for row in rows])
    return bool(rows)


def _take(connection: Connection, token: int, rows: Sequence[Record]) -> dict[str, str]:
    refused = _not_to_be_sent(connection, [row for row in rows if row.state in UNSENT])
    # Of what was sent before a backup, and not found now, a copy could go again.
    refused |= rivals(connection, [row for row in rows if row.state not in UNSENT])
    mine = [
        {
            "b_id": row.id,
            "b_sender": token,
            "b_taken": bool(row.taken) or (row.state in UNSENT and row.id not in refused),
        }
        # In one order for all: who waits for an entitlement that another is just taking holds none that he waits for.
        for row in sorted(rows, key=lambda row: row.entitlement)
    ]
    if mine:
        _CLAIM.run(connection, mine)
    return refused


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
    return rivals(connection, unsent) | refused


def frozen(connection: Connection, entitlements: Sequence[str]) -> set[str]:
    """Which of these an open case has frozen. Nearly always there is no open case at all."""
    if not entitlements or not _ANY_CASE.rows(connection):
        return set()
    return {row.entitlement for row in _FROZEN.run(connection, entitlements)}
