"""The simulation itself is proven: every planted bug is found within its budget of schedules."""

from __future__ import annotations

import pytest

from gateway_core.testing.simulation.explore import swarm
from gateway_core.testing.simulation.world import Shape

from . import mutants

ROUGH = Shape(payments=3, odds=0.4, crash_odds=0.0, busy_officer=0.0)
TWO = Shape(payments=2, senders=2, odds=0.2, freeze_odds=0.03, lease=30)
RETRIED = Shape(payments=2, odds=0.3, busy_officer=0.7)

# (planted bug, world, schedules within which it must be found)
TABLE = [
    (mutants.believe_404, ROUGH, 40),
    (mutants.pending_is_paid, ROUGH, 20),
    (mutants.server_error_is_refused, ROUGH, 40),
    (mutants.garbage_is_paid, ROUGH, 200),
    (mutants.duplicate_is_refused, ROUGH, 200),
    (mutants.new_key_on_time_out, ROUGH, 20),
    (mutants.blind_resend, Shape(payments=3, odds=0.4, dedupes=False), 40),
    (mutants.one_not_found_is_enough, Shape(payments=3, odds=0.4, dedupes=False), 200),
    (mutants.resend_after_the_window, Shape(payments=3, odds=0.4, window=60.0), 400),
    (mutants.commit_after_send, ROUGH, 5),
    (mutants.copy_not_written, ROUGH, 20),
    (mutants.waiters_before_the_commit, ROUGH, 5),
    (mutants.believe_a_refusal_in_doubt, ROUGH, 200),
    (mutants.last_contradiction_wins, ROUGH, 100),
    (mutants.ignore_a_late_paid, ROUGH, 100),
    (mutants.believe_anybody, ROUGH, 100),
    (mutants.deaf, ROUGH, 20),
    (mutants.no_leaf_check, RETRIED, 200),
    (mutants.no_fencing, TWO, 300),
    (mutants.no_stale_check, ROUGH, 100),
    (mutants.ask_for_ever, ROUGH, 60),
    (mutants.cancel_without_looking, RETRIED, 200),
    (mutants.failed_after_three, ROUGH, 60),
]


@pytest.mark.parametrize(("mutant", "shape", "budget"), TABLE, ids=[mutant.__name__ for mutant, _, _ in TABLE])
def test_a_planted_bug_is_found(
    mutant: mutants.Patch, shape: Shape, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    found = swarm(1, budget, shape)
    assert found.failed is not None, f"survived {budget} schedules"
    print(f"{mutant.__name__}: killed after {found.schedules} schedules by {found.failed.failure}")


def test_the_worlds_of_the_table_are_clean_without_it() -> None:
    for shape in (ROUGH, TWO, RETRIED):
        assert swarm(1, 20, shape).failed is None
