"""What the readers of all formats give, and what is kept of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .findings import Problem
from .rules import COLUMNS

# Raw texts in the order of COLUMNS. A cell is None where what is wrong with it has been said: no rule says more.
Cells = tuple[str | None, ...]

# Line, cells, extra data, and what the reader itself found wrong.
Row = tuple[int, Cells, Mapping[str, str], Sequence[Problem]]

# A row whose cells cannot be told apart: none of them is looked at.
NO_CELLS: Cells = (None,) * len(COLUMNS)
NO_EXTRA: Mapping[str, str] = {}


# What is kept, in the order of the scratch table: line, the cells (the amount in minor units), extra data as JSON (""
# for none), and 1 if all is well. A cell with a mistake is None, so that its neighbours are compared all the same.
Record = tuple[int | str | None, ...]


def lost(line: int, problem: Problem) -> Row:
    """A row of which no cell can be trusted."""
    return line, NO_CELLS, NO_EXTRA, (problem,)
