"""The simulated worlds of the hunts: each draws much of what its bugs need, so that they die soon."""

from __future__ import annotations

import pytest

from gateway_core.testing.simulation import cron, disasters, lanes, office
from gateway_core.testing.simulation.world import Shape

# One payment over a good rail: small enough for every single deviation.
ONE = Shape()
# Nearly everything goes wrong until the calm: stories cross one another.
ROUGH = Shape(payments=3, odds=0.9, crash_odds=0.0, busy_officer=0.0)
# Two senders in short runs: one acts on callbacks while the other is about to write.
HEARD = Shape(payments=3, odds=0.9, crash_odds=0.0, busy_officer=0.0, senders=2, wait=0.0)
# A rail that books every copy.
TWICE = Shape(payments=3, odds=0.4, crash_odds=0.0, busy_officer=0.0, dedupes=False)
LATE = Shape(payments=3, odds=0.2, crash_odds=0.0, busy_officer=0.0, dedupes=False)
# Two payments that agree in account and amount, over one connection.
PAIR = Shape(payments=2, odds=0.6, crash_odds=0.0, busy_officer=0.0, concurrency=1, callbacks=False)
# Requests carry an expiry, so that bytes made later differ.
EXPIRING = Shape(payments=2, odds=0.4, crash_odds=0.0, busy_officer=0.0, longest_request=40.0)
# Two senders, one of which is stopped now and then for longer than its lease.
TWO = Shape(payments=2, senders=2, odds=0.1, freeze_odds=0.03, lease=30, callbacks=False, busy_officer=0.0)
ALONE = Shape(odds=0.9, crash_odds=0.0, busy_officer=0.0)
CRASHING = Shape(payments=2, odds=0.2, crash_odds=0.03, busy_officer=0.0)
# An officer who acts, and somebody with the file in an editor.
PEOPLE = Shape(odds=0.1, crash_odds=0.0, busy_officer=0.7)
# Two payrolls for the same people, an old backup put in place, a rail that may be down, and officers who act.
PUT_BACK = Shape(again=True, restored=0.9, outages=0.5, busy_officer=0.9, odds=0.1, crash_odds=0.0)
REFUSED_BEFORE = Shape(restored=0.9, busy_officer=0.9, odds=0.5, crash_odds=0.0)


def late_requests(m: pytest.MonkeyPatch) -> None:
    """The wire's only fault: a request lands long after the sender's patience is over."""
    m.setattr(lanes, "FAULTS", (lanes.FAULTS[0], "request late"))


def stale_answers(m: pytest.MonkeyPatch) -> None:
    """The wire's only fault: the answer to the request before is served once more."""
    m.setattr(lanes, "FAULTS", (lanes.FAULTS[0], "stale answer"))


def ended_before_it_is_put_back(m: pytest.MonkeyPatch) -> None:
    """Two people end what was sent, and the backup that is put back later is from before that."""
    m.setattr(office, "ACTS", (office.ACTS[0], "end what was sent"))
    m.setattr(office, "TIMES", (1_200.0, 3_000.0))
    m.setattr(disasters, "RESTORE_TIMES", (4_000.0,))


def put_back_unsent(m: pytest.MonkeyPatch) -> None:
    """The backup is from before anything was sent."""
    m.setattr(disasters, "BACKUP_TIMES", (0.0, 0.012))
    m.setattr(office, "ACTS", office.ACTS[:1])


def tried_again_before_it_is_put_back(m: pytest.MonkeyPatch) -> None:
    """A refusal of which the rail keeps no record, a second attempt that pays, and a backup from before both."""
    m.setattr(lanes, "FAULTS", (lanes.FAULTS[0], "delivered twice"))
    m.setattr(office, "ACTS", (office.ACTS[0], "retry refused"))
    m.setattr(office, "TIMES", (60.0,))
    m.setattr(disasters, "RESTORE_TIMES", (400.0,))


def impatient(m: pytest.MonkeyPatch) -> None:
    """Law 11 speaks sooner: so many runs are more than any schedule of a small world needs."""
    m.setattr(cron, "VISITS", 200)
