"""Findings: problems of a field, mistakes at a line, and a list of them that cannot grow without end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import attrs

from ...model.errors import InvalidPayroll, Mistake

LISTED = 1000


class Problem(NamedTuple):
    """A mistake before it is known on which line it stands."""

    field: str
    code: str
    reason: str
    mend: str

    def at(self, line: int) -> Mistake:
        """The mistake on that line (0: the file as a whole)."""
        return Mistake(line, self.field, self.reason, self.mend, self.code)


class Unreadable(Exception):
    """Reading cannot go on behind this mistake; what was read before it is still checked."""

    def __init__(self, line: int, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.mistake = problem.at(line)


class Findings:
    """Lists the first `limit` mistakes and counts all of them, by code too."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._listed: list[Mistake] = []
        self.counts: Counter[str] = Counter()

    def add(self, mistake: Mistake) -> None:
        """Count one more, and list it if there is room."""
        self.counts[mistake.code] += 1
        if len(self._listed) < self._limit:
            self._listed.append(mistake)

    def extend(self, mistakes: Iterable[Mistake], total: int, code: str) -> None:
        """Add `total` mistakes of one code, of which the iterable gives the first."""
        self.counts[code] += total
        for mistake in mistakes:
            if len(self._listed) >= self._limit:
                break
            self._listed.append(mistake)

    @property
    def total(self) -> int:
        """How many there are, listed or not."""
        return self.counts.total()

    @property
    def more(self) -> int:
        """How many are counted but not listed."""
        return self.total - len(self._listed)

    def listed(self) -> list[Mistake]:
        """Those listed, in the order of the file (stable: a line's own mistakes keep the order of its columns)."""
        return sorted(self._listed, key=lambda mistake: mistake.line)


def refuse(mistakes: Iterable[Mistake]) -> None:
    """Raises InvalidPayroll where there is any: the first thousand are listed, the rest is counted."""
    found = iter(mistakes)
    listed = list(islice(found, LISTED))
    if listed:
        raise InvalidPayroll(listed, sum(1 for _ in found))


@attrs.define
class Heard:
    """What reading brings besides rows: mistakes, notes (warnings), and the names of the extra columns as met."""

    mistakes: Findings
    notes: Findings
    extra: dict[str, None] = attrs.field(factory=dict)


def label(name: str) -> str:
    """A column's name from a file as a message may show it."""
    return name[:64] if name[:64].isprintable() else ascii(name[:64])


def shown(text: str, longest: int = 40) -> str:
    """A value as a message may show it: quoted, escaped, cut."""
    return repr(text if len(text) <= longest else text[:longest] + "…")
