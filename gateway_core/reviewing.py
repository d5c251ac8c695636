"""What a Paymaster shows before an approval: sums, what differs from the last time, and the list as a file."""

from __future__ import annotations

from pathlib import Path

from .filing import Filing
from .lifecycle import reviewing
from .lifecycle.reviewing import Review
from .model.money import decimals
from .printing.table import MONEY, Column, Table
from .reconcile import exporting

COLUMNS = (
    Column("change"), Column("beneficiary"), Column("name"), Column("before", MONEY), Column("now", MONEY),
    Column("account_before"), Column("account_now"),
)  # fmt: skip


class Reviewing(Filing):
    """The part of `Paymaster` for whoever has to decide about a payroll."""

    def review(self, payroll: str, *, against: str = "", listed: int = 50) -> Review:
        """Sums of a payroll by channel, place and payment point, and what differs from a former one.

        `against`: that payroll; default: the one of the same programme that was approved last before it. Per
        beneficiary: new, gone, another amount, another account. `listed`: how many changes are given at most.
        """
        return reviewing.review(self._store, payroll, self.configuration.location, against, listed)

    def export_changes(self, payroll: str, path: str | Path, *, against: str = "") -> int:
        """Write every change against a former payroll into a file: .csv, .xlsx or .pdf. Returns the rows.

        The whole list is `export("payroll", ...)`.
        """
        row, former, found = reviewing.changes(self._store, payroll, against)
        rows = (
            (one.kind, one.beneficiary, one.name, one.before, one.now, one.account_before, one.account_now)
            for one in found
        )
        title = f"{row.name}, compared with {former.name}"
        table = Table(title, COLUMNS, rows, (), decimals(row.currency) or 0)
        return exporting.export(table, Path(path), self.configuration.fonts)
