"""The driver: one sender's run over payrolls, channel by channel, a bounded window of payments in flight.

feeder     claims pages of due payments and keeps the queue filled; knows when nothing is left
workers    one per lane: take a payment, work on it, release it
listener   acts on stored callbacks
renewer    keeps the sender's lease
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial
from typing import Any

import attrs

from ..contract.channel import Channel
from ..contract.policies import Policies
from ..model.errors import GatewayCoreError
from ..model.facts import Fact
from ..model.payment import Payment
from ..model.states import UNSENT
from ..store import Result, Store, Write
from ..store.opening import is_restored
from . import claims
from .decide import Rules
from .evidence import plain
from .groups import Groups
from .hear import hear
from .mark import Mark
from .pace import Throttle
from .runtime import SECOND, Lane, Runtime
from .telling import tell
from .work import Case, Worker

LEASE = 60 * SECOND
PAGE = 128
POLL = SECOND


@attrs.frozen
class Job:
    """A payroll and channel to work on. `sent_only`: it is paused; only what was sent is still asked about."""

    payroll: str
    channel: str
    sent_only: bool = False


@attrs.define
class Pump:
    """One channel's queue and window."""

    channel: Channel
    jobs: list[Job]
    worker: Worker
    queue: deque[Case] = attrs.field(factory=deque)
    in_flight: int = 0
    waiting: deque[Any] = attrs.field(factory=deque)
    hungry: Any = None
    done: bool = False


