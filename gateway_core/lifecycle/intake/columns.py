"""The header of a payroll: which cell is which column, and what is wrong with the names."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import cast

import attrs

from .findings import Problem, label, shown
from .row import Cells
from .rules import COLUMNS, OPTIONAL, REQUIRED, Rules
from .text import text_problem

# "beneficary", "acount type" and "Amounts" are near; "account_name" is not near "account".
_NEAR = 0.8


@attrs.frozen
class Layout:
    """Where the columns lie in a row of `width` cells.

    `pick` takes a row with "" and None appended and gives its cells in the order of COLUMNS: "" for an optional column
    that is not there, None for a required one (that is said once, not on every line). A name that is nearly a column's
    is an error, and is read as that column all the same, so that one pass finds the mistakes in its cells too.
    """

    pick: Callable[[list[str | None]], Cells]
    extra: tuple[tuple[str, int], ...]
    nameless: tuple[int, ...]
    width: int
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the extra columns."""
        return tuple(name for name, _ in self.extra)


def layout_of(header: Sequence[str], rules: Rules) -> Layout:
    """Read a header. Names are compared without regard to case and to spaces around them."""
    names = [name.strip().lower() for name in header]
    places = {name: place for place, name in reversed(list(enumerate(names))) if name in COLUMNS}
    problems = [*_twice(names), *_too_many(names, rules)]
    extra, notes = [], []
    for place, name in enumerate(names):
        if not name or name in COLUMNS:
            continue
        title = header[place].strip()
        near = _nearly(name, places)
        if near:
            places[near] = place
            reason = f"{shown(title)} is not a column; did you mean {near!r}?"
            problems.append(Problem(label(title), "misspelt_column", reason, f"name the column {near}"))
        else:
            extra.append((title, place))
            problems += _harmful(title)
            notes.append(
                Problem(label(title), "unknown_column", "is no column of a payroll", "it is kept as extra data")
            )
    needed = [name for name in REQUIRED if name not in rules.filled]
    problems += [_missing(name) for name in needed if name not in places]
    absent = {name: len(names) + (name in needed) for name in COLUMNS}
    return Layout(
        pick=cast(Callable[[list[str | None]], Cells], itemgetter(*((absent | places)[name] for name in COLUMNS))),
        extra=tuple(extra),
        nameless=tuple(place for place, name in enumerate(names) if not name),
        width=len(names),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _nearly(name: str, places: dict[str, int]) -> str | None:
    """The column that is not there and that this name resembles."""
    absent = [column for column in COLUMNS if column not in places]
    near = difflib.get_close_matches(name[:64], absent, n=1, cutoff=_NEAR)
    return near[0] if near else None


def _twice(names: Sequence[str]) -> list[Problem]:
    return [
        Problem(
            label(name), "duplicate_column", f"{count} columns are named {shown(name)}", "leave or rename all but one"
        )
        for name, count in Counter(filter(None, names)).items()
        if count > 1
    ]


def _too_many(names: Sequence[str], rules: Rules) -> list[Problem]:
    if len(names) <= rules.max_columns:
        return []
    reason = f"has {len(names)} columns, at most {rules.max_columns} are allowed"
    return [Problem("header", "too_many_columns", reason, "delete columns that the payroll does not need")]


def _harmful(title: str) -> list[Problem]:
    problem = text_problem("", title)
    return [problem._replace(field="header")] if problem else []


def _missing(name: str) -> Problem:
    known = f"required are {', '.join(REQUIRED)}; optional {', '.join(OPTIONAL)}"
    return Problem(name, "missing_column", f"the column {name} is missing", f"add it to the header: {known}")
