"""Bugs in writing: after instead of before, apart instead of together, over what somebody else wrote meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway_core.engine import claims, driver, groups, work
from gateway_core.model.facts import Fact
from gateway_core.model.life import fold
from gateway_core.store import Result, Store, Write, journal
from gateway_core.store import tables as t

from .hunting import Exhaust, Swarm, mutant
from .worlds import CRASHING, HEARD, ONE


@mutant(
    breaks="1", hunt=Exhaust(ONE, 0, 1),
    seen="openIMIS payroll 1.5.0 writes nothing before it sends; what it cannot save afterwards is a debug message.",
)  # fmt: skip
def commit_after_send(m: pytest.MonkeyPatch) -> None:
    """The intent is written together with the answer."""

    async def intend(self: work.Worker, case: work.Case, intent: Any, lane: Any, now: int) -> None:
        name = intent.ask.name
        case.note(self._fact(case, "intent", "sent", at=now, step=name, key=intent.key, body=intent.body))
        case.money_intent = intent.ask.moves_money
        await self._send(case, case.life.steps[name], lane)
        await self._save(case)

    m.setattr(work.Worker, "_intend", intend)


@mutant(
    breaks="1", hunt=Exhaust(ONE, 1, 400),
    seen="Tasks started inside an open transaction (openIMIS payroll 1.5.0; mended in two of its forks).",
)  # fmt: skip
def waiters_before_the_commit(m: pytest.MonkeyPatch) -> None:
    """Group commit lets its waiters go on before the COMMIT has returned."""
    real = groups.Groups.write

    async def write(self: groups.Groups, one: Any) -> Result:
        self._runtime.spawn(real(self, one))  # type: ignore[arg-type]
        return Result.OK

    m.setattr(groups.Groups, "write", write)


@mutant(
    breaks="7", hunt=Swarm(CRASHING, 80), lets=(AssertionError,),
    seen="openIMIS payroll 1.5.0 writes the state of a payroll after its loop: the worker dies after 6 of 10, and the"
    " next run pays the 6 again.",
)  # fmt: skip
def state_apart_from_facts(m: pytest.MonkeyPatch) -> None:
    """The facts are committed at once, the states that follow from them with the next group, or at the end."""
    left: dict[int, list[dict[str, Any]]] = {}
    apply, end = driver.Driver.apply, driver.Driver.finish

    def later(self: driver.Driver, writes: Sequence[Write]) -> list[Result]:
        _states(self.store, left.pop(id(self), []))
        results = apply(self, writes)
        written = [write for write, result in zip(writes, results, strict=True) if result is Result.OK]
        with self.store.write() as connection:
            left[id(self)] = [_take_back(connection, write) for write in written]
        return results

    async def finish(self: driver.Driver) -> None:
        await self.runtime.write(lambda: _states(self.store, left.pop(id(self), [])))
        await end(self)

    m.setattr(driver.Driver, "apply", later)
    m.setattr(driver.Driver, "finish", finish)


_p = t.payments.c


def _take_back(connection: Connection, write: Write) -> dict[str, Any]:
    """As if the state of before still stood there; returns what is to be written later."""
    facts = journal.facts_of(connection, write.payment)
    before = fold(facts[: len(facts) - len(write.facts)])
    its = _p.id == write.payment
    connection.execute(sa.update(t.payments).where(its).values(state=before.state, outcome_reference=before.reference))
    return {"payment": write.payment, "state": write.state, "outcome_reference": write.reference}


def _states(store: Store, rows: list[dict[str, Any]]) -> None:
    with store.write() as connection:
        for row in rows:
            its = _p.id == row["payment"]
            connection.execute(sa.update(t.payments).where(its).values(**{k: row[k] for k in row if k != "payment"}))


def append_blindly_layer(m: pytest.MonkeyPatch) -> None:
    """A write no longer says how many facts it was folded from: it goes behind whatever is there."""
    real = claims.apply

    def apply(connection: Connection, store: Store, writes: Sequence[Write]) -> list[Result]:
        return real(connection, store, [_behind(connection, write) for write in writes])

    m.setattr(claims, "apply", apply)


def _behind(connection: Connection, write: Write) -> Write:
    there = connection.execute(sa.select(_p.facts).where(_p.id == write.payment)).scalar_one()
    facts = tuple(attrs.evolve(fact, no=no) for no, fact in enumerate(write.facts, there + 1))
    return attrs.evolve(write, expected=there, facts=facts)


@mutant(breaks="3, 7", hunt=Swarm(HEARD, 100), lets=(AssertionError,))
def no_stale_check(m: pytest.MonkeyPatch) -> None:
    """A state is written whatever facts came since it was folded: a callback that came in between is overwritten."""
    append_blindly_layer(m)


@mutant(
    breaks="3, 7", hunt=Swarm(HEARD, 100), lets=(AssertionError,),
    seen="The simulation's own find, 4 in 8,100: a callback arrives while \"refused\" is being committed.",
)  # fmt: skip
def fold_from_stale_facts(m: pytest.MonkeyPatch) -> None:
    """Told that other facts came first, the driver numbers its own anew and keeps the state that it had folded."""

    def refold(self: work.Case, facts: list[Fact]) -> None:
        self.facts = facts
        self.unsaved = [attrs.evolve(fact, no=no) for no, fact in enumerate(self.unsaved, len(facts) + 1)]
        self.life.facts = len(facts) + len(self.unsaved)

    m.setattr(work.Case, "refold", refold)
