"""The process is really killed, again and again, at every failpoint and at random; then one life to the end.

Whatever was lost with the process, in the server's ledger nobody is paid twice, and it agrees with our states.
`python -m gateway_core.testing.kill` does as many as wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core.testing.kill import EXHAUSTIVE, POINTS, Kill, Victim, found_some, histogram, judge, let_live, plan
from gateway_core.testing.kill.campaign import AT_RANDOM
from gateway_core.testing.kill.places import Folder

if TYPE_CHECKING:
    from tests.conftest import Dummy

SEED = 20261123
SHARDS = 2
# So many kills per kind of provider in the long test: over both, more than 200 find unanswered money intents.
MANY = 130
PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
StartDummy = Callable[..., "Dummy"]


def campaign(kills: list[Kill], seed: int, no_dedupe: bool, start_dummy: StartDummy, folder: Path) -> Sequence[Victim]:
    server = start_dummy(chaos=seed, no_dedupe=no_dedupe, rate=0.5)
    victims = let_live(kills, seed, server, Folder(folder / "stores"), folder / "marks")
    print(f"\nseed {seed}, {'no ' * no_dedupe}dedupe, {len(victims)} stores\n{histogram(victims)}")
    said = judge(victims, server)
    assert Counter(kill.point for victim in victims for kill, _ in victim.killed) == Counter(k.point for k in kills)
    assert said.twice == []
    assert said.missing == []
    assert said.differing == []
    # A cheap way never to pay twice is never to pay.
    assert said.states["paid"] > said.states.total() / 3
    return victims


@pytest.mark.few(1)
@pytest.mark.parametrize("shard", range(SHARDS))
@PROVIDERS
def test_nobody_is_paid_twice_or_lost_wherever_the_process_is_killed(
    no_dedupe: bool, shard: int, start_dummy: StartDummy, tmp_path: Path
) -> None:
    """Every failpoint, three visits each."""
    seed = SEED + 10 * no_dedupe + shard
    kills = plan(len(EXHAUSTIVE), SEED)[shard::SHARDS]
    victims = campaign(kills, seed, no_dedupe, start_dummy, tmp_path)
    assert found_some(victims) > len(kills) / 2, "most kills must fall between a money intent and its answer"


@pytest.mark.long
@PROVIDERS
def test_nobody_is_paid_twice_or_lost_however_often_the_process_is_killed(
    no_dedupe: bool, start_dummy: StartDummy, tmp_path: Path
) -> None:
    """Every failpoint, three visits each, and then half of the kills at random moments."""
    kills = plan(MANY, SEED + no_dedupe)
    victims = campaign(kills, SEED + no_dedupe, no_dedupe, start_dummy, tmp_path)
    assert found_some(victims) >= 100
    assert sum(kill.point == AT_RANDOM for victim in victims for kill, _ in victim.killed) >= 20


def test_the_plan_is_about_every_point_three_times() -> None:
    assert Counter(kill.point for kill in plan(len(EXHAUSTIVE), 1)) == dict.fromkeys(POINTS, 3)
    assert len(set(EXHAUSTIVE)) == 3 * len(POINTS)
