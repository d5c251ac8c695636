"""Explore: many random worlds, one world again, the shortest story of a failure, every small deviation.

swarm(seed, schedules, shape=None, rail=None) -> Found      random worlds, until the first failure
exhaust(deviations, shape) -> Iterator[Outcome]             every schedule with at most so many deviations
run(tape, shape=None, rail=None) -> Outcome                 one schedule
replay(choices, shape=None, rail=None) -> Outcome           the same again
shortest(outcome, shape=None, rail=None) -> Outcome         as few deviations as still break the same law
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import attrs

from .chance import Choices, Deviation, Tape, shrink
from .faces import Rail
from .home import EPOCH, Home
from .rows import rows_of, told
from .watch import Violation
from .world import Shape, World


@lru_cache(1)
def home() -> Home:
    """The stores that all schedules of this process use, one after the other."""
    return Home()


@attrs.frozen
class Outcome:
    """How a schedule ended. `failure` is None when every law held.

    Of a failure only: `story` (the choices that were not quiet), `deviations` (the same, to be saved), `journal` (what
    the store then held).
    """

    failure: Violation | None
    choices: Choices
    story: list[str]
    states: Counter[str]
    steps: int
    odds: float
    journal: list[str]
    deviations: tuple[Deviation, ...] = ()


def run(tape: Tape, shape: Shape | None = None, rail: Rail | None = None) -> Outcome:
    """One schedule."""
    world, failure, states = World(home(), tape, shape, rail), None, Counter[str]()
    try:
        states = Counter(row.state for row in world.run())
    except Violation as error:
        failure = error
    choices, steps, odds = tuple(tape.choices), world.stage.steps, world.shape.odds
    if failure is None:
        return Outcome(None, choices, [], states, steps, odds, [])
    journal = told(rows_of(home().raw), EPOCH)
    return Outcome(failure, choices, tape.story(), states, steps, odds, journal, tuple(tape.deviations()))


def replay(choices: Iterable[int], shape: Shape | None = None, rail: Rail | None = None) -> Outcome:
    """The same schedule again; what the choices do not say is quiet."""
    return run(Tape(prefix=tuple(choices)), shape, rail)


@attrs.define
class Found:
    """What a search found. `held`: {fault odds: Counter of states}. `seconds` are of this process's own time."""

    schedules: int = 0
    seconds: float = 0.0
    held: dict[float, Counter[str]] = attrs.field(factory=dict)
    failed: Outcome | None = None
    seed: str = ""

    def add(self, outcome: Outcome) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.held.setdefault(outcome.odds, Counter()).update(outcome.states)

    def join(self, other: Found) -> None:
        """Count what another search found, too."""
        self.schedules += other.schedules
        self.seconds += other.seconds
        for odds, states in other.held.items():
            self.held.setdefault(odds, Counter()).update(states)
        if self.failed is None:
            self.failed, self.seed = other.failed, other.seed

    def share_held(self, odds: float | None = None) -> float:
        """The share of payments that ended in people's hands."""
        counts = sum((c for o, c in self.held.items() if odds in (None, o)), Counter[str]())
        return counts["held"] / max(sum(counts.values()), 1)


def swarm(
    seed: int, schedules: int, shape: Shape | None = None, budget: float = 0.0,
    progress: Callable[[int], None] = lambda done: None, rail: Rail | None = None, first: int = 0,
) -> Found:  # fmt: skip
    """Random worlds `seed:0`, `seed:1`, ...; ends at the first failure, or after `budget` seconds.

    `first`: begin with the world of that number, so that several processes share one seed.
    """
    found, began = Found(), time.process_time()
    for number in range(first, first + schedules):
        with _no_collector(number):
            outcome = run(Tape(f"{seed}:{number}"), shape, rail)
        found.add(outcome)
        found.seconds = time.process_time() - began
        if outcome.failure:
            found.failed, found.seed = outcome, f"{seed}:{number}"
            return found
        if budget and found.seconds > budget:
            return found
        progress(found.schedules)
    return found


@contextmanager
def _no_collector(number: int) -> Iterator[None]:
    """Cycles are collected between schedules, now and then: a tenth of the time goes there otherwise."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if number % 50 == 49:
            # What stays for good (modules, templates, compiled statements) is not looked through again and again.
            gc.collect()
            gc.freeze()


def shortest(failed: Outcome, shape: Shape | None = None, rail: Rail | None = None) -> Outcome:
    """The failure with as few deviations as can be found, failing by the same law."""
    assert failed.failure is not None
    law = failed.failure.law

    def fails(choices: Choices) -> bool:
        failure = replay(choices, shape, rail).failure
        return failure is not None and failure.law == law

    return replay(shrink(failed.choices, fails), shape, rail)


def exhaust(deviations: int, shape: Shape, share: int = 0, of: int = 1) -> Iterator[Outcome]:
    """Every schedule of a world with at most so many deviations from the quiet one.

    `share` of `of`: a part of them, so that several processes do it together; the quiet one is in each.
    """
    todo: list[tuple[Choices, int]] = [((), 0)]
    number = 0
    while todo:
        prefix, deviated = todo.pop()
        tape = Tape(prefix=prefix)
        outcome = run(tape, shape)
        number += 1
        if number % 500 == 0:
            gc.collect()
        yield outcome
        if outcome.failure or deviated >= deviations:
            continue
        sizes = [mark.size for mark in tape.marks]
        branches = [
            ((*outcome.choices[:place], value), deviated + 1)
            for place in range(len(prefix), len(outcome.choices))
            for value in range(1, sizes[place])
        ]
        todo += branches if prefix else branches[share::of]
