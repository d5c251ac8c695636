"""After the money: everything is compared with the rail, cases are looked at, and the payroll is closed."""

from __future__ import annotations

import sqlite3
from functools import partial

import attrs

from ...contract.channel import Channel
from ...engine.driver import Driver
from ...model.errors import GatewayCoreError
from ...reconcile import audit, closing
from .cron import Cron
from .steps import SECOND, Process, Stage

AT = 30_000 * SECOND
AGAIN = 500 * SECOND
TRIES = 4


@attrs.define
class Desk:
    """The maker compares, the director looks at cases, the checker closes."""

    stage: Stage
    raw: sqlite3.Connection
    channel: Channel
    cron: Cron
    tries: int = 0

    def open(self) -> None:
        """When all should be over."""
        self.stage.after(AT, self._compare)

    def _compare(self) -> None:
        self.tries += 1
        if self.cron.slots[0] is None:
            process, driver = self.cron.process(0)
            process.main(self._ask(process, driver), self._decide)
        elif self.tries < TRIES:
            self.stage.after(AGAIN, self._compare)

    async def _ask(self, process: Process, driver: Driver) -> None:
        await driver.start()
        for payroll in self._payrolls():
            agreement = await audit.audit(driver, payroll)
            await process.offload(partial(closing.reconciled, driver.store, payroll, "maker", agreement))
        await driver.finish()

    def _payrolls(self) -> list[str]:
        found = "SELECT id FROM payrolls WHERE state = 'awaiting_reconciliation' ORDER BY id"
        return [payroll for (payroll,) in self.raw.execute(found)]

    def _decide(self) -> None:
        self.cron.slots[0] = None
        store = self.cron.stores[0]
        for (case,) in self.raw.execute("SELECT id FROM cases WHERE closed_at = 0 ORDER BY id").fetchall():
            closing.close_case(store, case, "director", "looked at the rail's books")
        for payroll in self._payrolls():
            try:
                closing.close(store, payroll, "checker")
            except GatewayCoreError:
                # Something is held, or the rail would not speak: it stays open.
                continue
        self.cron.wake()
