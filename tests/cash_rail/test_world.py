"""Many schedules of the field: never twice without a case, never lost, never refused with the money in hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.cash import sealing
from gateway_core.model import proof

from .world import STEPS, World

if TYPE_CHECKING:
    from .conftest import Till


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(2, 5))])
def test_a_schedule_of_the_field(open_till: Callable[..., Till], seed: int) -> None:
    run(open_till(), seed)


@pytest.mark.deep
def test_more_schedules_and_they_reach_what_they_are_for(open_till: Callable[..., Till]) -> None:
    deeds = Counter[str]()
    for seed in range(100, 124):
        deeds.update(run(open_till(), seed))
    wanted = {"pay", "sync", "again", "check", "days", "seal", "refused seal", "lose", "retry", "twice", "killed"}
    assert wanted <= set(deeds), deeds


def without_counting(*given: Any) -> None:
    """A list is sealed whatever its cash says."""


def deaf(*given: Any) -> None:
    """A record leaves no trace in its payment."""


@pytest.mark.deep
@pytest.mark.parametrize(("place", "name", "bug"), [(sealing, "_may", without_counting), (proof, "heard", deaf)])
def test_the_oracle_catches(
    open_till: Callable[..., Till], monkeypatch: pytest.MonkeyPatch, place: Any, name: str, bug: Any
) -> None:
    monkeypatch.setattr(place, name, bug)
    with pytest.raises(AssertionError):
        for seed in range(12):
            run(open_till(), seed)


def run(till: Till, seed: int) -> Counter[str]:
    world = World(till, random.Random(seed))
    world.begin()
    with world.mortal():
        for _ in range(STEPS):
            world.step()
    world.end()
    world.done["twice"] += sum(times > 1 for times in world.handed.values())
    return +world.done
