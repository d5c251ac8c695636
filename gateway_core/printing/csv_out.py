"""A table as CSV in UTF-8, with the mark by which spreadsheets know that; what one would run is marked as text."""

from __future__ import annotations

import csv
from pathlib import Path

from ..model.formulas import defused
from .table import Table


def write_csv(table: Table, path: Path) -> int:
    """Write it. Returns how many rows."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in table.columns])
        for row in table.rows:
            writer.writerow([defused(cell) for cell in row])
            count += 1
    return count
