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
# A group waits so long for others to join, unless everybody who could is waiting already: a COMMIT costs the same for
# one write as for fifty.
LINGER = 4_000


class Groups:
    """The driver's only way to write. `apply` runs on the writer thread and returns one Result per Write.

    `busy()`: how many payments are in flight, and so how many writes can come at the same time.
    """

    def __init__(
        self, runtime: Runtime, apply: Callable[[Sequence[Write]], list[Result]], busy: Callable[[], int] = lambda: 1
    ) -> None:
        self._runtime, self._apply, self._busy = runtime, apply, busy
        self._waiting: list[tuple[Write, Any, list[Result]]] = []
        self._flushing = False
        self._full = runtime.event()

    async def write(self, write: Write) -> Result:
        """Commit one write, together with whatever others wait at the same time."""
        done, box = self._runtime.event(), list[Result]()
        self._waiting.append((write, done, box))
        if not self._flushing:
            self._flushing = True
            self._runtime.spawn(self._flush())
        elif self._all_here():
            self._full.set()
        await self._runtime.wait(done, None)
        return box[0]

    def _all_here(self) -> bool:
        return len(self._waiting) >= min(self._busy(), GROUP)

    async def _flush(self) -> None:
        try:
            while self._waiting:
                if not self._all_here():
                    self._full = self._runtime.event()
                    await self._runtime.wait(self._full, LINGER)
                group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
                writes = [write for write, _, _ in group]
                results = await self._runtime.write(partial(self._apply, writes))
                for (_, done, box), result in zip(group, results, strict=True):
                    box.append(result)
                    done.set()
        finally:
            self._flushing = False
