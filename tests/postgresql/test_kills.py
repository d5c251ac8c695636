"""Senders on PostgreSQL are killed at every failpoint; the next one knows that they are gone, takes over, and asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_core.testing.kill import EXHAUSTIVE, POINTS, Dummy, Kill, found_some, histogram, judge, let_live, plan
from gateway_core.testing.postgresql import Schemas

SEED = 20261124
MANY = 130
# Who shares the work does not come by a point so often.
LATE = 3
PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
StartDummy = Callable[..., Dummy]


def campaign(
    kills: list[Kill], no_dedupe: bool, start_dummy: StartDummy, place: Schemas, marks: Path, senders: int = 1
) -> int:
    """Returns how many kills found unanswered money intents at restart."""
    seed = SEED + no_dedupe
    server = start_dummy(chaos=seed, no_dedupe=no_dedupe, rate=0.5)
    victims = let_live(kills, seed * 1000 + len(kills), server, place, marks, senders)
    print(f"\nseed {seed}, {'no ' * no_dedupe}dedupe, {len(victims)} stores\n{histogram(victims)}")
    said = judge(victims, server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    assert Counter(kill.point for victim in victims for kill, _ in victim.killed) == Counter(k.point for k in kills)
    assert said.states["paid"] > said.states.total() / 3
    return found_some(victims)


@pytest.mark.deep
@PROVIDERS
def test_nobody_is_paid_twice_or_lost_wherever_the_process_is_killed(
    no_dedupe: bool, place: Schemas, start_dummy: StartDummy, tmp_path: Path
) -> None:
    """Every failpoint, three visits each."""
    kills = plan(len(EXHAUSTIVE), SEED)
    assert campaign(kills, no_dedupe, start_dummy, place, tmp_path / "marks") > len(kills) / 2


@pytest.mark.deep
@PROVIDERS
def test_nobody_is_paid_twice_or_lost_when_two_senders_are_killed(
    no_dedupe: bool, place: Schemas, start_dummy: StartDummy, tmp_path: Path
) -> None:
    """Two at once on each store, each killed at a point of its own while the other sends, takes over, or dies, too."""
    kills = [Kill(point, 1) for point in POINTS]
    assert campaign(kills, no_dedupe, start_dummy, place, tmp_path / "marks", senders=2) > len(kills) / 3


@pytest.mark.long
@PROVIDERS
def test_nobody_is_paid_twice_or_lost_however_often_two_senders_are_killed(
    no_dedupe: bool, place: Schemas, start_dummy: StartDummy, tmp_path: Path
) -> None:
    kills = [kill for kill in plan(MANY, SEED) if kill.visit < LATE]
    assert campaign(kills, no_dedupe, start_dummy, place, tmp_path / "marks", senders=2) >= len(kills) / 3


@pytest.mark.long
@PROVIDERS
def test_nobody_is_paid_twice_or_lost_however_often_the_process_is_killed(
    no_dedupe: bool, place: Schemas, start_dummy: StartDummy, tmp_path: Path
) -> None:
    """Every failpoint, three visits each, and then half of the kills at random moments."""
    assert campaign(plan(MANY, SEED), no_dedupe, start_dummy, place, tmp_path / "marks") >= 100