@attrs.define
class Driver:
    """Runs until nothing is left that is due before the deadline. `lane(channel)` makes one lane."""

    runtime: Runtime
    store: Store
    channel_of: Callable[[str], Channel]
    policies: Policies
    lane: Callable[[Channel], Lane]
    mark: Mark | None = None
    zone: tzinfo | None = None
    alone: bool = True
    lease: int = LEASE
    poll: int = POLL
    on_stop: Callable[[str, str], None] = lambda channel, reason: None
    progress: Callable[[int], None] = lambda finished: None
    stopping: bool = False
    next_due: int | None = None
    _restored: bool = False
    _sender: int = 0
    _lease_until: int = 0
    _pumps: list[Pump] = attrs.field(factory=list)
    _throttles: dict[str, Throttle] = attrs.field(factory=dict)
    _ended: Any = None

    async def start(self) -> None:
        """Become a sender: register, free what dead senders had claimed, act on the callbacks that came meanwhile."""
        self._ended = self.runtime.event()
        now = self.runtime.now()
        self._sender = await self.runtime.write(lambda: claims.start(self.store, self.lease, self.alone))
        self._lease_until = now + self.lease
        self._restored = await self.runtime.offload(partial(is_restored, self.store))
        while await self._hear():
            pass
        self.runtime.spawn(self._renew())
        self.runtime.spawn(self._listen())
        if self.policies.observers():
            self.runtime.spawn(self._tell())

    async def finish(self) -> None:
        """Stop being a sender, in order."""
        self._ended.set()
        await self.runtime.write(lambda: claims.end(self.store, self._sender))
        await self.runtime.offload(partial(tell, self.store, self.policies))

    async def run(self, jobs: Sequence[Job], deadline: int | None) -> None:
        """Work on the jobs until nothing more is due before `deadline` (None: as long as anything is open)."""
        by_channel: dict[str, list[Job]] = {}
        for job in jobs:
            by_channel.setdefault(job.channel, []).append(job)
        self._pumps, self.next_due = [self._pump(name, its) for name, its in by_channel.items()], None
        ends = []
        for pump in self._pumps:
            end = self.runtime.event()
            ends.append(end)
            self.runtime.spawn(self._drain(pump, deadline, end))
        for end in ends:
            await self.runtime.wait(end, None)

    def stop(self) -> None:
        """Finish what is in flight and end; what is left waits for the next run."""
        self.stopping = True
        for pump in self._pumps:
            pump.hungry.set()

    # -- one channel --------------------------------------------------------------------------------------------------

    def _pump(self, name: str, jobs: list[Job]) -> Pump:
        channel = self.channel_of(name)
        throttle = self._throttles.setdefault(name, Throttle(channel.pace, self.zone))
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

    async def _drain(self, pump: Pump, deadline: int | None, end: Any) -> None:
        lanes = [self.lane(pump.channel) for _ in range(pump.channel.pace.max_concurrency)]
        idle = [self.runtime.event() for _ in lanes]
        for lane, left in zip(lanes, idle, strict=True):
            self.runtime.spawn(self._work(pump, lane, left))
        try:
            await self._feed(pump, deadline)
        finally:
            pump.done = True
            while pump.waiting:
                pump.waiting.popleft().set()
            for left in idle:
                await self.runtime.wait(left, None)
            for lane in lanes:
                await lane.close()
            end.set()

    async def _feed(self, pump: Pump, deadline: int | None) -> None:
        low = len(pump.waiting) + pump.channel.pace.max_concurrency * 2
        while not self.stopping and not pump.worker.throttle.stopped:
            now = self.runtime.now()
            opens = pump.worker.throttle.opens(now)
            if opens <= now and len(pump.queue) < low and await self._claim(pump, now):
                continue
            if pump.queue or pump.in_flight:
                await self._until_hungry(pump, self.poll)
                continue
            due = await self._due(pump)
            if due is None:
                return
            due = max(due, opens)
            if deadline is not None and due > deadline:
                self.next_due = min(due, self.next_due or due)
                return
            await self._until_hungry(pump, min(max(due - self.runtime.now(), 1000), self.poll))

    async def _until_hungry(self, pump: Pump, at_most: int) -> None:
        await self.runtime.wait(pump.hungry, at_most)
        pump.hungry = self.runtime.event()

    async def _due(self, pump: Pump) -> int | None:
        jobs = [(job.payroll, job.channel, job.sent_only) for job in pump.jobs]
        return await self.runtime.offload(lambda: claims.next_due(self.store, jobs))

    async def _claim(self, pump: Pump, now: int) -> bool:
        for job in pump.jobs:
            where = (job.payroll, job.channel, now, PAGE, job.sent_only)
            page = await self.runtime.write(partial(claims.page, self.store, self._sender, *where))
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

    async def _objections(self, payments: list[Payment]) -> dict[str, str]:
        """What the host's policies say against sending these now: {payment: the first blocking objection}."""
        if not payments or not self.policies.asks_before_sending():
            return {}
        said = await self.runtime.offload(partial(self.policies.before_sending, payments))
        blocking = [(payment, f"{o.source}: {o.code}: {o.message}") for payment, o in said if o.blocks]
        return dict(reversed(blocking))

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
        if self.stopping:
            return
        opens = pump.worker.throttle.opens(self.runtime.now())
        if case.life.state in UNSENT and (pump.worker.throttle.stopped or opens > self.runtime.now()):
            await pump.worker.put_off(case, opens)
            return
        ttl = int(pump.channel.pace.recheck_ttl * SECOND)
        if case.life.state in UNSENT and self.runtime.now() - case.checked_at > ttl:
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
        with self.store.write() as connection:
            results = claims.apply(connection, self.store, writes)
            head = self.store.head
        self.runtime.point("after-commit")
        if self.mark is not None and any(write.money_intent or write.money_copy for write in writes):
            self.mark.write(self.store.session, *head)
            self.runtime.point("after-mark")
        return results

    async def _renew(self) -> None:
        while not await self._over(self.lease // 4):
            now = self.runtime.now()
            if await self.runtime.write(lambda: claims.renew(self.store, self._sender, self.lease)):
                self._lease_until = now + self.lease
            else:
                self.stop()
                return

    async def _listen(self) -> None:
        while not await self._over(self.poll):
            if await self._hear():
                for pump in self._pumps:
                    pump.hungry.set()

    async def _tell(self) -> None:
        while not await self._over(self.poll):
            await self.runtime.offload(partial(tell, self.store, self.policies))

    async def _hear(self) -> int:
        return await self.runtime.write(partial(hear, self.store, self._known, self.runtime.now()))

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

    async def note_stop(self, channel: str, reason: str) -> None:
        if channel in self._throttles:
            self._throttles[channel].stopped = reason
        await self.runtime.write(lambda: claims.note_stop(self.store, channel, reason))
        self.on_stop(channel, reason)
