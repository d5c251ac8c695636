"""Writing what was learnt about payments: facts and the state folded from them, together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.facts import Fact
from ..model.life import Life
from ..model.states import PAYMENT, SENDS, TAKEN, UNSENT, shown_state
from . import cases, closed, journal, senders, suspension
from . import tables as t
from .database import NotAlone, Record, Store, now_us
from .prepared import Among, Prepared

# In these an entitlement that is taken stays taken.
STILL = TAKEN | UNSENT


class Result(StrEnum):
    """What became of a Write. Only OK changed anything."""

    OK = "ok"
    STALE = "stale"  # other facts came first: fold again
    FENCED = "fenced"  # this sender no longer owns the payment
    STOPPED = "stopped"  # the payroll is paused, suspended, cancelled or not approved: no money intent
    FROZEN = "frozen"  # a case was opened since it was claimed: no money intent


@attrs.define(kw_only=True)
class Write:
    """New facts of one payment, with the state folded from all of them. `expected` facts were there before.

    `sender` 0: an officer or a callback, who own nothing. `release`: the driver is done with it for now.
    """

    payment: str
    payroll: str
    expected: int
    facts: tuple[Fact, ...]
    state: str
    attempt: int
    reference: str
    reason: str
    due: int
    open: bool
    sender: int = 0
    release: bool = False
    money_intent: bool = False
    money_copy: bool = False
    ended_attempt: int = 0
    cases: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(
        cls, payment: str, payroll: str, life: Life, expected: int, facts: Sequence[Fact], due: int = 0, **how: Any
    ) -> Write:
        """The write of new `facts`, which `life` holds already, after `expected` others."""
        return cls(
            payment=payment, payroll=payroll, expected=expected, facts=tuple(facts), state=life.state,
            attempt=life.attempt, reference=life.reference, reason=life.reason, due=due, open=not life.settled, **how,
        )  # fmt: skip


_p = t.payments.c
_FOUND = Among(
    sa.select(
        _p.id, _p.facts, _p.sender, _p.state, _p.taken, _p.entitlement, _p.attempt, _p.open, _p.due,
        _p.outcome_reference, _p.reason, t.payrolls.c.state.label("of"),
        t.payrolls.c.paused, t.payrolls.c.pay_at, t.payrolls.c.approval_ends,
        suspension.among(_p.payroll).label("suspended"),
    ).join(t.payrolls, t.payrolls.c.id == _p.payroll)
    # Locked until the COMMIT, and in one order for all, where groups of several senders are written side by side.
    .order_by(_p.id).with_for_update(of=t.payments),
    _p.id,
)  # fmt: skip
_UPDATE = Prepared(
    sa.update(t.payments)
    .where(_p.id == sa.bindparam("b_id"))
    .values(
        state=sa.bindparam("b_state"), facts=sa.bindparam("b_facts"), attempt=sa.bindparam("b_attempt"),
        outcome_reference=sa.bindparam("b_reference"), reason=sa.bindparam("b_reason"), due=sa.bindparam("b_due"),
        open=sa.bindparam("b_open"), taken=sa.bindparam("b_taken"), sender=sa.bindparam("b_sender"),
    )
)  # fmt: skip
# On its way: who has it, whether it is open and what it has taken stay as they are. Whatever an UPDATE names makes the
# database write its indexes anew, changed or not; no index is on these.
_PROGRESS = Prepared(
    sa.update(t.payments)
    .where(_p.id == sa.bindparam("b_id"))
    .values(state=sa.bindparam("b_state"), facts=sa.bindparam("b_facts"), attempt=sa.bindparam("b_attempt"))
)
_a = t.attempts.c
_ATTEMPTS = Prepared(sa.insert(t.attempts).values(payment=sa.bindparam("payment"), attempt=sa.bindparam("attempt")))
_DEAD = Prepared(
    sa.update(t.attempts)
    .where(_a.payment == sa.bindparam("b_payment"), _a.attempt == sa.bindparam("b_attempt"))
    .values(dead=True)
)
_TAKERS = Prepared(sa.select(_p.id).where(_p.entitlement == sa.bindparam("w_entitlement"), _p.taken).limit(1))


def apply(connection: Connection, store: Store, writes: Sequence[Write]) -> list[Result]:
    """Apply a group of writes in the running transaction; each is judged alone, none waits for another.

    On PostgreSQL several senders may do this at once (`Store.together`). Each has locked the payments that it writes,
    so that what it judges them by cannot change: their facts, their owner, and their attempts, which only who has the
    payment writes. All else that it judges by is changed only by somebody who writes alone, and so by nobody now: a
    payroll's state (pauses, cancels, closes), suspensions, cases, and leases (one that has run out meanwhile is taken
    over alone, too: after this COMMIT). A write that opens a case, which freezes payments of others, or that takes an
    entitlement which others may want, is not for company: the group is done again, alone.
    """
    found = {row.id: row for row in _FOUND.run(connection, [w.payment for w in writes])}
    writes = [closed.kept(write, found[write.payment]) for write in writes]
    alive = _alive(connection, {w.sender for w in writes if w.sender})
    frozen = _frozen(connection, writes, found)
    results, good, seen = [], [], set()
    for write in writes:
        result = _judge(write, found[write.payment], alive, frozen, write.payment in seen)
        results.append(result)
        if result is Result.OK:
            seen.add(write.payment)
            good.append(write)
    if not store.alone and any(write.cases or _takes_anew(write, found[write.payment]) for write in good):
        raise NotAlone
    if good:
        _store(connection, store, good, found)
    return results


def _alive(connection: Connection, tokens: set[int]) -> set[int]:
    return {token for token in tokens if senders.LEASE.rows(connection, w_id=token, w_now=now_us())}


def _frozen(connection: Connection, writes: Sequence[Write], found: dict[str, Any]) -> set[str]:
    """Entitlements of these writes that may not be sent to: the claim looked, too, but that may be long ago."""
    moving = [found[w.payment].entitlement for w in writes if w.money_intent or w.money_copy]
    opening = {found[w.payment].entitlement for w in writes if w.cases}
    return senders.frozen(connection, moving) | opening if moving else set()


def _judge(write: Write, row: Record, alive: set[int], frozen: set[str], again: bool) -> Result:
    if write.sender and (write.sender not in alive or row.sender != write.sender):
        return Result.FENCED
    if row.facts != write.expected or again:
        return Result.STALE
    if (write.money_intent or write.money_copy) and not _may_go(row):
        return Result.STOPPED
    if (write.money_intent or write.money_copy) and row.entitlement in frozen:
        return Result.FROZEN
    old = shown_state(row.state, row.of)
    if write.state not in (old, row.state) and write.state not in PAYMENT[old] and not _detour(old, write):
        raise AssertionError(f"{write.payment}: {old} -> {write.state} is no edge of the table of states")
    return Result.OK


def _may_go(row: Record) -> bool:
    expired = row.approval_ends and row.approval_ends < now_us()
    return bool(row.of in SENDS and not (row.paused or row.pay_at or row.suspended or expired) and row.taken)


def _detour(old: str, write: Write) -> bool:
    """Several facts in one write may pass through a state in between (sending, then paid)."""
    return any(write.state in PAYMENT[middle] for middle in PAYMENT[old]) and len(write.facts) > 1


def _store(connection: Connection, store: Store, writes: Sequence[Write], found: dict[str, Any]) -> None:
    journal.append(connection, store, ((w.payroll, w.payment, fact) for w in writes for fact in w.facts))
    values = [(_is_progress(w, found[w.payment]), _values(connection, w, found[w.payment])) for w in writes]
    if some := [each for progress, each in values if progress]:
        _PROGRESS.run(connection, some)
    if some := [each for progress, each in values if not progress]:
        _UPDATE.run(connection, some)
    ended = [{"b_payment": w.payment, "b_attempt": w.ended_attempt} for w in writes if w.ended_attempt]
    if ended:
        _DEAD.run(connection, ended)
    intents = [{"payment": w.payment, "attempt": w.attempt} for w in writes if w.money_intent]
    if intents:
        _ATTEMPTS.run(connection, intents)
    for write in writes:
        for kind, attempt in write.cases:
            entitlement = found[write.payment].entitlement
            cases.open_case(connection, write.payment, write.payroll, kind, attempt, entitlement=entitlement)


def _is_progress(write: Write, row: Record) -> bool:
    """Nothing but state, facts and attempt differ from the row, which the claim has made due at once."""
    stays = bool(row.taken and row.open and not row.due) and write.state in STILL
    said = write.reference == row.outcome_reference and write.reason == row.reason
    return stays and said and write.open and not (write.due or write.release)


def _values(connection: Connection, write: Write, row: Record) -> dict[str, Any]:
    return {
        "b_id": write.payment, "b_state": write.state, "b_facts": write.expected + len(write.facts),
        "b_attempt": write.attempt, "b_reference": write.reference, "b_reason": write.reason, "b_due": write.due,
        "b_open": write.open, "b_taken": _taken(connection, write, row),
        "b_sender": None if write.release else row.sender,
    }  # fmt: skip


def _taken(connection: Connection, write: Write, row: Record) -> bool:
    """Whether the entitlement stays taken. One that was given back can be taken again only if nobody else has it."""
    if row.taken:
        return write.state in STILL or row.of == closed.CLOSED
    if not _takes_anew(write, row):
        return False
    return not _TAKERS.rows(connection, w_entitlement=row.entitlement)


def _takes_anew(write: Write, row: Record) -> bool:
    """Held before anything was sent takes nothing; held because money may have moved after all does."""
    if not row.taken and closed.late_paid(write.facts):
        return True
    return not row.taken and write.state in TAKEN and not (write.state == "held" and not write.cases)
