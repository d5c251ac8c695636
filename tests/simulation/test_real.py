"""The worlds of the simulation on a stock asyncio loop, with real httpx, real threads, and SQLite files."""

from __future__ import annotations

import asyncio
import gc
import os
from collections import Counter
from pathlib import Path

import pytest

from gateway_core.testing.simulation.real import together
from gateway_core.testing.simulation.watch import Violation
from tests.mutants.hunting import Mutant
from tests.mutants.keys import new_key_on_time_out
from tests.mutants.writing import commit_after_send

SHARDS, EACH, BESIDE = 6, 50, 16
# A busy machine lets few faults happen before a world is calm: a planted bug has so many times eight worlds.
PARTS = 12
SEED = int(os.environ.get("GATEWAY_SEED") or 20_261_101)


@pytest.mark.few(2)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_law_holds_on_a_real_loop(tmp_path: Path, shard: int) -> None:
    print(f"GATEWAY_SEED={SEED}")
    seeds = [f"real-{SEED}:{number}" for number in range(shard * EACH, (shard + 1) * EACH)]
    states = Counter(asyncio.run(together(tmp_path, seeds, BESIDE)))
    print(dict(states))
    assert states["paid"] > states["held"]
    assert set(states) <= {"paid", "refused", "held"}


@pytest.mark.parametrize("bug", [commit_after_send, new_key_on_time_out], ids=lambda bug: bug.name)
def test_the_real_rig_sees_a_planted_bug(tmp_path: Path, bug: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.patch(monkeypatch)
    with pytest.raises(Violation, match=r"^law [1239]: "):
        for part in range(PARTS):
            asyncio.run(together(tmp_path, [f"planted:{part * 8 + number}" for number in range(8)], 4))
    # What a world left behind that was stopped in the midst of things is this test's fault, and not the next one's.
    gc.collect()
