"""What a command prints: lines and tables for people, or JSON for machines. Results of a test store say TEST."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

import attrs

TEST = "TEST - play money: nothing here moves real money"


@attrs.define
class Output:
    """`say` and `table` are for people, `result` and `stream` for machines: each is silent in the other's mode.

    `test` is None until a store is opened: then results say whether it is one for tests.
    """

    as_json: bool = False
    test: bool | None = None
    _said: bool = False

    def say(self, *lines: str) -> None:
        """Lines of text."""
        if not self.as_json:
            self._say_test()
            for line in lines:
                sys.stdout.write(printable(line) + "\n")
            sys.stdout.flush()

    def note(self, *lines: str) -> None:
        """Lines beside the result, on stderr."""
        if not self.as_json:
            for line in lines:
                sys.stderr.write(printable(line) + "\n")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
        """A table; columns that begin with ">" are set right."""
        if not self.as_json:
            self._say_test()
            cells = [[printable(str(cell)) for cell in row] for row in rows]
            if sys.stdout.isatty():
                _rich(columns, cells, title)
            else:
                _plain(columns, cells, title, sys.stdout)

    def result(self, values: Mapping[str, Any]) -> None:
        """The one JSON object of a command."""
        if self.as_json:
            sys.stdout.write(json.dumps(self._marked(values), default=str) + "\n")
            sys.stdout.flush()

    def stream(self, items: Iterable[Mapping[str, Any]]) -> None:
        """The one JSON list of a command, an item per line, never more than one in memory."""
        if self.as_json:
            before = "[\n"
            for item in items:
                sys.stdout.write(before + json.dumps(self._marked(item), default=str))
                before = ",\n"
            sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")
            sys.stdout.flush()

    def _marked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return dict(values) if self.test is None else {**values, "test": self.test}

    def _say_test(self) -> None:
        if self.test and not self._said:
            self._said = True
            sys.stdout.write(TEST + "\n")


def printable(text: str) -> str:
    """Text from files and rails as a terminal may show it: what could steer the terminal is replaced."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def when(us: int) -> str:
    """A moment in UTC microseconds, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(us / 1_000_000))


def due(us: int) -> str:
    """A moment to come: "12:03:05 (in 8 s)"."""
    left = max(0, round(us / 1_000_000 - time.time()))
    unit = f"{left} s" if left < 120 else f"{left // 60} min" if left < 7200 else f"{left // 3600} h"
    return f"{when(us)} (in {unit})"


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 payment", "1,000 payments"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _plain(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str, to: TextIO) -> None:
    """Aligned columns without lines: for files, pipes and logs; nothing is cut."""
    names = [column.removeprefix(">") for column in columns]
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(columns))]
    if title:
        to.write(title + "\n")
    for row in [names, *rows]:
        cells = (
            cell.rjust(width) if column.startswith(">") else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        to.write("  ".join(cells).rstrip() + "\n")
    to.flush()


def _rich(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)
