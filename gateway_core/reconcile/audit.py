"""Reconciling by API: the rail is asked about every payment that was ever sent, settled ones too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
import sqlalchemy as sa

from ..contract.channel import Channel
from ..engine.attempts import ask_former
from ..engine.decide import Rules
from ..engine.driver import Driver
from ..engine.groups import Groups
from ..engine.pace import Throttle
from ..engine.runtime import SECOND, Lane
from ..engine.work import Case, LostClaim, Worker
from ..model.facts import Fact
from ..model.states import SETTLED
from ..store import Store, journal, payments, payrolls
from ..store import tables as t
from ..store.payments import Line
from . import batches

PAGE = 256
SILENT = ("unknown",)
# Microseconds between the questions about one payment.
PAUSES = (50_000, 200_000, 1_000_000)
# So often it is looked whether the callback came that answers a question.
GLANCE = 200_000


@attrs.define
class Agreement:
    """What the rail said: `agreed` with ours, `differing` (payment, ours, theirs), `silent` (nothing definite).

    `unsettled` payments were not asked about: they were held or under way when it began.
    """

    asked: int = 0
    agreed: int = 0
    silent: int = 0
    differing: list[tuple[str, str, str]] = attrs.field(factory=list)
    unsettled: int = 0


# What a callback may say that answers a question.
ANSWERS = ("done", "refused", "returned", "waiting", "not_found")
# Our state, and the rail's words that agree with it.
AGREES = {
    "paid": {"done"},
    "returned": {"returned"},
    "refused": {"refused", "not_found", "returned"},
    "cancelled": {"refused", "not_found", "returned"},
}


def agrees(ours: str, theirs: str) -> bool:
    """Whether the rail's word agrees with our state."""
    return theirs in AGREES[ours]


async def audit(driver: Driver, payroll: str, progress: Callable[[int], None] = lambda count: None) -> Agreement:
    """Ask about every settled payment of a payroll that has a money intent; differences open cases."""
    store, runtime = driver.store, driver.runtime
    agreement = Agreement()
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        channels, closed = payrolls.channels_of(row), row.state == "reconciled"
        by_state = payments.counts(connection, payroll)
        agreement.unsettled = sum(count for state, count, _ in by_state if state not in SETTLED)
    if any(driver.channel_of(name).batch for name in channels):
        # The banks' newest files first.
        await driver.run([], runtime.now())
    for name in channels:
        channel = driver.channel_of(name)
        if channel.batch is not None:
            spoken, differing = await runtime.offload(partial(batches.compare, store, payroll, name, agrees))
            agreement.asked += spoken
            agreement.agreed += spoken - len(differing)
            agreement.differing += differing
            continue
        if not channel.capabilities.finds_out:
            continue
        worker = _worker(driver, channel)
        lanes = [driver.lane(channel) for _ in range(channel.pace.max_concurrency)]
        where = (t.payments.c.channel == name, t.payments.c.state.in_(SETTLED))
        try:
            for rows in payments.pages(store.read, payroll, PAGE, *where):
                todo = await runtime.offload(partial(_lines, store, rows))
                ends = []
                for lane in lanes:
                    end = runtime.event()
                    ends.append(end)
                    runtime.spawn(_one_lane(worker, lane, todo, agreement, end, closed))
                for end in ends:
                    await runtime.wait(end, None)
                progress(len(rows))
        finally:
            for lane in lanes:
                await lane.close()
    return agreement


def _worker(driver: Driver, channel: Channel) -> Worker:
    runtime, store = driver.runtime, driver.store
    return Worker(
        runtime=runtime,
        groups=Groups(runtime, driver.apply),
        channel=channel,
        rules=Rules.of(channel.capabilities),
        throttle=Throttle(channel.pace, driver.zone),
        deployment=store.deployment,
        sender=0,
        secrets=channel.secrets(),
        reload=lambda payment: _reload(store, payment),
        holds=lambda now: True,
        on_stop=driver.note_stop,
    )


def _reload(store: Store, payment: str) -> Any:
    with store.read() as connection:
        return journal.facts_of(connection, payment)


def _lines(store: Store, rows: Sequence[Any]) -> list[Line]:
    with store.read() as connection:
        facts = journal.facts_of_many(connection, [row.id for row in rows])
    return [payments.as_line(row, facts[row.id]) for row in rows]


async def _one_lane(worker: Worker, lane: Lane, todo: list[Line], agreement: Agreement, end: Any, closed: bool) -> None:
    try:
        while todo:
            case = Case.of(todo.pop())
            before = case.life.state
            try:
                said = await _asked(worker, case, lane)
                former = await ask_former(worker, case, lane)
            except LostClaim:
                agreement.silent += 1
                continue
            agreement.differing += [(case.payment.id, before, "done") for word in former if word == "done"]
            agreement.silent += sum(word not in ("done", *AGREES["refused"]) for word in former)
            if said is None:
                continue
            # A payment that came back is returned by now, and agrees; one that was paid after all does not.
            # (Not in a closed payroll: nothing changes there.)
            came_back = said == "returned" and case.life.state == "returned" and not closed
            ours = "returned" if came_back else before
            agreement.asked += 1
            if said in AGREES[ours]:
                agreement.agreed += 1
            elif said in SILENT:
                agreement.silent += 1
            else:
                agreement.differing.append((case.payment.id, ours, said))
    finally:
        end.set()


async def _asked(worker: Worker, case: Case, lane: Lane) -> str | None:
    """What the rail says; one that does not say it at once is asked a few times more."""
    said = await _once(worker, case, lane)
    for pause in PAUSES:
        if said not in SILENT:
            break
        await worker.runtime.sleep(pause)
        said = await _once(worker, case, lane)
    return said


async def _once(worker: Worker, case: Case, lane: Lane) -> str | None:
    """One question. Where its answer comes by callback, that is waited for, as long as for any answer."""
    said = await worker.ask_again(case, lane)
    if said != "asked":
        return said
    asked, until = case.life.facts, worker.runtime.now() + int(worker.channel.pace.timeout * SECOND)
    while worker.runtime.now() < until:
        await worker.runtime.sleep(GLANCE)
        facts = await worker.runtime.offload(partial(worker.reload, case.payment.id))
        heard: list[Fact] = [fact for fact in facts if fact.no > asked and fact.source == "callback"]
        if answers := [fact.value for fact in heard if fact.value in ANSWERS]:
            case.refold(facts)
            return answers[-1]
    return "unknown"


def open_cases(store: Store, payroll: str = "") -> list[Any]:
    """Cases that people must look at, oldest first."""
    c = t.cases.c
    query = sa.select(t.cases).where(c.closed_at == 0).order_by(c.id)
    with store.read() as connection:
        return list(connection.execute(query.where(c.payroll == payroll) if payroll else query))
