"""When the tour is over: not after a time, but when nothing is to be heard any more that a law would look at.

A machine that builds and tests is slow, and nobody knows how slow. So a payment is over when it ended, or when the rail
was asked about it often enough after it must have decided; seconds count only where nothing else can be counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import attrs

from ...contract.replies import Waiting
from ...engine.runtime import AsyncioRuntime
from ...model.states import UNSENT
from ...paymaster import Paymaster
from .rows import NEVER_CAME, PENDING_FOR_EVER, Row
from .watch import Heard

if TYPE_CHECKING:
    from .bench import Bench

ENDED = {"paid", "refused", "returned", "held", "cancelled"}
# So many replies of one kind in a row that settle nothing, and it is believed that none will.
ENOUGH = 6
# Seconds between two looks.
LOOKS = 0.1


class _Looking(AsyncioRuntime):
    """The real runtime, which runs one thing more, from the beginning on."""

    def __init__(self, beside: Callable[[AsyncioRuntime], Coroutine[Any, Any, None]]) -> None:
        super().__init__()
        self._beside = [beside]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        while self._beside:
            super().spawn(self._beside.pop()(self))
        super().spawn(work)


@attrs.define
class Ending:
    """Looks at a run from its own loop, and lets it end. `sent`: when a row was, or something new said of it."""

    bench: Bench
    paymaster: Paymaster
    rows: list[Row]
    sent: dict[str, float] = attrs.field(factory=dict)
    _counted: int = 0
    _replies: Counter[str] = attrs.field(factory=Counter)
    _waiting: Counter[str] = attrs.field(factory=Counter)
    _last: dict[str, type] = attrs.field(factory=dict)

    def runtime(self) -> AsyncioRuntime:
        """For the run: it stops by itself when all is over."""
        return _Looking(self._look)

    async def _look(self, runtime: AsyncioRuntime) -> None:
        while not await runtime.offload(self.over):
            await asyncio.sleep(LOOKS)
        assert self.paymaster._driver is not None
        self.paymaster._driver.stop()

    def over(self) -> bool:
        """Whether all rows are."""
        states = {view.invoice: view.state for view in self.paymaster.all_payments()}
        for name in (name for name, state in states.items() if state not in UNSENT):
            self.sent.setdefault(name, time.monotonic())
        self._count()
        return all(self._is_over(row, states[row.name]) for row in self.rows)

    def _is_over(self, row: Row, state: str) -> bool:
        if state in ENDED:
            return True
        if row == PENDING_FOR_EVER:
            # A plugin that gives up by itself gets its chance to.
            return self._waiting[row.name] >= (ENOUGH if self._asked else 1)
        if not self._asked and (row.calls == "as answers" or row == NEVER_CAME):
            # Nobody will say what became of it.
            return state not in UNSENT and state != "sending"
        return self._replies[row.name] >= ENOUGH

    @property
    def _asked(self) -> bool:
        return self.bench.capabilities.finds_out

    def _count(self) -> None:
        """Replies count for the end of a row only once the simulator must have decided."""
        heard = self.bench.watch.heard
        new = heard[self._counted :]
        self._counted += len(new)
        for name, one in ((_invoice(one), one) for one in new):
            waits = isinstance(one.said, Waiting)
            self._waiting[name] += waits
            if type(one.said) is not self._last.get(name):
                # Something new was said of it, after another copy perhaps: the rail has its time again.
                self._last[name], self._replies[name], self.sent[name] = type(one.said), 0, time.monotonic()
            elif not getattr(one.said, "by_callback", False):
                self._replies[name] += time.monotonic() - self.sent[name] > self.bench.given.decides_in


def _invoice(one: Heard) -> str:
    return one.talk.payment.invoice if one.talk and one.talk.payment else ""
