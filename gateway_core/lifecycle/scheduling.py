"""Scheduling: a person says when a payroll is paid. Until a driver sees that the moment has come, nothing is sent.

What was sent is asked about at any time. Every step is a fact of the payroll:

    scheduled     a person: the moment, as the wall clock of a zone shows it
    unscheduled   a person: it waits for no moment any more
    due           a driver came in time
    missed        a driver came too late, and the configuration wants a person to decide: the payroll is paused
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs

from ..model import moments
from ..model.errors import WrongState
from ..model.facts import Fact
from ..model.states import SENDS
from ..store import Store, journal, payrolls
from ..store.database import Record, now_us

MISSED = "missed: "
_KINDS = ("scheduled", "unscheduled", "due", "missed")
_BEFORE = SENDS | {"awaiting_approval", "draft"}


@attrs.frozen
class Scheduled:
    """When a payroll is paid: `at` in UTC microseconds, `shown` as its zone's clock shows it. `often`: that clock shows
    this time "twice" (the first is meant) or "never" (the moment at which it jumps over it is); else ''.
    """

    payroll: str
    name: str
    at: int
    shown: str
    by: str
    often: str = ""


def schedule(store: Store, payroll: str, by: str, at: str, zone: str, opens: Callable[[Record, int], int]) -> Scheduled:
    """Pay it at this time of the wall clock, and nothing new of it before. In place of an earlier schedule.

    `opens(row, moment)`: the first moment, that one or later, at which all its channels may send. Raises WrongState.
    """
    where = moments.zone_of(zone)
    moment, often = moments.moment(moments.wall_time(at), where)
    if moment <= now_us():
        raise WrongState(f"{moments.shown(moment, where)} is past; to pay at once, do not schedule it")
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    _may_wait(row)
    if 0 < row.approval_ends < moment:
        raise WrongState(f"its approval ends before {moments.shown(moment, where)}; say an earlier time")
    if (later := opens(row, moment)) > moment:
        raise WrongState(
            f"{moments.shown(moment, where)} lies in quiet hours or on a holiday; "
            f"nothing is sent before {moments.shown(later, where)}"
        )
    with store.write() as connection:
        row = payrolls.get(connection, row.id)
        _may_wait(row)
        paused = "" if row.paused.startswith(MISSED) else row.paused
        body = {"at": moment, "wall": at.strip(), "zone": zone, "often": often, "paused": paused}
        payrolls.record(connection, store, row, "scheduled", by, body, pay_at=moment, paused=paused)
    return Scheduled(row.id, row.name, moment, moments.shown(moment, where), by, often)


def unschedule(store: Store, payroll: str, by: str, reason: str) -> None:
    """It waits for no moment any more: once approved, it goes with the next run."""
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        if not row.pay_at:
            raise WrongState(f"payroll {row.name!r} is not scheduled")
        payrolls.record(connection, store, row, "unscheduled", by, {"reason": reason}, pay_at=0)


def _may_wait(row: Record) -> None:
    if row.state not in _BEFORE:
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; there is nothing left to schedule")


def come(store: Store, payroll: str, grace: timedelta | None) -> Record:
    """A driver looks at a payroll that waits for its moment. Returns the row as it is now.

    Before the moment nothing changes. Later than `grace` after it (or after a later approval), the payroll is paused
    as missed; with None it is never too late. Whoever comes second finds it done.
    """
    try:
        return _come(store, payroll, grace)
    except WrongState:
        # Another driver, or a person, wrote just now: the next look sees what became of it.
        with store.read() as connection:
            return payrolls.get(connection, payroll)


def _come(store: Store, payroll: str, grace: timedelta | None) -> Record:
    with store.write() as connection:
        row, now = payrolls.get(connection, payroll), now_us()
        if not row.pay_at or row.pay_at > now:
            return row
        late = grace is not None and now > max(row.pay_at, row.approved_at) + grace // timedelta(microseconds=1)
        if late and not row.paused:
            why = f"{MISSED}it was to be paid at {_shown(_last(journal.facts_of_payroll(connection, row.id)))}"
            payrolls.record(connection, store, row, "missed", "driver", {"paused": why}, pay_at=0, paused=why)
        else:
            payrolls.record(connection, store, row, "due", "driver", {"late": bool(late)}, pay_at=0)
        return payrolls.get(connection, payroll)


def listed(store: Store) -> list[Scheduled]:
    """Every payroll that waits for its moment, the next one first."""
    with store.read() as connection:
        rows = [row for row in payrolls.listed(connection) if row.pay_at and row.state in _BEFORE]
        found = [(row, _last(journal.facts_of_payroll(connection, row.id))) for row in rows]
    return sorted(
        (Scheduled(row.id, row.name, row.pay_at, _shown(fact), fact.source, fact.body.get("often", ""))
         for row, fact in found if fact is not None),
        key=lambda one: (one.at, one.payroll),
    )  # fmt: skip


def started(store: Store) -> list[str]:
    """Payrolls that may send, have something open, and whose moment has come: those that a scheduler works on."""
    now = now_us()
    with store.read() as connection:
        rows = [row for row in payrolls.sending(connection) if not row.paused]
        return [
            row.id for row in rows
            if (0 < row.pay_at <= now)
            or (not row.pay_at and _began(journal.facts_of_payroll(connection, row.id)))
        ]  # fmt: skip


def _began(facts: list[Fact]) -> bool:
    """Its moment has come; one that was missed and is not paused any more was resumed by a person."""
    last = _last(facts)
    return last is not None and last.kind in ("due", "missed")


def next_at(store: Store, only: str | None = None) -> int | None:
    """The next moment at which an approved payroll is to be paid; None: none waits for one."""
    with store.read() as connection:
        wanted = payrolls.get(connection, only).id if only else ""
        rows = [row for row in payrolls.sending(connection) if not wanted or row.id == wanted]
    return min((row.pay_at for row in rows if row.pay_at and not row.paused), default=None)


def waits_for(store: Store, row: Record) -> str:
    """ "scheduled for 2026-12-01 08:00 Africa/Kampala"."""
    with store.read() as connection:
        return f"scheduled for {_shown(_last(journal.facts_of_payroll(connection, row.id)))}"


def _last(facts: list[Fact]) -> Fact | None:
    """What was said last about when it is paid."""
    return next((fact for fact in reversed(facts) if fact.kind in _KINDS), None)


def _shown(fact: Fact | None) -> str:
    if fact is None or "zone" not in fact.body:
        return "a moment that is not on record any more"
    return moments.shown(fact.body["at"], moments.zone_of(fact.body["zone"]))
