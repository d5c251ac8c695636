"""A table as an XLSX workbook, row by row. Text is written as text: nothing in it is ever run, or made a link."""

from __future__ import annotations

from pathlib import Path

from ..model.errors import WrongState
from .table import MONEY, NUMBER, Table

LARGEST = 1_048_000
WIDTHS = {"payment": 38, "name": 30, "reason": 40, "about": 40}
# A number with more figures than this is rounded by spreadsheets: it is written as text.
FIGURES = 15


def write_xlsx(table: Table, path: Path) -> int:
    """Write it. Returns how many rows. Raises WrongState beyond what a worksheet holds, and without the library."""
    try:
        import xlsxwriter  # type: ignore[import-untyped]
    except ImportError:
        raise WrongState("writing XLSX needs a library: pip install 'gateway-core[files]'") from None
    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet, count = book.add_worksheet("list"), 0
    bold, plain = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
    money = book.add_format({"num_format": "0" + ("." + "0" * table.places if table.places else "")})
    for at, column in enumerate(table.columns):
        sheet.set_column(at, at, WIDTHS.get(column.name, 16), plain if column.kind not in (MONEY, NUMBER) else None)
        sheet.write_string(0, at, column.name, bold)
    sheet.freeze_panes(1, 0)
    # On paper: A4 across, all columns on a page, the header on each.
    sheet.set_paper(9)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    for row in table.rows:
        count += 1
        if count > LARGEST:
            raise WrongState(f"a worksheet holds {LARGEST:,} rows at most; export it as CSV")
        for at, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
            if column.kind in (MONEY, NUMBER) and cell and len(cell.replace(".", "").lstrip("-")) <= FIGURES:
                sheet.write_number(count, at, float(cell), money if column.kind == MONEY else None)
            elif cell:
                sheet.write_string(count, at, cell[:32_000], plain)
    book.close()
    return count
