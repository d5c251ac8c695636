"""The hand-stepped Runtime: no event loop. Coroutines are stepped one by one; a heap is the world; time is virtual.

`Stage` is the world's time and its queue of coroutines that can go on. A `Process` is one operating-system process on
it, with the driver's seams (`engine.runtime.Runtime`). It may die at any step: all its coroutines are dropped, and
what was not committed is gone. It may freeze (SIGSTOP) while the world goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from heapq import heappop, heappush
from typing import Any, TypeVar

from ...model.errors import StoreError
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


# What is awaited where there is nothing to wait for.
_AT_ONCE = Signal()
_AT_ONCE.fire()


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


class Task:
    """One coroutine of a process; called, it can go on."""

    __slots__ = ("_ready", "process", "work")

    def __init__(self, ready: list[Task], process: Process, work: Coroutine[Any, Any, Any]) -> None:
        self._ready, self.process, self.work = ready, process, work

    def __call__(self) -> None:
        """Wait for its turn; the tape says when that comes."""
        self._ready.append(self)


class Stage:
    """Virtual time in microseconds, what happens when, and which coroutine goes on next (the tape shuffles).

    `skew`: by how much the clock of our machines is wrong.
    """

    def __init__(self, tape: Tape, epoch: int) -> None:
        self.tape, self.epoch, self.now, self.steps = tape, epoch, 0, 0
        self.skew = 0
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._pushed = 0
        self._ready: list[Task] = []

    def true_time(self) -> int:
        """UTC, microseconds."""
        return self.epoch + self.now

    def clock(self) -> int:
        """What our machines take for UTC, microseconds."""
        return self.epoch + self.now + self.skew

    def after(self, us: int, act: Callable[[], None]) -> None:
        """Let `act` happen `us` from now."""
        self._pushed += 1
        heappush(self._heap, (self.now + us if us > 0 else self.now, self._pushed, act))

    def begin(self, process: Process, work: Coroutine[Any, Any, Any]) -> Task:
        """A coroutine that can take its first step."""
        task = Task(self._ready, process, work)
        self._ready.append(task)
        return task

    def run(self, horizon: int) -> None:
        """Until nothing can happen any more, or the horizon."""
        ready, heap, tape = self._ready, self._heap, self.tape
        while True:
            if ready:
                place = tape.choose(len(ready), "goes first", SHUFFLE) if len(ready) > 1 else 0
                task = ready.pop(place)
                task.process.step(task)
                self.steps += 1
                if self.steps > STEPS:
                    raise Endless(f"more than {STEPS} steps")
            elif heap and heap[0][0] <= horizon:
                self.now, _, act = heappop(heap)
                tape.now = self.now
                act()
            else:
                return


class Process:
    """One process: a Runtime for the real driver. `risk` is asked wherever it might die; True: it just did.

    `broke` is told when the store could not be used: the process has ended by then, as a run does.
    """

    def __init__(self, stage: Stage, risk: Callable[[Process, str], bool], broke: Callable[[StoreError], None]) -> None:
        self.stage, self._risk, self._broke = stage, risk, broke
        self.now = stage.clock
        self.alive = True
        self.frozen_until = 0
        self._tasks: dict[Task, None] = {}
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
        for task in tasks:
            work: Any = task.work
            if not work.cr_running:
                work.close()

    def freeze(self, us: int) -> None:
        """SIGSTOP: nothing of it runs for so long."""
        self.frozen_until = self.stage.now + us

    def step(self, task: Task) -> None:
        """Let one coroutine run to its next await."""
        if not self.alive:
            return
        if self.frozen_until > self.stage.now:
            self.stage.after(self.frozen_until - self.stage.now, task)
            return
        try:
            waits_for = task.work.send(None)
        except (StopIteration, Dead):
            self._tasks.pop(task, None)
            return
        except StoreError as error:
            self._tasks.pop(task, None)
            self.end()
            self._broke(error)
            return
        if self.alive:
            waits_for.resume = task
            self._risk(self, "between two steps")

    # -- the seams: plain functions that give something to await, which is a frame less at every step -----------------

    def event(self) -> Event:
        """A fresh event."""
        return Event()

    def wait(self, event: Event, us: int | None) -> Awaitable[None]:
        """Until the event is set or the time has passed."""
        if event.is_set() or not self.alive:
            return _AT_ONCE
        waiter = Signal()
        event.join(waiter)
        if us is not None:
            self.stage.after(us, waiter.fire)
        return waiter

    def sleep(self, us: int) -> Awaitable[None]:
        """Let time pass."""
        if not self.alive:
            return _AT_ONCE
        waiter = Signal()
        self.stage.after(us, waiter.fire)
        return waiter

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside."""
        self._tasks[self.stage.begin(self, work)] = None

    def write(self, job: Callable[[], T]) -> Awaitable[T]:
        """The one writer thread: jobs in order, each atomic; the process may die before or after each commit."""
        done = Signal()
        self._jobs.append((job, done))
        self.stage.after(COMMIT, self._next_job)
        return done

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

    def offload(self, job: Callable[[], T]) -> Awaitable[T]:
        """Another thread."""
        done = Signal()
        self.stage.after(READ, partial(self._run, job, done))
        return done

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
