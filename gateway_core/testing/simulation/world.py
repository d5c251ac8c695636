"""One world: the real store, driver and officers' code on a stage, with a provider, a wire and people of its own.

Small and varied: its shape is drawn from the tape too. Faults last until CALM; then everything must come to an end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, cast

import attrs

from ...contract.channel import Channel
from ...contract.policies import Policies
from ...contract.replies import Arrival
from ...engine.callbacks import CallbackApp
from ...engine.conversation import as_time
from ...engine.driver import Driver, Job
from ...lifecycle import running
from ...store import clock, views
from .chance import Tape
from .home import CHANNEL, EPOCH, Home
from .lanes import Net, SimLane
from .office import Office
from .oracles import End, Violation, Watch, at_the_end
from .provider import Provider
from .rails import channel
from .rows import Row, approved_lines
from .steps import SECOND, Endless, Process, Stage

CALM = 900 * SECOND
HORIZON = 60_000 * SECOND
CRASHES = 4
VISITS = 1_500
POLL = 20 * SECOND
# Cron's patience after a callback or an officer's act.
SOON = 15 * SECOND


@attrs.frozen(kw_only=True)
class Shape:
    """What kind of world: see `drawn` for what the options are."""

    payments: int = 1
    missing: bool = False
    three_asks: bool = False
    dedupes: bool = True
    finds_out: bool = True
    callbacks: bool = True
    longest_request: float = 0.0
    window: float = 86_400.0
    concurrency: int = 3
    senders: int = 1
    lease: int = 60
    wait: float | None = 60.0
    whole_run: bool = False
    odds: float = 0.1
    crash_odds: float = 0.004
    freeze_odds: float = 0.0
    busy_officer: float = 0.3

    @classmethod
    def drawn(cls, tape: Tape) -> Shape:
        """A world from the tape; all zeros is one payment over a good rail."""
        pick = tape.pick
        senders = pick((1, 2), "senders", 0.3)
        return cls(
            payments=pick((1, 2, 3, 5, 8), "payments", 0.6), missing=pick((False, True), "an account is missing", 0.15),
            three_asks=pick((False, True), "asks per payment: three", 0.4),
            dedupes=pick((True, False), "does not dedupe", 0.3), finds_out=pick((True, False), "cannot be asked", 0.08),
            callbacks=pick((True, False), "no callbacks", 0.3),
            longest_request=pick((0.0, 40.0, 200.0), "requests expire after", 0.3),
            window=pick((86_400.0, 60.0), "dedupes for seconds", 0.15), concurrency=pick((3, 1), "one lane", 0.2),
            senders=senders, lease=pick((60, 30), "lease in seconds", 0.3),
            wait=pick((60.0, 0.0, None), "a run waits for", 0.4),
            whole_run=pick((False, True), "with approval, stops and balance", 0.2),
            odds=pick((0.1, 0.03, 0.2, 0.4), "faults", 0.7),
            crash_odds=pick((0.002, 0.0, 0.01), "crashes", 0.6),
            freeze_odds=pick((0.0, 0.004), "freezes", 0.6 if senders == 2 else 0.1),
            busy_officer=pick((0.0, 0.5), "a busy officer", 0.5),
        )  # fmt: skip


class World:
    """Runs one schedule. `run` returns the rows at the end, or raises Violation."""

    def __init__(self, home: Home, tape: Tape, shape: Shape | None = None) -> None:
        self.tape = tape
        self.shape = shape or Shape.drawn(tape)
        self.stage = Stage(tape)
        self.channel = self._channel()
        home.move_in(self.shape.payments, self.shape.missing, self.channel.fingerprint)
        self.home, self.acked = home, list[tuple[str, bytes]]()
        self.watch = Watch(home.raw, approved_lines(home.raw))
        s = self.shape
        self.provider = Provider(
            self.stage, s.dedupes, int(s.window * SECOND) + MARGIN, s.callbacks, s.odds, EPOCH, self.calm, self._call
        )  # fmt: skip
        self.net = Net(self.stage, self.provider, self.watch, s.odds)
        self.slots: list[Process | None] = [None] * s.senders
        self.crashes = self.visits = 0
        self._planned = [False] * s.senders

    def _channel(self) -> Channel:
        s = self.shape
        return _channel(
            CHANNEL, three_asks=s.three_asks, dedupes=s.dedupes, finds_out=s.finds_out, callbacks=s.callbacks,
            longest_request=s.longest_request, dedupe_window=s.window, max_concurrency=s.concurrency,
        )  # fmt: skip

    def calm(self) -> bool:
        """Faults are over."""
        return self.stage.now > CALM

    def now(self) -> int:
        """UTC, microseconds."""
        return EPOCH + self.stage.now

    def run(self) -> list[Row]:
        """The whole schedule."""
        with clock.stepped(self.now):
            receiver = self.home.opened()
            # A restarted process goes on in the session of the one before: nothing here looks at sessions.
            self._stores = [self.home.opened() for _ in self.slots]
            self._app = CallbackApp(receiver, {CHANNEL: self.channel}, self.now)
            self._office = Office(self.stage, self.tape, self.net, receiver, EPOCH, self._wake)
            self._office.open(self.shape.busy_officer)
            for slot in range(self.shape.senders):
                self._plan(slot, slot * SECOND // 2)
            try:
                self.stage.run(HORIZON)
            except Violation:
                raise
            except Endless as error:
                raise Violation("11", str(error)) from error
            except Exception as error:
                raise Violation("10", f"the engine raised {type(error).__name__}: {error}") from error
            finally:
                self._end_all()
            quiet = not any(self.tape.choices)
            return at_the_end(
                End(self.home.raw, self.provider.ledger, self.acked, frozenset(self._office.careless), quiet)
            )

    def _end_all(self) -> None:
        for process in self.slots:
            if process is not None:
                process.end()

    # -- senders ------------------------------------------------------------------------------------------------------

    def _plan(self, slot: int, after: int) -> None:
        """A sender is started after so long, unless one is there or planned already."""
        if self.slots[slot] is None and not self._planned[slot]:
            self._planned[slot] = True
            self.stage.after(after, partial(self._visit, slot))

    def _wake(self) -> None:
        for slot in range(len(self.slots)):
            self._plan(slot, SOON)

    def _visit(self, slot: int) -> None:
        """One `gateway run`: start, drive, finish."""
        self._planned[slot] = False
        self.visits += 1
        if self.visits > VISITS:
            raise Violation("11", f"after {VISITS} runs something is still open")
        process = self.slots[slot] = Process(self.stage, EPOCH, partial(self._risk, slot))
        driver = Driver(
            process, self._stores[slot], lambda name: self.channel, _NO_POLICIES, lambda _: SimLane(self.net, process),
            alone=self.shape.senders == 1, lease=self.shape.lease * SECOND, poll=POLL,
        )  # fmt: skip
        process.main(self._drive(process, driver), partial(self._ended, slot))

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
        found = "SELECT id, paused FROM payrolls WHERE state IN ('approved', 'ongoing', 'awaiting_reconciliation')"
        jobs = [Job(payroll, CHANNEL, bool(paused)) for payroll, paused in self.home.raw.execute(found)]
        wait = self.shape.wait
        await driver.run(jobs, None if wait is None else process.now() + int(wait * SECOND))

    def _ended(self, slot: int) -> None:
        """Cron: the next run is when something is due."""
        self.slots[slot] = None
        if self.home.raw.execute("SELECT count(*) FROM stops").fetchone()[0]:
            self.stage.after(SOON, partial(views.lift_stop, self._stores[slot], CHANNEL))
            self._plan(slot, 2 * SOON)
            return
        heard = "SELECT count(*) FROM arrivals WHERE state = 'new'"
        open_ = "SELECT min(due), min(sender IS NULL) FROM payments WHERE open"
        due, free = self.home.raw.execute(open_).fetchone()
        if due is None:
            if self.home.raw.execute(heard).fetchone()[0]:
                self._plan(slot, SECOND)
            return
        self._plan(slot, max(due - self.now(), SECOND if free else 10 * SECOND))

    def _risk(self, slot: int, process: Process, where: str) -> bool:
        """Whether the process dies here. It may also be stopped for a while."""
        if self.calm():
            return False
        if self.shape.freeze_odds and self.tape.chance(f"sender {slot + 1} is stopped {where}", self.shape.freeze_odds):
            process.freeze(self.tape.pick((90, 25, 200), "for seconds", 0.5) * SECOND)
        if not self.shape.crash_odds or self.crashes >= CRASHES:
            return False
        if not self.tape.chance(f"sender {slot + 1} dies {where}", self.shape.crash_odds):
            return False
        self.crashes += 1
        process.end()
        self.slots[slot] = None
        self._plan(slot, self.tape.pick((3, 1, 100), "starts again after seconds", 0.5) * SECOND)
        return True

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _call(self, body: bytes, headers: dict[str, str], after: int) -> None:
        self.stage.after(after, partial(self._deliver, body, headers, 0))

    def _deliver(self, body: bytes, headers: dict[str, str], tries: int) -> None:
        """The rail calls back; without a 2xx it tries again, for a while."""
        fate = "stored" if self.calm() else self.tape.pick(FATES, "callback", self.shape.odds)
        if fate != "lost on the way":
            about = self.channel.parse_callback(self._arrival(body, headers))
            if self._app._keep(self.channel, self._arrival(body, headers)) and fate == "stored" and about:
                self.acked.append((about.key, body))
            self._wake()
        if fate != "stored" and tries < 8:
            again: Callable[[], None] = partial(self._deliver, body, headers, tries + 1)
            self.stage.after(5 * SECOND << tries, again)

    def _arrival(self, body: bytes, headers: dict[str, str]) -> Arrival:
        return Arrival("POST", "/", headers, body, as_time(self.now()))


# Registering a plugin is slow, and a channel has no state.
_channel = lru_cache(256)(channel)
_NO_POLICIES = Policies()
# A rail that promises to honour keys for a while does so for a little longer: a copy takes its time to land.
MARGIN = 200 * SECOND
FATES = ("stored", "lost on the way", "stored, its answer is lost")
