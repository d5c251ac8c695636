"""A runtime whose time a busy machine does not use up: a run gets as far before its deadline as on an idle one."""

from __future__ import annotations

import threading
from typing import Any

from gateway_core.engine.runtime import AsyncioRuntime

# Microseconds: what passes at most between two looks at the clock while nobody waits.
TICK = 2_000


class Steady(AsyncioRuntime):
    """Time goes on by what is waited for, and a little at every look. `ahead`: so far its clock is off."""

    ahead = 0

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._seen = self._at = super().now()

    def now(self) -> int:
        with self._lock:
            seen = super().now()
            self._at += min(max(seen - self._seen, 0), TICK)
            self._seen = seen
            return self._at + self.ahead

    async def wait(self, event: Any, us: int | None) -> None:
        began = self.now()
        await super().wait(event, us)
        if us is not None and not event.is_set():
            self._passed(began + us)

    async def sleep(self, us: int) -> None:
        began = self.now()
        await super().sleep(us)
        self._passed(began + us)

    def _passed(self, until: int) -> None:
        with self._lock:
            self._at = max(self._at, until - self.ahead)
