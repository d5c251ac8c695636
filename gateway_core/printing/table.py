"""What is exported: columns, and rows of text that come page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

TEXT, MONEY, NUMBER = "text", "money", "number"


@attrs.frozen
class Column:
    """A column; `kind` is text, money or number."""

    name: str
    kind: str = TEXT


@attrs.frozen
class Table:
    """`title` and `notes` stand above it where the format has a place for them. `places`: decimals of its money."""

    title: str
    columns: Sequence[Column]
    rows: Iterator[Sequence[str]]
    notes: Sequence[str] = ()
    places: int = 0
