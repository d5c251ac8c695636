"""A run during which something of the machine fails at a chosen point, and what must be true afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

import attrs

from gateway_core.engine.runtime import AsyncioRuntime
from gateway_core.lifecycle.running import Report
from gateway_core.testing.kill import Dummy

if TYPE_CHECKING:
    from tests.conftest import Shop

LINES = 12
# Doubts are cleared in a moment.
QUICK = {"max_concurrency": 4, "timeout": 2.0, "settle": 0.1, "ask_after": 0.05, "ask_at_most": 0.3, "patience": 3}
At = tuple[str, int]


@attrs.define
class Run:
    """One `Paymaster.run` in this very process, which must survive whatever happens."""

    shop: Shop
    payroll: str
    error: Exception | None = None
    report: Report | None = None
    struck: bool = False

    def with_fault(self, strikes: Callable[[], AbstractContextManager[object]], at: At, wait: float = 1.0) -> Run:
        """Run; the fault begins at this visit of a point of the engine, and is lifted once the run has ended."""
        visits: Counter[str] = Counter()
        with ExitStack() as until_lifted:

            def on_point(point: str) -> None:
                visits[point] += 1
                if (point, visits[point]) == at:
                    self.struck = True
                    until_lifted.enter_context(strikes())

            def runtime() -> AsyncioRuntime:
                made = AsyncioRuntime()
                made.on_point = on_point
                return made

            self.shop.paymaster._runtime = runtime
            try:
                self.report = self.shop.run(self.payroll, wait)
            except Exception as error:
                self.error = error
        self.shop.paymaster._runtime = AsyncioRuntime
        assert self.struck, f"the run never came to {at}"
        return self


def agrees(server: Dummy, shop: Shop, payroll: str, *, held: bool = False, lines: int = LINES) -> None:
    """Nobody was paid twice, nobody is missing, and the journal says what the ledger says. `held`: some may be."""
    moved = server.moved()
    views = shop.paymaster.payments(payroll)
    assert len(views) == lines
    for view in views:
        assert view.state in ("paid", "held") if held else view.state == "paid", (view.state, view.reason)
        expected = {1} if view.state == "paid" else {0, 1}
        assert moved.get(view.id, 0) in expected, (view.state, view.reason, shop.paymaster.events(view.id))
    assert not [name for name, times in server.moved_by_entitlement().items() if times > 1]
    assert shop.paymaster.verify().findings == []
