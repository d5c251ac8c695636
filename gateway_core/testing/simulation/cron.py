"""`gateway run` by cron: starts each sender, lets it run to its end, and starts it again when something is due."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from ...contract.channel import Channel
from ...contract.policies import Policies
from ...engine.driver import Driver, Job
from ...lifecycle import running
from ...model.errors import RestoredStore, StoreError
from ...store import stops
from .home import CHANNEL, OneConnection
from .lanes import Net, SimLane
from .marking import SimMark
from .shape import Shape
from .steps import SECOND, Process, Stage
from .watch import Violation

CRASHES = 4
VISITS = 1_500
# Cron's patience after a callback or an officer's act.
SOON = 40 * SECOND
# Due, but another sender has it.
TAKEN = 10 * SECOND
_NO_POLICIES = Policies()
# Whether stops are on record; when the next payment is due, and whether one is free; new arrivals; all facts.
_LEFT = (
    "SELECT (SELECT count(*) FROM stops), min(due), min(sender IS NULL),"
    " (SELECT count(*) FROM arrivals WHERE state = 'new'), (SELECT count(*) FROM facts) FROM payments WHERE open"
)
_FOUND = "SELECT id, paused FROM payrolls WHERE state IN ('approved', 'ongoing', 'awaiting_reconciliation')"


class Cron:
    """The senders of a world. `open_store` opens the store as one more process; `mark` is theirs, where they have one.

    `restored` is called when a sender finds that the store is older than what was sent from it.
    """

    def __init__(
        self, stage: Stage, shape: Shape, channel: Channel, net: Net, open_store: Callable[[], OneConnection],
        calm: Callable[[], bool], mark: SimMark | None, restored: Callable[[], None],
    ) -> None:  # fmt: skip
        self.stage, self.shape, self.channel, self.net, self._calm = stage, shape, channel, net, calm
        self._open_store, self._mark, self._restored = open_store, mark, restored
        count = shape.senders
        self.slots: list[Process | None] = [None] * count
        self.stores = [open_store() for _ in range(count)]
        self.crashes = self.visits = 0
        self._freezes, self._dies = shape.freeze_odds, shape.crash_odds
        self._labels = [_Labels(slot) for slot in range(count)]
        self._planned, self._idle, self._known = [False] * count, [0] * count, [0] * count
        for slot in range(count):
            self.plan(slot, slot * SECOND // 2)

    def plan(self, slot: int, after: int) -> None:
        """A sender is started after so long, unless one is there or planned already."""
        if self.slots[slot] is None and not self._planned[slot]:
            self._planned[slot] = True
            self.stage.after(after, partial(self._visit, slot))

    def wake(self) -> None:
        """Something may be there to do."""
        for slot in range(len(self.slots)):
            self.plan(slot, SOON)

    def frozen(self) -> bool:
        """Whether a process is stopped just now, and may go on where it was."""
        return any(process is not None and process.frozen_until > self.stage.now for process in self.slots)

    def end_all(self) -> None:
        """Every process dies."""
        for slot, process in enumerate(self.slots):
            if process is not None:
                process.end()
                self.slots[slot] = None

    def reopen(self) -> None:
        """Every process is gone; those to come open the store anew."""
        self.end_all()
        self.stores = [self._open_store() for _ in self.stores]
        for slot in range(len(self.slots)):
            self.plan(slot, SECOND)

    # -- one run ------------------------------------------------------------------------------------------------------

    def _visit(self, slot: int) -> None:
        """One `gateway run`: look at the mark, start, drive, finish."""
        self._planned[slot] = False
        self.visits += 1
        if self.visits > VISITS:
            raise Violation("11", f"after {VISITS} runs something is still open")
        if self.stores[slot].uncertain:
            self.stores[slot] = self._open_store()
        if self._is_idle(slot):
            return
        if self._mark is not None and not self._goes(self._mark, slot):
            self.plan(slot, SECOND)
            return
        process, driver = self.process(slot)
        process.main(self._drive(process, driver), partial(self._ended, slot))

    def _is_idle(self, slot: int) -> bool:
        """Whether a run would only begin and end: nothing is open, nothing came in, and nobody asks it to look more."""
        if self._mark is not None or self.shape.whole_run:
            return False
        _, due, _, arrived, _ = self.stores[slot].raw.execute(_LEFT).fetchone()
        return due is None and not arrived

    def _goes(self, mark: SimMark, slot: int) -> bool:
        """Whether the mark allows it; otherwise people say that the store was restored."""
        mark.of(self.stores[slot])
        try:
            mark.check()
        except RestoredStore:
            self._restored()
            return False
        mark.noticed()
        return True

    def process(self, slot: int) -> tuple[Process, Driver]:
        """A fresh process in this slot, and its driver."""
        shape = self.shape
        process = self.slots[slot] = Process(self.stage, partial(self._risk, slot), partial(self._broke, slot))
        driver = Driver(
            cast(Any, process), self.stores[slot], lambda name: self.channel, _NO_POLICIES,
            lambda _: SimLane(self.net, process), cast(Any, self._mark), alone=shape.senders == 1,
            lease=shape.lease * SECOND, poll=int(shape.poll * SECOND),
        )  # fmt: skip
        return process, driver

    async def _drive(self, process: Process, driver: Driver) -> None:
        await driver.start()
        if self.shape.whole_run:
            runtime = cast(Any, process)
            await running.drive_all(runtime, driver, None, self.shape.wait, {}, lambda name: self.channel, serve=False)
        else:
            await self._drive_plainly(process, driver)
        await driver.finish()

    async def _drive_plainly(self, process: Process, driver: Driver) -> None:
        """As `drive_all` without its look at approval, stops and balance: half of the queries."""
        raw = cast(OneConnection, driver.store).raw
        jobs = [Job(payroll, CHANNEL, bool(paused)) for payroll, paused in raw.execute(_FOUND)]
        wait = self.shape.wait
        await driver.run(jobs, None if wait is None else process.now() + int(wait * SECOND))

    def _ended(self, slot: int) -> None:
        """The next run is when something is due."""
        self.slots[slot] = None
        stopped, due, free, arrived, facts = self.stores[slot].raw.execute(_LEFT).fetchone()
        if stopped:
            self.stage.after(SOON, partial(self._lift_stop, slot))
            self.plan(slot, 2 * SOON)
            return
        if due is not None:
            patience = self._patience(slot, facts) * (SECOND if free else TAKEN)
            self.plan(slot, max(due - self.stage.clock(), patience))
        elif arrived:
            self.plan(slot, SECOND)

    def _lift_stop(self, slot: int) -> None:
        try:
            stops.lift(self.stores[slot], CHANNEL, "joseph")
        except StoreError:
            self.stores[slot] = self._open_store()

    def _patience(self, slot: int, facts: int) -> int:
        """Runs that bring nothing new (the payroll is paused, another sender has it) come ever more seldom."""
        self._idle[slot] = self._idle[slot] + 1 if facts == self._known[slot] else 0
        self._known[slot] = facts
        return 1 << min(self._idle[slot], 8)

    # -- misfortunes --------------------------------------------------------------------------------------------------

    def _broke(self, slot: int, error: StoreError) -> None:
        """The store could not be used: the run ended with that error; cron comes again, and opens it anew."""
        if not self.shape.commit_odds:
            raise Violation("10", f"the engine raised {type(error).__name__}: {error}") from error
        self.slots[slot] = None
        self.stores[slot] = self._open_store()
        self.plan(slot, 3 * SECOND)

    def _risk(self, slot: int, process: Process, where: str) -> bool:
        """Whether the process dies here. It may also be stopped for a while."""
        stops, dies = self._freezes, self._dies
        if not (stops or dies) or self._calm():
            return False
        tape, (it_stops, it_dies) = self.stage.tape, self._labels[slot][where]
        if stops and tape.chance(it_stops, stops):
            process.freeze(tape.pick((90, 25, 200), "for seconds", 0.5) * SECOND)
        if not dies or self.crashes >= CRASHES or not tape.chance(it_dies, dies):
            return False
        self.crashes += 1
        process.end()
        self.slots[slot] = None
        self.plan(slot, tape.pick((3, 1, 100), "starts again after seconds", 0.5) * SECOND)
        return True


class _Labels(dict[str, tuple[str, str]]):
    """What each risk of a sender is called: asked at every step, and so made once."""

    def __init__(self, slot: int) -> None:
        super().__init__()
        self._who = f"sender {slot + 1}"

    def __missing__(self, where: str) -> tuple[str, str]:
        labels = self[where] = (f"{self._who} is stopped {where}", f"{self._who} dies {where}")
        return labels
