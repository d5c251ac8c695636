"""The real engine and store in thousands of small worlds: every law holds in each.

GATEWAY_SEED=n repeats a run; `python -m gateway_core.testing.simulation --again SEED:NUMBER` one schedule.
"""

from __future__ import annotations

import os
import random

import pytest

from gateway_core.testing.simulation.chance import Tape, shrink
from gateway_core.testing.simulation.explore import Found, exhaust, replay, run, shortest, swarm
from gateway_core.testing.simulation.world import Shape

FRESH, FIXED = 1_000, 1_000


def told(found: Found) -> str:
    """What a person needs to begin with."""
    if found.failed is None:
        return ""
    short = shortest(found.failed)
    return f"schedule {found.seed}: {short.failure}\n" + "\n".join(short.story)


def test_random_worlds() -> None:
    seed = int(os.environ.get("GATEWAY_SEED") or random.SystemRandom().randrange(10**6))
    print(f"GATEWAY_SEED={seed}")
    found = swarm(seed, FRESH)
    print(f"{found.schedules / found.seconds:.0f} schedules per second, held {found.share_held():.1%}")
    assert found.failed is None, told(found)
    # Safe because everything is held would be no safety.
    assert found.share_held() < 0.15


def test_worlds_that_stay_the_same() -> None:
    found = swarm(20_261_101, FIXED)
    assert found.failed is None, told(found)


@pytest.mark.parametrize("payments", [1, 3])
@pytest.mark.parametrize("three_asks", [False, True])
@pytest.mark.parametrize("dedupes", [False, True])
@pytest.mark.parametrize("senders", [1, 2])
def test_nothing_is_held_where_nothing_goes_wrong(payments: int, three_asks: bool, dedupes: bool, senders: int) -> None:
    shape = Shape(payments=payments, three_asks=three_asks, dedupes=dedupes, senders=senders, missing=payments > 1)
    outcome = run(Tape(), shape)
    assert outcome.failure is None
    assert outcome.states == ({"paid": payments} if payments == 1 else {"paid": payments - 1, "refused": 1})


@pytest.mark.parametrize("shape", [Shape(), Shape(dedupes=False)], ids=["dedupes", "does not"])
def test_every_single_deviation(shape: Shape) -> None:
    for outcome in exhaust(1, shape):
        assert outcome.failure is None, "\n".join([str(outcome.failure), *outcome.story])


def test_a_schedule_replays_from_its_choices() -> None:
    first = run(Tape("replay:3"))
    again = replay(first.choices)
    assert (again.choices, again.states, again.steps) == (first.choices, first.states, first.steps)


def test_shrinking_keeps_what_matters() -> None:
    assert shrink([0, 3, 1, 0, 2, 5, 1], lambda choices: len(choices) > 5 and choices[5] >= 2) == (0, 0, 0, 0, 0, 2)
