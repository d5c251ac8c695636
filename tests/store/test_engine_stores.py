"""What the real engine writes in worlds full of faults and crashes verifies; the line that a thief altered is named."""

from __future__ import annotations

import pytest

from gateway_core.store.verifying import verify
from gateway_core.testing.simulation.chance import Tape
from gateway_core.testing.simulation.explore import home
from gateway_core.testing.simulation.world import World

SCHEDULES = 40


@pytest.mark.sqlite("simulated")
@pytest.mark.parametrize("seed", ["verify-a"])
def test_every_end_of_a_schedule_verifies(seed: str) -> None:
    stolen = 0
    for number in range(SCHEDULES):
        World(home(), Tape(f"{seed}:{number}")).run()
        thefts = home().raw.execute("SELECT id FROM payments WHERE account = 'thief'").fetchall()
        found = verify(home().opened())
        stolen += len(thefts)
        named = [
            finding for (payment,) in thefts for finding in found.findings if finding.startswith(f"payment {payment}")
        ]
        assert len(named) == len(thefts), f"{seed}:{number}: {found.findings}"
        # The theft shows in its payment and in its payroll's root, and nowhere else.
        assert len(found.findings) == len(thefts) + bool(thefts), f"{seed}:{number}: {found.findings}"
    assert stolen, "no schedule had a thief; take another seed"
