"""CSV as rows of text: what spreadsheets, banks and wallets write."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from ...lifecycle.intake.findings import Problem, Unreadable, shown
from ...lifecycle.intake.reading import Lines, unreadable
from ...lifecycle.intake.rules import DELIMITERS, Rules
from .limits import COLUMNS, LARGEST_TEXT, Row

_NAMED = {name: character for character, name in DELIMITERS.items()}


def csv_rows(path: Path, known: Sequence[str], delimiter: str, encoding: str) -> Iterator[Row]:
    """The rows that are not empty. Raises Unreadable."""
    rules = Rules(
        default_channel="", channels={}, delimiter=delimiter or None, encoding=encoding or None,
        max_file_bytes=LARGEST_TEXT,
    )  # fmt: skip
    try:
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    with stream:
        lines = Lines(stream, rules)
        feed = iter(lines)
        first = next(feed, "")
        if not first:
            raise Unreadable(0, Problem("file", "empty", "the file is empty", "give a file with a header and lines"))
        yield from _rows(lines, chain([first], feed), _delimiter(first, known, rules))


def _rows(lines: Lines, feed: Iterator[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            lines.done()
            if len(cells) > COLUMNS:
                raise too_wide(line, len(cells))
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        mend = 'write a quotation mark inside a quoted cell twice: "Ann ""Bee"" Doe"'
        raise Unreadable(line, Problem("line", "bad_quotes", f"quotation marks do not fit: {error}", mend)) from error


def too_wide(line: int, width: int) -> Unreadable:
    """More columns than any list or statement has."""
    reason = f"has {width:,} columns, at most {COLUMNS} are allowed"
    return Unreadable(line, Problem("line", "too_many_columns", reason, "delete the columns that are not needed"))


def _delimiter(first: str, known: Sequence[str], rules: Rules) -> str:
    """The declared one, or the one by which the first line has the most known columns, or else the most cells."""
    if rules.delimiter is None:
        names = {name.strip().lower() for name in known}
        return max(DELIMITERS, key=lambda each: _found(first[:20_000], each, names))
    delimiter = _NAMED.get(rules.delimiter, rules.delimiter)
    if delimiter not in DELIMITERS:
        reason = f"{shown(rules.delimiter)} is not a delimiter"
        raise Unreadable(0, Problem("delimiter", "unknown_delimiter", reason, f"write one of {', '.join(_NAMED)}"))
    return delimiter


def _found(first: str, delimiter: str, names: set[str]) -> tuple[int, int]:
    cells = [name.strip().strip('"').strip().lower() for name in first.split(delimiter)]
    return len(names & set(cells)), len(cells)
