"""Chance: one tape of choices is the only source of it. 0 is always the quiet choice.

Random, replay, shrinking and bounded search are readers of the same tape: a schedule is its list of choices.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

T = TypeVar("T")
Choices = tuple[int, ...]


@attrs.frozen
class Mark:
    """What a choice was about: `at` virtual microseconds, `options` the words for 0, 1, ..."""

    at: int
    label: str
    size: int
    options: Sequence[object] | None

    def told(self, value: int) -> str:
        """One line of a story."""
        said = self.options[value] if self.options else value
        return f"{self.at / 1_000_000:10.3f} s  {self.label}: {said}"


@attrs.frozen
class Deviation:
    """A choice that is not quiet, told so that it is found again in a world that changed: the `nth` of its label."""

    label: str
    nth: int
    value: str


class Tape:
    """Reads `prefix` first; after it draws from `seed`, or is quiet without one. Every choice is recorded.

    `script`: quiet but for these deviations.
    """

    def __init__(
        self, seed: int | str | None = None, prefix: Sequence[int] = (), script: Sequence[Deviation] = ()
    ) -> None:
        self._draw = None if seed is None else random.Random(seed).random
        # Where nothing is told beforehand, each choice is a draw and no more.
        self._freely = None if prefix or script else self._draw
        self._prefix = prefix
        self._script = {(d.label, d.nth): d.value for d in script}
        self._met: Counter[str] = Counter()
        self.choices: list[int] = []
        self._marks: list[tuple[int, str, int, Sequence[object] | None]] = []
        self.now = 0

    def choose(self, size: int, label: str, odds: float, options: Sequence[object] | None = None) -> int:
        """0, or with probability `odds` one of 1 .. size - 1."""
        place, drawn = len(self.choices), 0
        if self._script:
            drawn = self._told(size, label, options)
        elif place < len(self._prefix):
            drawn = min(self._prefix[place], size - 1)
        elif (draw := self._draw) is not None and size > 1 and draw() < odds:
            drawn = 1 if size == 2 else 1 + int(draw() * (size - 1))
        self.choices.append(drawn)
        self._marks.append((self.now, label, size, options))
        return drawn

    def _told(self, size: int, label: str, options: Sequence[object] | None) -> int:
        self._met[label] += 1
        value = self._script.pop((label, self._met[label]), None) if self._script else None
        if value is None:
            return 0
        words = [str(option) for option in options or range(size)]
        return words.index(value) if value in words else 0

    @property
    def unmet(self) -> list[Deviation]:
        """What the script says and the world never asked."""
        return [Deviation(label, nth, value) for (label, nth), value in self._script.items()]

    def deviations(self) -> list[Deviation]:
        """The choices that were not quiet, by their labels."""
        met, found = Counter[str](), []
        for (_, label, _, options), value in zip(self._marks, self.choices, strict=True):
            met[label] += 1
            if value:
                found.append(Deviation(label, met[label], str(options[value] if options else value)))
        return found

    def pick(self, options: Sequence[T], label: str, odds: float) -> T:
        """The first option, or with probability `odds` another one."""
        return options[self.choose(len(options), label, odds, options)]

    def chance(self, label: str, odds: float) -> bool:
        """Whether something unlikely happens: asked at every step of a process, and so most of what is asked."""
        if self._freely is None:
            return self.choose(2, label, odds, _NO_YES) == 1
        drawn = self._freely() < odds
        self.choices.append(+drawn)
        self._marks.append((self.now, label, 2, _NO_YES))
        return drawn

    @property
    def marks(self) -> list[Mark]:
        """What each choice was about."""
        return [Mark(*mark) for mark in self._marks]

    def story(self) -> list[str]:
        """The choices that were not quiet, as lines."""
        return [mark.told(value) for mark, value in zip(self.marks, self.choices, strict=True) if value]


_NO_YES = ("no", "yes")


def shrink(choices: Sequence[int], fails: Callable[[Choices], bool], budget: int = 600) -> Choices:
    """Fewer deviations that still fail: blocks are made quiet, ever smaller, then single choices smaller."""
    best, runs = list(choices), 0
    block = max(1, len(best) // 2)
    while block and runs < budget:
        for start in range(0, len(best), block):
            tried = best[:start] + [0] * len(best[start : start + block]) + best[start + block :]
            if tried != best and runs < budget:
                runs += 1
                best = tried if fails(tuple(tried)) else best
        block //= 2
    for place, value in enumerate(best):
        for smaller in range(1, value):
            tried = [*best[:place], smaller, *best[place + 1 :]]
            if runs < budget and fails(tuple(tried)):
                best = tried
                break
            runs += 1
    while best and not best[-1]:
        best.pop()
    return tuple(best)
