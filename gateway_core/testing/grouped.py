"""Group commit: what many requests ask of one ledger shares one transaction, written in a thread beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .ledger import Ledger

T = TypeVar("T")
Job = tuple[Callable[..., Any], tuple[Any, ...], "asyncio.Future[Any]"]
Result = tuple[Any, BaseException | None]


class GroupCommit:
    """Runs functions inside ledger transactions; an awaited result is on disk.

    While one transaction is being written the next one gathers, so its size follows the load by itself.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._thread = ThreadPoolExecutor(1, "ledger")
        self._gathered: list[Job] = []
        self._writing = False

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """The result of function(*arguments), once it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._gathered.append((function, arguments, future))
        if not self._writing:
            self._writing = True
            # Not at once: the other requests of this turn of the loop come along.
            loop.call_soon(self._start, loop)
        return await future

    def close(self) -> None:
        """Wait for what is being written."""
        self._thread.shutdown()

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs, self._gathered = self._gathered, []
        writing = loop.run_in_executor(self._thread, self._commit, jobs)
        writing.add_done_callback(lambda done: self._deliver(loop, jobs, done))

    def _deliver(self, loop: asyncio.AbstractEventLoop, jobs: list[Job], done: asyncio.Future[list[Result]]) -> None:
        broken = asyncio.CancelledError() if done.cancelled() else done.exception()
        results = [(None, broken)] * len(jobs) if broken else done.result()
        for (_, _, future), (value, error) in zip(jobs, results, strict=True):
            if future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        if self._gathered:
            self._start(loop)
        else:
            self._writing = False

    def _commit(self, jobs: list[Job]) -> list[Result]:
        """All in one transaction; where one of them raises, each again in its own, so that it harms nobody else."""
        ran = False
        try:
            with self._ledger.transaction():
                results: list[Result] = [(function(*arguments), None) for function, arguments, _ in jobs]
                ran = True
            return results
        except Exception as error:
            # A COMMIT that raises may have reached the disk: those jobs never run again.
            if ran or len(jobs) == 1:
                return [(None, error)] * len(jobs)
            return [self._commit([job])[0] for job in jobs]
