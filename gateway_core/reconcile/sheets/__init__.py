"""Tables that people upload: CSV and XLSX, as rows of text. Every limit is met before memory or time is spent.

rows_of     a file, by its first bytes -> (line, cells)
csv_sheet   text, delimiter declared or evident                xlsx_sheet  one worksheet, streamed
archive     what an XLSX may hold: no macros, no links, no bombs
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...lifecycle.intake.findings import Problem, Unreadable
from ...lifecycle.intake.reading import unreadable
from .csv_sheet import csv_rows
from .limits import LARGEST_TEXT, Row
from .xlsx_sheet import xlsx_rows

__all__ = ["Row", "rows_of"]


def rows_of(path: Path, known: Sequence[str] = (), delimiter: str = "", encoding: str = "") -> Iterator[Row]:
    """The rows that are not empty, each with its line. `known` are names of columns, by which a delimiter is found.

    Raises Unreadable, with the line, where reading cannot go on.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4)
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    if head == b"PK\x03\x04":
        return xlsx_rows(path)
    if size > LARGEST_TEXT:
        raise Unreadable(0, Problem("file", "too_large", f"the file has {size:,} bytes", "split it into several"))
    return csv_rows(path, known, delimiter, encoding)
