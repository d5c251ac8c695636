"""Group commit: whoever has something to write joins the next group; one transaction, one fsync for all of it.

Waiters are released only after the COMMIT returned (publish to memory only after the commit).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..store import Result, Write
from .runtime import Runtime

GROUP = 256


class Groups:
    """The driver's only way to write. `apply` runs on the writer thread and returns one Result per Write."""

    def __init__(self, runtime: Runtime, apply: Callable[[Sequence[Write]], list[Result]]) -> None:
        self._runtime, self._apply = runtime, apply
        self._waiting: list[tuple[Write, Any, list[Result]]] = []
        self._flushing = False

    async def write(self, write: Write) -> Result:
        """Commit one write, together with whatever others wait at the same time."""
        done, box = self._runtime.event(), list[Result]()
        self._waiting.append((write, done, box))
        if not self._flushing:
            self._flushing = True
            self._runtime.spawn(self._flush())
        await self._runtime.wait(done, None)
        return box[0]

    async def _flush(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                writes = [write for write, _, _ in group]
                results = await self._runtime.write(partial(self._apply, writes))
                for (_, done, box), result in zip(group, results, strict=True):
                    box.append(result)
                    done.set()
        finally:
            self._flushing = False
