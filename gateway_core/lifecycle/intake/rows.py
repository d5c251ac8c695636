"""A source -> rows: invoice objects, or a file of CSV or JSON Lines, as its first character shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from ...model.beneficiary import Beneficiary
from ...model.payment import Invoice
from .csv_rows import csv_rows
from .findings import Heard, Problem, Unreadable
from .json_rows import json_rows
from .object_rows import object_rows
from .reading import Lines, unreadable
from .row import Row
from .rules import Rules


def rows_of(
    source: Path | str | Iterable[Invoice] | Iterable[Beneficiary], rules: Rules, heard: Heard
) -> Iterator[Row]:
    """The rows of a source, one at a time. Raises Unreadable where reading cannot go on."""
    if isinstance(source, Path | str):
        return _of_file(Path(source), rules, heard)
    return object_rows(source)


def _of_file(path: Path, rules: Rules, heard: Heard) -> Iterator[Row]:
    try:
        stream = path.open("rb")
    except (OSError, ValueError) as error:
        raise unreadable(error) from error
    with stream:
        yield from _of_lines(Lines(stream, rules), rules, heard)


def _of_lines(lines: Lines, rules: Rules, heard: Heard) -> Iterator[Row]:
    feed = iter(lines)
    head = list(_until_text(feed))
    first = head[-1].lstrip() if head else ""
    if not first:
        raise Unreadable(0, Problem("file", "empty", "the file is empty", "give a file with a header and lines"))
    if first.startswith("["):
        reason = "is a JSON array, or no header"
        raise Unreadable(len(head), Problem("file", "not_lines", reason, "write a header, or one JSON object per line"))
    whole = chain(head, feed)
    if first.startswith("{"):
        yield from json_rows(lines, whole, rules, heard)
    else:
        yield from csv_rows(lines, whole, first, rules, heard)


def _until_text(feed: Iterator[str]) -> Iterator[str]:
    """Empty lines, and the first that is not."""
    for line in feed:
        yield line
        if line.strip():
            return
