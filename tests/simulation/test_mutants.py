"""The simulation itself is proven: every planted bug is found within its budget of schedules."""

from __future__ import annotations

import pytest

from gateway_core.testing.simulation.explore import swarm
from gateway_core.testing.simulation.world import Shape

from . import mutants

ROUGH = Shape(payments=3, odds=0.4, crash_odds=0.0, busy_officer=0.0)
UNCALLED = Shape(payments=3, odds=0.4, crash_odds=0.0, busy_officer=0.0, callbacks=False)
TWICE = Shape(payments=3, odds=0.4, crash_odds=0.0, busy_officer=0.0, dedupes=False)
TWO = Shape(payments=2, senders=2, odds=0.2, freeze_odds=0.03, lease=30)
RETRIED = Shape(payments=2, odds=0.3, busy_officer=0.7)

# (planted bug, world, schedules within which it must be found)
TABLE = [
    (mutants.believe_404, ROUGH, 100),
    (mutants.pending_is_paid, ROUGH, 20),
    (mutants.server_error_is_refused, ROUGH, 50),
    (mutants.garbage_is_paid, UNCALLED, 100),
    (mutants.new_key_on_time_out, ROUGH, 10),
    (mutants.blind_resend, TWICE, 20),
    (mutants.one_not_found_is_enough, TWICE, 250),
    (mutants.commit_after_send, ROUGH, 5),
    (mutants.copy_not_written, ROUGH, 20),
    (mutants.waiters_before_the_commit, ROUGH, 5),
    (mutants.believe_a_refusal_in_doubt, ROUGH, 250),
    (mutants.last_contradiction_wins, ROUGH, 100),
    (mutants.ignore_a_late_paid, ROUGH, 50),
    (mutants.believe_anybody, ROUGH, 150),
    (mutants.deaf, ROUGH, 10),
    (mutants.no_leaf_check, RETRIED, 200),
    (mutants.no_stale_check, ROUGH, 60),
    (mutants.ask_for_ever, ROUGH, 30),
    (mutants.cancel_without_looking, RETRIED, 150),
    (mutants.failed_after_three, ROUGH, 60),
]


@pytest.mark.parametrize(("mutant", "shape", "budget"), TABLE, ids=[mutants.name(mutant) for mutant, _, _ in TABLE])
def test_a_planted_bug_is_found(
    mutant: mutants.Patch, shape: Shape, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    found = swarm(1, budget, shape)
    assert found.failed is not None, f"survived {budget} schedules"
    print(f"{mutants.name(mutant)}: killed after {found.schedules} schedules by {found.failed.failure}")


def test_the_worlds_of_the_table_are_clean_without_it() -> None:
    for shape in (ROUGH, TWO, RETRIED):
        assert swarm(1, 20, shape).failed is None
