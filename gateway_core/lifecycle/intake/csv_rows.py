"""CSV: the delimiter is declared or evident; quotes and newlines as RFC 4180 has them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from .columns import Layout, layout_of
from .findings import Heard, Problem, Unreadable, shown
from .reading import Lines
from .row import NO_EXTRA, Row, lost
from .rules import COLUMNS, DELIMITERS, Rules

_NAMED = {name: character for character, name in DELIMITERS.items()}


def csv_rows(lines: Lines, feed: Iterable[str], first: str, rules: Rules, heard: Heard) -> Iterator[Row]:
    """The rows behind the header. `first` is the header's line, by which an undeclared delimiter is found."""
    reader = csv.reader(feed, delimiter=_delimiter(first, rules), strict=True)
    layout: Layout | None = None
    while True:
        line = reader.line_num + 1
        try:
            for cells in reader:
                lines.done()
                if layout is None and cells:
                    layout = _header(cells, reader.line_num, rules, heard)
                elif layout is not None and any(cells):
                    yield _row(layout, line, cells)
                line = reader.line_num + 1
            return
        except csv.Error as error:
            lines.done()
            problem = _broken(error)
            if layout is None:
                raise Unreadable(line, problem) from error
            yield lost(line, problem)


def _delimiter(first: str, rules: Rules) -> str:
    """The declared delimiter, or the one by which the header has the most known columns, or else the most cells."""
    declared = rules.delimiter
    if declared is None:
        return max(DELIMITERS, key=lambda each: _known(first, each))
    delimiter = _NAMED.get(declared, declared)
    if delimiter not in DELIMITERS:
        reason = f"{shown(declared)} is not a delimiter"
        raise Unreadable(0, Problem("delimiter", "unknown_delimiter", reason, f"write one of {', '.join(_NAMED)}"))
    return delimiter


def _known(first: str, delimiter: str) -> tuple[int, int]:
    names = [name.strip().strip('"').strip().lower() for name in first.split(delimiter)]
    return len(set(COLUMNS) & set(names)), len(names)


def _header(cells: list[str], line: int, rules: Rules, heard: Heard) -> Layout:
    layout = layout_of(cells, rules)
    for problem in layout.problems:
        heard.mistakes.add(problem.at(line))
    for note in layout.notes:
        heard.notes.add(note.at(line))
    heard.extra.update(dict.fromkeys(layout.names))
    return layout


def _row(layout: Layout, line: int, cells: list[str]) -> Row:
    width = len(cells)
    if width != layout.width:
        # Spreadsheets pad rows with empty cells; a cell with something in it has lost its column.
        if width < layout.width or any(cells[layout.width :]):
            return lost(line, _uneven(width, layout.width))
        del cells[layout.width :]
    if layout.nameless and any(cells[place] for place in layout.nameless):
        reason = "has a cell under a column without a name"
        return lost(line, Problem("line", "nameless_column", reason, "name the column in the header, or empty it"))
    extra = {name: cells[place] for name, place in layout.extra} if layout.extra else NO_EXTRA
    return line, layout.pick([*cells, "", None]), extra, ()


def _uneven(width: int, expected: int) -> Problem:
    kind = "too_few_cells" if width < expected else "too_many_cells"
    mend = "put values that contain the delimiter in quotation marks, and leave no cell out"
    return Problem("line", kind, f"has {width} cells, the header has {expected}", mend)


def _broken(error: csv.Error) -> Problem:
    if "unexpected end" in str(error):
        return Problem("line", "open_quote", "a quotation mark is opened and never closed", "close it, or double it")
    mend = 'write a quotation mark inside a quoted cell twice: "Ann ""Bee"" Doe"'
    return Problem("line", "bad_quotes", f"quotation marks do not fit: {error}", mend)
