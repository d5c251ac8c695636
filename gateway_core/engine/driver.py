"""The driver: one sender's run over payrolls, channel by channel, a bounded window of payments in flight.

feeder     claims pages of due payments and keeps the queue filled; knows when nothing is left
workers    one per lane: take a payment, work on it, release it
desks      one per batch channel: its files go and its answers come (engine/batch)
listener   acts on stored callbacks
renewer    keeps the sender's lease
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from ..contract.channel import Channel
from ..contract.policies import Policies
from ..model.errors import ConfigurationError, GatewayCoreError
from ..model.facts import Fact
from ..model.payment import Payment
from ..model.states import UNSENT
from ..store import Result, Store, Write, stops
from ..store.opening import is_restored
from . import claims
from .batch import Bench, Desk
from .decide import Rules
from .evidence import plain
from .groups import Groups
from .hear import hear
from .jobs import Job as Job
from .mark import Mark
from .objecting import objections
from .pace import Throttle
from .presence import Presence
from .pump import Pump
from .runtime import SECOND, Lane, Runtime
from .telling import tell
from .work import Case, Worker

LEASE = 60 * SECOND
PAGE = 128
POLL = SECOND
# So long a callback waits for others: acting on many costs hardly more than acting on one.
LINGER = SECOND // 50


@attrs.define
class Driver:
    """Runs until nothing is left that is due before the deadline. `lane(channel)` makes one lane."""

    runtime: Runtime
    store: Store
    channel_of: Callable[[str], Channel]
    policies: Policies
    lane: Callable[[Channel], Lane]
    mark: Mark | None = None
    zone: ZoneInfo | None = None
    holidays: frozenset[date] = frozenset()
    alone: bool = True
    presence: Presence | None = None
    lease: int = LEASE
    poll: int = POLL
    on_stop: Callable[[str, str], None] = lambda channel, reason: None
    progress: Callable[[int], None] = lambda finished: None
    stopping: bool = False
    next_due: int | None = None
    # Batch channels whose answers are looked for in every run, whether or not anything is under way.
    answering: Sequence[str] = ()
    _restored: bool = False
    _sender: int = 0
    _lease_until: int = 0
    _pumps: list[Pump] = attrs.field(factory=list)
    _desks: list[Desk] = attrs.field(factory=list)
    _throttles: dict[str, Throttle] = attrs.field(factory=dict)
    _ended: Any = None
    _called: Any = None

    async def start(self) -> None:
        """Become a sender: register, free what dead senders had claimed, act on the callbacks that came meanwhile."""
        self._ended, self._called = self.runtime.event(), self.runtime.event()
        now = self.runtime.now()
        self._sender = await self.runtime.write(lambda: claims.start(self.store, self.lease, self.alone, self.presence))
        self._lease_until = now + self.lease
        self._restored = await self.runtime.offload(partial(is_restored, self.store))
        while await self._hear():
            pass
        self.runtime.spawn(self._renew())
        self.runtime.spawn(self._listen())
        if self.store.file is not None:
            self.runtime.spawn(self._tidy())
        if self.policies.observers():
            self.runtime.spawn(self._tell())

    async def finish(self) -> None:
        """Stop being a sender, in order."""
        self._ended.set()
        await self.runtime.write(lambda: claims.end(self.store, self._sender))
        if self.policies.observers():
            await self.runtime.offload(partial(tell, self.store, self.policies))

    async def run(self, jobs: Sequence[Job], deadline: int | None) -> None:
        """Work on the jobs until nothing more is due before `deadline` (None: as long as anything is open)."""
        by_channel: dict[str, list[Job]] = {}
        for job in jobs:
            by_channel.setdefault(job.channel, []).append(job)
        answering = {name: self._known(name) for name in self.answering if name not in by_channel}
        channels = answering | {name: self.channel_of(name) for name in by_channel}
        batches = {name: channel for name, channel in channels.items() if channel is not None and channel.batch}
        self._desks = [self._desk(channel, by_channel.get(name, [])) for name, channel in batches.items()]
        self._pumps = [self._pump(name, its) for name, its in by_channel.items() if name not in batches]
        self.next_due = None
        ends = []
        works: list[Callable[[int | None, Any], Any]] = [partial(self._drain, pump) for pump in self._pumps]
        for work in [*works, *(desk.run for desk in self._desks)]:
            end = self.runtime.event()
            ends.append(end)
            self.runtime.spawn(work(deadline, end))
        for end in ends:
            await self.runtime.wait(end, None)
        dues = [self.next_due, *(desk.next_due for desk in self._desks)]
        self.next_due = min((due for due in dues if due is not None), default=None)

    def stop(self) -> None:
        """Finish what is in flight and end; what is left waits for the next run."""
        self.stopping = True
        for pump in self._pumps:
            pump.hungry.set()
        for desk in self._desks:
            desk.call()

    # -- one channel --------------------------------------------------------------------------------------------------

    def _pump(self, name: str, jobs: list[Job]) -> Pump:
        channel = self.channel_of(name)
        throttle = self._throttles.setdefault(name, Throttle(channel.pace, self.zone, self.holidays))
        worker = Worker(
            runtime=self.runtime,
            groups=Groups(self.runtime, self.apply, lambda: pump.in_flight),
            channel=channel,
            rules=Rules.of(channel.capabilities),
            throttle=throttle,
            deployment=self.store.deployment,
            sender=self._sender,
            secrets=channel.secrets(),
            reload=lambda payment: claims.facts(self.store, payment),
            holds=lambda now: now < self._lease_until,
            on_stop=self.note_stop,
            restored=self._restored,
        )
        pump = Pump(channel, jobs, worker, hungry=self.runtime.event())
        return pump

    def _desk(self, channel: Channel, jobs: list[Job]) -> Desk:
        throttle = self._throttles.setdefault(channel.name, Throttle(channel.pace, self.zone, self.holidays))
        bench = Bench(
            self.runtime, self.store, channel, self.policies, throttle, Rules.of(channel.capabilities),
            self._sender, lambda now: now < self._lease_until, self.note_stop, self.mark, self._restored, self.poll,
            self.progress, lambda: self.stopping,
        )  # fmt: skip
        return Desk(bench, jobs)

    async def _drain(self, pump: Pump, deadline: int | None, end: Any) -> None:
        try:
            lanes = [self.lane(pump.channel) for _ in range(pump.channel.pace.max_concurrency)]
        except ConfigurationError as error:
            # A plugin that cannot sign any more: its channel does nothing in this run, and the others go on.
            lanes = []
            self.bar(pump.channel.name, str(error))
        idle = [self.runtime.event() for _ in lanes]
        for lane, left in zip(lanes, idle, strict=True):
            self.runtime.spawn(self._work(pump, lane, left))
        try:
            await self._feed(pump, deadline)
        finally:
            pump.done = True
            while pump.waiting:
                pump.waiting.popleft().set()
            try:
                for left in idle:
                    await self.runtime.wait(left, None)
            finally:
                # A run that ends because something failed is not waited for: its connections go all the same.
                for lane in lanes:
                    await lane.close()
                end.set()

    async def _feed(self, pump: Pump, deadline: int | None) -> None:
        low = len(pump.waiting) + pump.channel.pace.max_concurrency * 2
        before = self.runtime.now()
        while not self.stopping and not pump.worker.throttle.stopped:
            now = self.runtime.now()
            if deadline is not None:
                # A clock that is put back does not make the caller wait longer.
                deadline -= max(0, before - now)
            before = now
            opens = pump.worker.throttle.opens(now)
            if opens <= now and len(pump.queue) < low and await self._claim(pump, now):
                continue
            if pump.queue or pump.in_flight:
                if not await self._until_hungry(pump, self.poll):
                    pump.dry.clear()
                continue
            due = await self._due(pump)
            if due is None:
                return
            due = max(due, opens)
            if deadline is not None and due > deadline:
                self.next_due = min(due, self.next_due or due)
                return
            await self._until_hungry(pump, min(max(due - self.runtime.now(), 1000), self.poll))
            pump.dry.clear()

    async def _until_hungry(self, pump: Pump, at_most: int) -> bool:
        """Whether somebody called before the time had passed."""
        await self.runtime.wait(pump.hungry, at_most)
        called, pump.hungry = bool(pump.hungry.is_set()), self.runtime.event()
        return called

    async def _due(self, pump: Pump) -> int | None:
        jobs = [(job.payroll, job.channel, job.sent_only) for job in pump.jobs]
        now = self.runtime.now()
        return await self.runtime.offload(lambda: claims.next_due(self.store, self._sender, jobs, now))

    async def _claim(self, pump: Pump, now: int) -> bool:
        for job in pump.jobs:
            if job in pump.dry:
                continue
            where = (job.payroll, job.channel, now, PAGE, job.sent_only)
            page = await self.runtime.write(partial(claims.page, self.store, self._sender, *where))
            if len(page.lines) < PAGE:
                pump.dry.add(job)
            if page.lines:
                self.runtime.point("claimed")
                await self._admit(pump, page)
                return True
        return False

    async def _admit(self, pump: Pump, page: claims.Page) -> None:
        """Law 5 and the host's policies: what must not go is held, with the reason on the record."""
        why = dict(page.refused)
        unsent = [line for line in page.lines if line.state in UNSENT and line.payment.id not in why]
        for line in unsent:
            if line.payment.leaf() != line.leaf:
                why[line.payment.id] = "the line differs from what was approved"
        for payment, objection in (await self._objections([line.payment for line in unsent])).items():
            why.setdefault(payment, objection)
        now = self.runtime.now()
        for line in page.lines:
            case = Case.of(line)
            case.checked_at = now
            if line.payment.id in why:
                self._hold(case, why[line.payment.id])
            pump.queue.append(case)
        for _ in range(min(len(pump.queue), len(pump.waiting))):
            pump.waiting.popleft().set()

    async def _objections(self, payments: Sequence[Payment]) -> dict[str, str]:
        return await objections(self.runtime, self.policies, payments)

    def _hold(self, case: Case, why: str) -> None:
        life = case.life
        case.note(Fact(life.facts + 1, self.runtime.now(), "hold", plain(why), attempt=life.attempt))

    async def _work(self, pump: Pump, lane: Lane, left: Any) -> None:
        low = pump.channel.pace.max_concurrency
        try:
            while True:
                while not pump.queue:
                    if pump.done:
                        return
                    called = self.runtime.event()
                    pump.waiting.append(called)
                    pump.hungry.set()
                    await self.runtime.wait(called, None)
                case = pump.queue.popleft()
                if len(pump.queue) < low:
                    pump.hungry.set()
                pump.in_flight += 1
                try:
                    await self._one(pump, case, lane)
                finally:
                    pump.in_flight -= 1
        finally:
            left.set()
            pump.hungry.set()

    async def _one(self, pump: Pump, case: Case, lane: Lane) -> None:
        now = self.runtime.now()
        begins = pump.worker.throttle.admit(now)
        if begins > now:
            await self.runtime.sleep(begins - now)
            now = self.runtime.now()
        if self.stopping:
            return
        opens = pump.worker.throttle.opens(now)
        if case.life.state in UNSENT and (pump.worker.throttle.stopped or opens > now):
            await pump.worker.put_off(case, opens)
            return
        ttl = int(pump.channel.pace.recheck_ttl * SECOND)
        if case.life.state in UNSENT and now - case.checked_at > ttl:
            # It waited long for its turn (rate, quiet hours): what the policies said is too old.
            for why in (await self._objections([case.payment])).values():
                self._hold(case, why)
        await pump.worker.work(case, lane)
        if case.life.settled:
            self.progress(1)

    # -- beside the pumps ---------------------------------------------------------------------------------------------

    def apply(self, writes: Sequence[Write]) -> list[Result]:
        """On the writer thread: one transaction for the group; the mark before anything of it may be sent."""
        self.runtime.point("before-commit")
        store = self.store
        results, head = store.together(lambda connection: (claims.apply(connection, store, writes), store.head))
        self.runtime.point("after-commit")
        if self.mark is not None and any(write.money_intent or write.money_copy for write in writes):
            self.mark.write(self.store.session, *head)
            self.runtime.point("after-mark")
        return results

    async def _renew(self) -> None:
        while not await self._over(self.lease // 4):
            now = self.runtime.now()
            if await self.runtime.write(lambda: claims.renew(self.store, self._sender, self.lease, self.presence)):
                self._lease_until = now + self.lease
            else:
                self.stop()
                return

    async def _listen(self) -> None:
        while not self._ended.is_set():
            await self.runtime.wait(self._called, self.poll)
            if self._called.is_set():
                await self.runtime.sleep(LINGER)
            self._called = self.runtime.event()
            while await self._hear():
                for pump in self._pumps:
                    pump.dry.clear()
                    pump.hungry.set()

    def call(self) -> None:
        """A callback is on disk. (What another process takes in is seen at the next poll.)"""
        self._called.set()

    async def _tidy(self) -> None:
        while not await self._over(self.poll):
            await self.runtime.offload(self.store.tidy)

    async def _tell(self) -> None:
        while not await self._over(self.poll):
            await self.runtime.offload(partial(tell, self.store, self.policies))

    async def _hear(self) -> int:
        stopped: dict[str, str] = {}
        heard = await self.runtime.write(partial(hear, self.store, self._known, self.runtime.now(), stopped))
        for channel, reason in stopped.items():
            await self.note_stop(channel, reason)
        return heard

    def _known(self, name: str) -> Channel | None:
        """Any configured channel, also one without a payment under way: a late word about a settled one counts too."""
        try:
            return self.channel_of(name)
        except GatewayCoreError:
            return None

    async def _over(self, us: int) -> bool:
        await self.runtime.wait(self._ended, us)
        return bool(self._ended.is_set())

    def lifted(self, channel: str) -> None:
        """No stop of the channel is on record any more."""
        if channel in self._throttles:
            self._throttles[channel].stopped = ""

    def bar(self, channel: str, reason: str) -> None:
        """Begin nothing more over this channel in this run. Any thread may say so."""
        self._throttles.setdefault(channel, Throttle(self.channel_of(channel).pace, self.zone)).stopped = reason

    async def note_stop(self, channel: str, reason: str) -> None:
        """The rail stopped this channel: nothing more begins over it, now or later, until a person lifts the stop."""
        self.bar(channel, reason)
        await self.runtime.write(lambda: stops.note(self.store, channel, reason))
        self.on_stop(channel, reason)
