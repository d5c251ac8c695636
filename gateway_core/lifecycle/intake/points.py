"""A row that is paid at a payment point and names none gets the one that serves its group or location.

It is found when the row is read: what is proposed, and then approved, names the point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .findings import Problem, shown
from .row import Row
from .rules import COLUMNS

# The columns of a row's extra data, and what a point says of itself.
SERVED: Mapping[str, str] = {"group": "groups", "location": "locations"}
TYPE, VALUE = COLUMNS.index("account_type"), COLUMNS.index("account")
LISTED = 3


class Assigner:
    """`points`: {code: what is known of it}. A point that serves a row's group and location is before one of either."""

    def __init__(self, points: Mapping[str, Mapping[str, Any]]) -> None:
        self._points = {code: said for code, said in points.items() if not said.get("suspended")}
        self._found = lru_cache(maxsize=4096)(self._serving)

    def __call__(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows with their points; where none or several serve one, that is said in it."""
        for row in rows:
            kind, account = row[1][TYPE], row[1][VALUE]
            needs = account is not None and not account.strip() and kind is not None and kind.strip() == "payment_point"
            yield self._assigned(row) if needs else row

    def _assigned(self, row: Row) -> Row:
        line, cells, extra, problems = row
        named = {name.strip().lower(): text.strip() for name, text in extra.items()}
        served = tuple((name, named[name]) for name in SERVED if named.get(name))
        found = self._found(served)
        if len(found) != 1:
            # What is wrong with it is said here: None, so that no rule says more.
            return line, (*cells[:VALUE], None, *cells[VALUE + 1 :]), extra, [*problems, _problem(served, found)]
        return line, (*cells[:VALUE], found[0], *cells[VALUE + 1 :]), extra, problems

    def _serving(self, served: tuple[tuple[str, str], ...]) -> list[str]:
        fits = {code: sum(text in said[SERVED[name]] for name, text in served) for code, said in self._points.items()}
        best = max(fits.values(), default=0)
        return [code for code, times in fits.items() if times == best] if best else []


def _problem(served: tuple[tuple[str, str], ...], found: list[str]) -> Problem:
    if not served:
        mend = f"name the payment point, or add a column {' or '.join(SERVED)}"
        return Problem("account", "missing", "is empty", mend)
    what = ", ".join(f"{name} {shown(text)}" for name, text in served)
    if not found:
        return Problem(
            "account", "no_point", f"no payment point serves {what}", "name one, or assign one: `gateway points set`"
        )
    some = ", ".join(found[:LISTED]) + (" and others" if len(found) > LISTED else "")
    return Problem("account", "several_points", f"{some} serve {what}", "name the payment point")
