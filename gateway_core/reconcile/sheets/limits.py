"""What an uploaded table may be: every limit in one place."""

from __future__ import annotations

from typing import TypeAlias

from ...store.archives import Bounds

# A line of the file, and the texts of its cells.
Row: TypeAlias = tuple[int, list[str]]

COLUMNS = 200
CELL = 4000
ROWS = 2_000_000
# Empty rows in a row: a sheet that was formatted down to its last line is not a million lines long.
EMPTY = 10_000
LARGEST_TEXT = 2 << 30

# Of an XLSX: bytes of its table of texts, and what it is judged by. Worksheets shrink to a twentieth or so.
STRINGS = 256 << 20
WORKBOOK = Bounds(archive=256 << 20, directory=1 << 20, unpacked=1 << 30, parts=2000)
