"""Explore: many random worlds, one world again, the shortest story of a failure, every small deviation."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache

import attrs

from .chance import Choices, Tape, shrink
from .home import EPOCH, Home
from .oracles import Violation
from .rows import rows_of, told
from .world import Shape, World


@lru_cache(1)
def home() -> Home:
    """The store that all schedules of this process use, one after the other."""
    return Home()


@attrs.frozen
class Outcome:
    """How a schedule ended. `failure` is None when every law held; `journal` is what the store then held."""

    failure: Violation | None
    choices: Choices
    story: list[str]
    states: Counter[str]
    steps: int
    odds: float
    journal: list[str]


def run(tape: Tape, shape: Shape | None = None) -> Outcome:
    """One schedule."""
    world, failure, states = World(home(), tape, shape), None, Counter[str]()
    try:
        states = Counter(row.state for row in world.run())
    except Violation as error:
        failure = error
    journal = told(rows_of(home().raw), EPOCH) if failure else []
    story = tape.story() if failure else []
    return Outcome(failure, tuple(tape.choices), story, states, world.stage.steps, world.shape.odds, journal)


def replay(choices: Iterable[int], shape: Shape | None = None) -> Outcome:
    """The same schedule again; what the choices do not say is quiet."""
    return run(Tape(prefix=tuple(choices)), shape)


@attrs.define
class Found:
    """What a search found. `held`: {fault odds: Counter of states}."""

    schedules: int = 0
    seconds: float = 0.0
    held: dict[float, Counter[str]] = attrs.field(factory=dict)
    failed: Outcome | None = None
    seed: str = ""

    def add(self, outcome: Outcome) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.held.setdefault(outcome.odds, Counter()).update(outcome.states)

    def share_held(self, odds: float | None = None) -> float:
        """The share of payments that ended in people's hands."""
        counts = sum((c for o, c in self.held.items() if odds in (None, o)), Counter[str]())
        return counts["held"] / max(sum(counts.values()), 1)


def swarm(
    seed: int, schedules: int, shape: Shape | None = None, budget: float = 0.0,
    progress: Callable[[int], None] = lambda done: None,
) -> Found:  # fmt: skip
    """Random worlds `seed:0`, `seed:1`, ...; ends at the first failure, or after `budget` seconds."""
    found, began = Found(), time.process_time()
    for number in range(schedules):
        with _no_collector(number):
            outcome = run(Tape(f"{seed}:{number}"), shape)
        found.add(outcome)
        found.seconds = time.process_time() - began
        if outcome.failure:
            found.failed, found.seed = outcome, f"{seed}:{number}"
            return found
        if budget and found.seconds > budget:
            return found
        progress(number + 1)
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
            gc.collect()


def shortest(failed: Outcome, shape: Shape | None = None) -> Outcome:
    """The failure with as few deviations as can be found, failing by the same law."""
    assert failed.failure is not None
    law = failed.failure.law

    def fails(choices: Choices) -> bool:
        failure = replay(choices, shape).failure
        return failure is not None and failure.law == law

    return replay(shrink(failed.choices, fails), shape)


def exhaust(deviations: int, shape: Shape) -> Iterator[Outcome]:
    """Every schedule of a world with at most so many deviations from the quiet one."""
    todo: list[tuple[Choices, int]] = [((), 0)]
    while todo:
        prefix, deviated = todo.pop()
        tape = Tape(prefix=prefix)
        outcome = run(tape, shape)
        yield outcome
        if outcome.failure or deviated >= deviations:
            continue
        sizes = [mark.size for mark in tape.marks]
        for place in range(len(prefix), len(outcome.choices)):
            todo += [((*outcome.choices[:place], value), deviated + 1) for value in range(1, sizes[place])]
