"""A pay list on paper and in sheets: previews say DRAFT, and every line has a code that a camera reads.

settings  logo, columns, fonts, words          rows    what stands in each box, and which lines share a page
sheet     drawing the pages                    tables  the same list as XLSX and CSV
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ...model.errors import WrongState
from ...printing.csv_out import write_csv
from ...printing.xlsx_out import write_xlsx
from ..pay_list import PayList
from .settings import WORDS, PaperSettings
from .sheet import write_pdf
from .tables import table_of

__all__ = ["FORMATS", "WORDS", "PaperSettings", "print_list"]
FORMATS = ("pdf", "xlsx", "csv")


def print_list(pay_list: PayList, path: Path, settings: PaperSettings | None = None) -> int:
    """Write the list in the format that the path's suffix names; it appears whole, or not at all. Returns its pages
    (1 of a sheet).

    Raises WrongState: another suffix, a library or font that is missing; MissingGlyph: no font has a character.
    """
    form = path.suffix.lower().lstrip(".")
    part = path.with_name(f".{path.name}.part")
    writers: dict[str, Callable[[], int]] = {
        "pdf": lambda: write_pdf(pay_list, part, settings or PaperSettings()),
        "xlsx": lambda: min(1, write_xlsx(table_of(pay_list), part) + 1),
        "csv": lambda: min(1, write_csv(table_of(pay_list), part) + 1),
    }
    if form not in writers:
        raise WrongState(f"{path.name} has no suffix that says how to write it: one of .{', .'.join(FORMATS)}")
    try:
        # It holds people's names: only its owner may read it.
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        pages = writers[form]()
        part.replace(path)
        return pages
    finally:
        part.unlink(missing_ok=True)
