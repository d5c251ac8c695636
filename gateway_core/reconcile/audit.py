"""Reconciling by API: the rail is asked about every payment that was ever sent, settled ones too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
import sqlalchemy as sa

from ..contract.channel import Channel
from ..engine.decide import Rules
from ..engine.driver import Driver
from ..engine.groups import Groups
from ..engine.pace import Throttle
from ..engine.runtime import Lane
from ..engine.work import Case, LostClaim, Worker
from ..model.states import SETTLED
from ..store import Store, journal, payments, payrolls
from ..store import tables as t
from ..store.payments import Line

PAGE = 256
SILENT = ("unknown",)
# Microseconds between the questions about one payment.
PAUSES = (50_000, 200_000, 1_000_000)


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


# Our state, and the rail's words that agree with it.
AGREES = {
    "paid": {"done"},
    "returned": {"returned"},
    "refused": {"refused", "not_found", "returned"},
    "cancelled": {"refused", "not_found", "returned"},
}


async def audit(driver: Driver, payroll: str, progress: Callable[[int], None] = lambda count: None) -> Agreement:
    """Ask about every settled payment of a payroll that has a money intent; differences open cases."""
    store, runtime = driver.store, driver.runtime
    agreement = Agreement()
    with store.read() as connection:
        channels = payrolls.channels_of(payrolls.get(connection, payroll))
        by_state = payments.counts(connection, payroll)
        agreement.unsettled = sum(count for state, count, _ in by_state if state not in SETTLED)
    for name in channels:
        channel = driver.channel_of(name)
        if not channel.capabilities.finds_out:
            continue
        worker = _worker(driver, channel)
        lanes = [driver.lane(channel) for _ in range(channel.pace.max_concurrency)]
        where = (t.payments.c.channel == name, t.payments.c.state.in_(SETTLED))
        for rows in payments.pages(store.read, payroll, PAGE, *where):
            todo = await runtime.offload(partial(_lines, store, rows))
            ends = []
            for lane in lanes:
                end = runtime.event()
                ends.append(end)
                runtime.spawn(_one_lane(worker, lane, todo, agreement, end))
            for end in ends:
                await runtime.wait(end, None)
            progress(len(rows))
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


async def _one_lane(worker: Worker, lane: Lane, todo: list[Line], agreement: Agreement, end: Any) -> None:
    try:
        while todo:
            case = Case.of(todo.pop())
            before = case.life.state
            try:
                said = await _asked(worker, case, lane)
            except LostClaim:
                agreement.silent += 1
                continue
            if said is None:
                continue
            # A payment that came back is returned by now, and agrees; one that was paid after all does not.
            ours = "returned" if said == "returned" and case.life.state == "returned" else before
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
    said = await worker.ask_again(case, lane)
    for pause in PAUSES:
        if said not in SILENT:
            break
        await worker.runtime.sleep(pause)
        said = await worker.ask_again(case, lane)
    return said


def open_cases(store: Store, payroll: str = "") -> list[Any]:
    """Cases that people must look at, oldest first."""
    c = t.cases.c
    query = sa.select(t.cases).where(c.closed_at == 0).order_by(c.id)
    with store.read() as connection:
        return list(connection.execute(query.where(c.payroll == payroll) if payroll else query))
