"""A table as a PDF to print. Every character is written in a font that has it; one that no font has is an error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...model.errors import WrongState
from ...printing.fonts import from_the_right
from ...printing.paper import Paper
from ...printing.table import MONEY, NUMBER, Column, Table

# A page of a printed list; who wants more lines than this wants another format.
LARGEST = 100_000
SIZE, LEADING, MARGIN = 7, 3.4, 8
# Between columns, so that who reads them out of the file tells them apart.
GAP = 2.5
# Relative widths by name; what has none of its own has 2.
WIDE = {"payment": 4.2, "name": 4, "account": 3, "reason": 3, "about": 4, "why": 3, "subject": 4.2, "beneficiary": 2.6}
NARROW = {"line": 1, "currency": 1.3, "attempt": 1.2, "state": 1.5, "amount": 2.2}


def write_pdf(table: Table, path: Path, fonts: Sequence[Path]) -> int:
    """Write it. Returns how many rows. Raises MissingGlyph, and WrongState without the libraries or a font."""
    sheet = _Sheet(table, fonts)
    count = 0
    for row in table.rows:
        count += 1
        if count > LARGEST:
            raise WrongState(f"a PDF holds {LARGEST:,} lines at most; export it as CSV or XLSX")
        sheet.row(row, count)
    sheet.save(path)
    return count


class _Sheet:
    """The pages: a heading on each, rows with wrapped cells."""

    def __init__(self, table: Table, fonts: Sequence[Path]) -> None:
        self._paper = Paper(fonts, orientation="landscape", margin=MARGIN)
        self._pdf, self._table = self._paper.pdf, table
        usable = self._pdf.w - 2 * MARGIN
        shares = [WIDE.get(c.name, NARROW.get(c.name, 2.0)) for c in table.columns]
        self._widths = [usable * share / sum(shares) for share in shares]
        self._page()

    def _page(self) -> None:
        pdf = self._pdf
        pdf.add_page()
        pdf.set_xy(MARGIN, MARGIN)
        heading = "  ".join(filter(None, (self._table.title, *self._table.notes, f"page {pdf.page_no()}")))
        self._write(MARGIN, MARGIN, heading, "the heading")
        pdf.set_y(MARGIN + 2 * LEADING)
        self._cells([column.name.replace("_", " ") for column in self._table.columns], "the heading")

    def row(self, cells: Sequence[str], number: int) -> None:
        """The next row, on a new page where it does not fit."""
        self._cells(cells, f"row {number}")

    def _cells(self, cells: Sequence[str], where: str) -> None:
        pdf = self._pdf
        wrapped = [
            self._wrapped(cell, width - GAP, f"{where}, column {column.name}")
            for cell, width, column in zip(cells, self._widths, self._table.columns, strict=True)
        ]
        height = LEADING * max(1, *map(len, wrapped)) + 0.6
        if pdf.get_y() + height > pdf.h - MARGIN and where != "the heading":
            self._page()
        top, left = pdf.get_y(), float(MARGIN)
        for lines, width, column in zip(wrapped, self._widths, self._table.columns, strict=True):
            self._lines(lines, left, top, width, column, where)
            left += width
        pdf.set_draw_color(200)
        pdf.line(MARGIN, top + height, pdf.w - MARGIN, top + height)
        pdf.set_y(top + height + 0.2)

    def _lines(self, lines: Sequence[str], left: float, top: float, width: float, column: Column, where: str) -> None:
        for n, line in enumerate(lines):
            right = column.kind in (MONEY, NUMBER) or from_the_right(line)
            at = left + width - GAP - self._width(line, where) if right else left
            self._write(at, top + n * LEADING, line, where)

    def _width(self, text: str, where: str) -> float:
        return self._paper.width(text, where, SIZE)

    def _write(self, left: float, top: float, text: str, where: str) -> None:
        self._paper.write(left, top, text, where, SIZE, LEADING)

    def _wrapped(self, text: str, width: float, where: str) -> list[str]:
        return self._paper.wrapped(text, width, where, SIZE)

    def save(self, path: Path) -> None:
        """Write the file."""
        self._paper.save(path)
