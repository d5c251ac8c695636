"""Bugs in claiming: who may work on a payment, and whether it may still send when it comes to that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway_core.engine import claims, work
from gateway_core.engine.mark import Mark
from gateway_core.store import Result, Store, Write
from gateway_core.store import tables as t
from gateway_core.testing.simulation import explore
from gateway_core.testing.simulation.watch import Violation

from .hunting import Swarm, law, mutant
from .office import BACKUP
from .worlds import ALONE, TWO, impatient
from .writing import append_blindly_layer

LEASED = "SELECT count(*) FROM senders WHERE id = ? AND NOT ended AND until > ?"


def leases_are_watched(m: pytest.MonkeyPatch) -> None:
    """One more law for the world: no money request begins to leave from a sender whose lease is over."""
    real = work.Worker._exchange

    async def exchange(self: work.Worker, case: Any, step: Any, form: Any, lane: Any, source: Any, *rest: Any) -> None:
        if source == "ask" and step.moves_money:
            leased = explore.home().raw.execute(LEASED, (self.sender, self.runtime.now())).fetchone()[0]
            if not leased:
                raise Violation("2", "a money request leaves from a sender that has lost its lease")
        await real(self, case, step, form, lane, source, *rest)

    m.setattr(work.Worker, "_exchange", exchange)


@mutant(
    breaks="2", hunt=Swarm(TWO, 60, leases_are_watched),
    seen="A French-language fork of openIMIS payroll: the lock is released after 3 minutes without progress, and the"
    " user is told that a new payment may start.",
)  # fmt: skip
def no_token_check_before_writing(m: pytest.MonkeyPatch) -> None:
    """A sender that was stopped between commit and send goes on as if its lease were still there."""
    real = work.Worker._send

    async def send(self: work.Worker, *given: Any) -> None:
        holds, self.holds = self.holds, lambda now: True
        try:
            await real(self, *given)
        finally:
            self.holds = holds

    m.setattr(work.Worker, "_send", send)


def two_attempts_layer(m: pytest.MonkeyPatch) -> None:
    """The database takes a second live attempt of a payment."""
    real = claims.apply

    def apply(connection: Connection, store: Store, writes: Sequence[Write]) -> list[Result]:
        return real(connection, store, [_unnoticed(connection, write) for write in writes])

    m.setattr(claims, "apply", apply)


def _unnoticed(connection: Connection, write: Write) -> Write:
    a = t.attempts.c
    alive = sa.select(a.attempt).where(a.payment == write.payment, sa.not_(a.dead))
    again = write.money_intent and connection.execute(alive).first() is not None
    return attrs.evolve(write, money_intent=False) if again else write


@mutant(
    breaks="2, 7", hunt=Swarm(TWO, 60), masked_by=(append_blindly_layer, two_attempts_layer), lets=(AssertionError,),
    seen="openIMIS payroll 1.5.0 has no lock at all: a redelivered task or a double click pays again.",
)  # fmt: skip
def lease_without_fencing(m: pytest.MonkeyPatch) -> None:
    """The store takes writes from a sender whose lease is over and whose payment another one has claimed.

    Harmless while every write says from how many facts it was folded: the first of two senders to write leaves the
    other with a stale write, which changes nothing, and every copy goes after such a write. What is left of the other
    one's zeal is refused by the database, which takes one live attempt of a payment.
    """
    real = claims.apply

    def apply(connection: Connection, store: Store, writes: Sequence[Write]) -> list[Result]:
        return real(connection, store, [attrs.evolve(write, sender=0) for write in writes])

    m.setattr(claims, "apply", apply)


@mutant(
    breaks="11",
    hunt=Swarm(ALONE, 20, impatient),
    seen="Payments stuck for good: 20,000 in one registry (bcgov/entity#13579).",
)
def patrol_skips_doubt(m: pytest.MonkeyPatch) -> None:
    """Who looks for work takes what was never sent, and leaves out what is unknown."""
    real = claims.page

    def page(*given: Any) -> claims.Page:
        found = real(*given)
        return attrs.evolve(found, lines=[line for line in found.lines if line.state != "unknown"])

    m.setattr(claims, "page", page)


@mutant(
    breaks="1, 9", hunt=law(BACKUP),
    seen="None of the systems that were looked at notices it. Simulated: 121 double payments in 300 schedules.",
)  # fmt: skip
def ignore_the_mark(m: pytest.MonkeyPatch) -> None:
    """A store that is older than what was sent from it is taken for the truth: it never heard of the first payment."""
    m.setattr(Mark, "check", lambda self: None)
