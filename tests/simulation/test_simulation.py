"""The real engine and store in thousands of small worlds: every law holds in each.

GATEWAY_SEED=n draws other worlds; `python -m gateway_core.testing.simulation --again SEED:NUMBER` repeats one schedule.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from gateway_core.testing.simulation.chance import Tape, shrink
from gateway_core.testing.simulation.explore import Found, Outcome, exhaust, replay, run, shortest, swarm
from gateway_core.testing.simulation.shape import SMALL, Shape

# Together 20,000 random worlds, in parts so that several processes share them; CI runs them all.
SHARDS, EACH = 40, 500
SHARES = 5
# The same worlds in each run, so that a change is judged by what it changed; `.ci/run --long` draws others.
SEED = int(os.environ.get("GATEWAY_SEED") or 20_261_101)


def parts(count: int, always: int) -> list[Any]:
    """Numbers of parts; those after the first few are run in CI only."""
    return [number if number < always else pytest.param(number, marks=pytest.mark.deep) for number in range(count)]


def told(failed: Outcome | None, where: str, shape: Shape | None = None) -> str:
    """What a person needs to begin with."""
    if failed is None:
        return ""
    short = shortest(failed, shape)
    return "\n".join([f"{where}: {short.failure}", *short.story, "what the store holds:", *short.journal])


def holds(found: Found) -> None:
    print(f"{found.schedules / found.seconds:.0f} schedules per second, held {found.share_held():.1%}")
    assert found.failed is None, told(found.failed, f"--again {found.seed}")
    # Safe because everything is held would be no safety.
    assert found.share_held() < 0.25


@pytest.mark.parametrize("shard", parts(SHARDS, 6))
def test_random_worlds(shard: int) -> None:
    print(f"GATEWAY_SEED={SEED}")
    holds(swarm(SEED, EACH, first=shard * EACH))


@pytest.mark.parametrize("share", parts(SHARES, 1))
@pytest.mark.parametrize("world", range(len(SMALL)))
def test_every_schedule_with_at_most_two_deviations(world: int, share: int) -> None:
    count = 0
    for count, outcome in enumerate(exhaust(2, SMALL[world], share, SHARES), 1):  # noqa: B007 - told at the end
        assert outcome.failure is None, told(outcome, f"world {world}", SMALL[world])
    print(f"{count} schedules")
    assert count > 500


def test_the_shares_of_an_exhaustive_search_are_the_whole() -> None:
    whole = {outcome.choices for outcome in exhaust(1, SMALL[0])}
    shares = [{outcome.choices for outcome in exhaust(1, SMALL[0], share, 3)} for share in range(3)]
    assert set.union(*shares) == whole
    assert sum(map(len, shares)) == len(whole) + 2  # the quiet one is in each


@pytest.mark.parametrize("payments", [1, 3])
@pytest.mark.parametrize("three_asks", [False, True])
@pytest.mark.parametrize("dedupes", [False, True])
@pytest.mark.parametrize("senders", [1, 2])
def test_nothing_is_held_where_nothing_goes_wrong(payments: int, three_asks: bool, dedupes: bool, senders: int) -> None:
    shape = Shape(payments=payments, three_asks=three_asks, dedupes=dedupes, senders=senders, missing=payments > 1)
    outcome = run(Tape(), shape)
    assert outcome.failure is None
    assert outcome.states == ({"paid": payments} if payments == 1 else {"paid": payments - 1, "refused": 1})


def test_a_schedule_replays_from_its_choices() -> None:
    first = run(Tape("replay:3"))
    again = replay(first.choices)
    assert (again.choices, again.states, again.steps) == (first.choices, first.states, first.steps)


def test_shrinking_keeps_what_matters() -> None:
    assert shrink([0, 3, 1, 0, 2, 5, 1], lambda choices: len(choices) > 5 and choices[5] >= 2) == (0, 0, 0, 0, 0, 2)
