"""The seams: every await of the driver is one of these, so that the same driver runs under a hand-stepped simulator.

Times are UTC microseconds; waits are in microseconds too, so that no float ever decides about time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from ..contract.channel import Wiring
from ..model.moments import SECOND as SECOND
from .lanes import HttpLane
from .wire import Wire

T = TypeVar("T")


class Event(Protocol):
    """Set once; whoever waits goes on."""

    def set(self) -> None:
        """Wake the waiters."""


class Lane(Protocol):
    """One connection to a rail, used by one payment at a time."""

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        """Status, lower-case headers, body. Raises NotSent when it provably never left, NoAnswer for all else."""

    async def close(self) -> None:
        """Drop the connection."""


class Runtime(Protocol):
    """What the driver may await."""

    def now(self) -> int:
        """UTC, microseconds."""

    def event(self) -> Any:
        """A fresh event."""

    async def wait(self, event: Any, us: int | None) -> None:
        """Until the event is set or the time has passed."""

    async def sleep(self, us: int) -> None:
        """Let time pass."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside; a failure ends the run."""

    async def write(self, job: Callable[[], T]) -> T:
        """Run a store job on the one writer thread."""

    async def offload(self, job: Callable[[], T]) -> T:
        """Run something slow or blocking (a policy, a read) on another thread."""

    def point(self, name: str) -> None:
        """A named failpoint: nothing in production."""


class Signal:
    """Set once; whoever waits goes on. asyncio's own event brings a queue and a loop look-up, for each write anew."""

    __slots__ = ("_set", "_waiting")

    def __init__(self) -> None:
        self._set = False
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Whether it was set."""
        return self._set

    def set(self) -> None:
        """Wake the waiters. On the loop's thread only."""
        self._set = True
        for waiter in list(self._waiting):
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Until it is set."""
        if self._set:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            self._waiting.remove(waiter)


class AsyncioRuntime:
    """The real thing: an asyncio loop, one writer thread, a few helper threads."""

    # The kill rig puts its own function here; see gateway_core.testing.kill.
    on_point: Callable[[str], None] | None = None

    def __init__(self) -> None:
        self._writer = ThreadPoolExecutor(1, "gateway-writer")
        self._helpers = ThreadPoolExecutor(4, "gateway-helper")
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed: BaseException | None = None
        self.on_failure: Callable[[], object] = lambda: None

    def now(self) -> int:
        return time.time_ns() // 1000

    def event(self) -> Signal:
        return Signal()

    async def wait(self, event: Signal, us: int | None) -> None:
        if us is None:
            await event.wait()
            return
        try:
            async with asyncio.timeout(max(us, 0) / SECOND):
                await event.wait()
        except TimeoutError:
            return

    async def sleep(self, us: int) -> None:
        await asyncio.sleep(max(us, 0) / SECOND)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and self.failed is None:
            self.failed = error
            self.on_failure()

    async def write(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, job)

    async def offload(self, job: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._helpers, job)

    def point(self, name: str) -> None:
        if self.on_point is not None:
            self.on_point(name)

    async def close(self) -> None:
        """Cancel what still runs and stop the threads."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.shutdown()
        self._helpers.shutdown()


def http_lane(base_url: str, auth: Any, wiring: Wiring | None = None) -> Lane:
    """A lane over real HTTP."""
    return HttpLane(base_url, auth, wiring=wiring)
