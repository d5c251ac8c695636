"""Exports: a table of rows that come one by one, written as CSV, XLSX or PDF. Memory stays flat.

tables    the list to fill in, a payroll, its reconciliation, a history          pdf_out  a table to print
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ...model.errors import WrongState
from ...printing.csv_out import write_csv
from ...printing.table import Table
from ...printing.xlsx_out import write_xlsx
from .pdf_out import write_pdf

__all__ = ["Table", "export"]
FORMATS = ("csv", "xlsx", "pdf")


def export(table: Table, path: Path, fonts: Sequence[Path] = ()) -> int:
    """Write it, in the format that the path's suffix names; the file appears whole, or not at all. Returns its rows."""
    form = path.suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise WrongState(f"{path.name} has no suffix that says how to write it: one of .{', .'.join(FORMATS)}")
    part = path.with_name(f".{path.name}.part")
    writers: dict[str, Callable[[], int]] = {
        "csv": lambda: write_csv(table, part),
        "xlsx": lambda: write_xlsx(table, part),
        "pdf": lambda: write_pdf(table, part, fonts),
    }
    try:
        # It holds people's names and accounts: only its owner may read it.
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        rows = writers[form]()
        part.replace(path)
        return rows
    finally:
        part.unlink(missing_ok=True)
