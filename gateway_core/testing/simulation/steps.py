"""The hand-stepped Runtime: no event loop. Coroutines are stepped one by one; a heap is the world; time is virtual.

`Stage` is the world's time and its queue of coroutines that can go on. A `Process` is one operating-system process on
it, with the driver's seams (`engine.runtime.Runtime`). It may die at any step: all its coroutines are dropped, and
what was not committed is gone. It may freeze (SIGSTOP) while the world goes on.
"""

from __future__ import annotations

import heapq
import inspect
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from .chance import Tape

T = TypeVar("T")
SECOND = 1_000_000
COMMIT = 2_000
BACK = 1_000
READ = 1_000
SHUFFLE = 0.25
STEPS = 200_000


class Endless(Exception):
    """Nothing ends: more steps than any schedule needs."""


class Dead(BaseException):
    """Raised inside a coroutine of a process that died in this very step."""


class Signal:
    """What a coroutine waits for: fired once, with a value or an error."""

    __slots__ = ("error", "fired", "resume", "value")

    def __init__(self) -> None:
        self.fired = False
        self.value: Any = None
        self.error: BaseException | None = None
        self.resume: Callable[[], None] | None = None

    def fire(self, value: Any = None, error: BaseException | None = None) -> None:
        """Let the waiter go on. Firing twice changes nothing."""
        if self.fired:
            return
        self.fired, self.value, self.error = True, value, error
        if self.resume is not None:
            self.resume()

    def __await__(self) -> Generator[Signal, None, Any]:
        if not self.fired:
            yield self
        if self.error is not None:
            raise self.error
        return self.value


class Event:
    """Set once; whoever waits goes on."""

    __slots__ = ("_set", "_waiters")

    def __init__(self) -> None:
        self._set = False
        self._waiters: list[Signal] = []

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._set

    def set(self) -> None:
        """Wake the waiters."""
        self._set = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.fire()

    def join(self, waiter: Signal) -> None:
        """Be woken when it is set."""
        self._waiters.append(waiter)


class Stage:
    """Virtual time in microseconds, what happens when, and which coroutine goes on next (the tape shuffles)."""

    def __init__(self, tape: Tape) -> None:
        self.tape, self.now, self.steps = tape, 0, 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._pushed = 0
        self._ready: list[tuple[Process, Coroutine[Any, Any, Any]]] = []

    def after(self, us: int, act: Callable[[], None]) -> None:
        """Let `act` happen `us` from now."""
        self._pushed += 1
        heapq.heappush(self._heap, (self.now + max(us, 0), self._pushed, act))

    def ready(self, process: Process, work: Coroutine[Any, Any, Any]) -> None:
        """This coroutine can go on."""
        self._ready.append((process, work))

    def run(self, horizon: int) -> None:
        """Until nothing can happen any more, or the horizon."""
        ready, tape = self._ready, self.tape
        while True:
            if ready:
                place = tape.choose(len(ready), "goes first", SHUFFLE) if len(ready) > 1 else 0
                process, work = ready.pop(place)
                process.step(work)
                self.steps += 1
                if self.steps > STEPS:
                    raise Endless(f"more than {STEPS} steps")
            elif self._heap and self._heap[0][0] <= horizon:
                self.now, _, act = heapq.heappop(self._heap)
                tape.now = self.now
                act()
            else:
                return


class Process:
    """One process: a Runtime for the real driver. `risk` is asked wherever it might die; True: it just did."""

    def __init__(self, stage: Stage, epoch: int, risk: Callable[[Process, str], bool]) -> None:
        self.stage, self._epoch, self._risk = stage, epoch, risk
        self.alive = True
        self.frozen_until = 0
        self._tasks: dict[int, Coroutine[Any, Any, Any]] = {}
        self._jobs: deque[tuple[Callable[[], Any], Signal]] = deque()

    # -- what the world does to it ------------------------------------------------------------------------------------

    def main(self, work: Coroutine[Any, Any, Any], ended: Callable[[], None]) -> None:
        """Run `work` as the process's main task: when it returns, the process exits in order."""

        async def whole() -> None:
            await work
            self.end()
            ended()

        self.spawn(whole())

    def end(self) -> None:
        """All its coroutines are dropped where they stand; no job of theirs runs any more."""
        self.alive = False
        tasks, self._tasks = self._tasks, {}
        self._jobs.clear()
        for task in tasks.values():
            if inspect.getcoroutinestate(task) != inspect.CORO_RUNNING:
                task.close()

    def freeze(self, us: int) -> None:
        """SIGSTOP: nothing of it runs for so long."""
        self.frozen_until = self.stage.now + us

    def step(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let one coroutine run to its next await."""
        if not self.alive:
            return
        if self.frozen_until > self.stage.now:
            self.stage.after(self.frozen_until - self.stage.now, partial(self.stage.ready, self, work))
            return
        try:
            waits_for = work.send(None)
        except (StopIteration, Dead):
            self._tasks.pop(id(work), None)
            return
        if self.alive:
            waits_for.resume = partial(self.stage.ready, self, work)
            self._risk(self, "between two steps")

    # -- the seams ----------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """UTC, microseconds."""
        return self._epoch + self.stage.now

    def event(self) -> Event:
        """A fresh event."""
        return Event()

    async def wait(self, event: Event, us: int | None) -> None:
        """Until the event is set or the time has passed."""
        if not event.is_set() and self.alive:
            waiter = Signal()
            event.join(waiter)
            if us is not None:
                self.stage.after(us, waiter.fire)
            await waiter

    async def sleep(self, us: int) -> None:
        """Let time pass."""
        if self.alive:
            waiter = Signal()
            self.stage.after(us, waiter.fire)
            await waiter

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside."""
        self._tasks[id(work)] = work
        self.stage.ready(self, work)

    async def write(self, job: Callable[[], T]) -> T:
        """The one writer thread: jobs in order, each atomic; the process may die before or after each commit."""
        done = Signal()
        self._jobs.append((job, done))
        self.stage.after(COMMIT, self._next_job)
        result: T = await done
        return result

    def _next_job(self) -> None:
        if not self.alive:
            return
        if self.frozen_until > self.stage.now:
            self.stage.after(self.frozen_until - self.stage.now, self._next_job)
            return
        job, done = self._jobs.popleft()
        if self._risk(self, "before a commit"):
            return
        self._run(job, done)
        self._risk(self, "after a commit")

    async def offload(self, job: Callable[[], T]) -> T:
        """Another thread."""
        done = Signal()
        self.stage.after(READ, partial(self._run, job, done))
        result: T = await done
        return result

    def _run(self, job: Callable[[], T], done: Signal) -> None:
        if not self.alive:
            return
        try:
            result = job()
        except Exception as error:
            self.stage.after(BACK, partial(done.fire, None, error))
        else:
            self.stage.after(BACK, partial(done.fire, result))

    def point(self, name: str) -> None:
        """Failpoints lie between awaits: dying there is dying at the step before or after."""
