"""Bugs in what a restored store believes: what was lost with the newer one may have paid what looks unsent here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy.engine import Connection

from gateway_core.lifecycle import approval, officers
from gateway_core.model.states import UNSENT
from gateway_core.store import senders
from gateway_core.store.database import Record

from .hunting import Swarm, mutant
from .worlds import PUT_BACK, ended_before_it_is_put_back


@mutant(breaks="9", hunt=Swarm(PUT_BACK, 100, ended_before_it_is_put_back))
def rivals_of_the_unsent_only(m: pytest.MonkeyPatch) -> None:
    """What was sent before the backup is asked about and goes again, although its person lies in another payroll, too.

    Two people may have ended it since, and the other payroll may have paid her: both are lost with the newer store.
    """
    real = senders.rivals

    def rivals(connection: Connection, rows: Sequence[Record]) -> dict[str, str]:
        return real(connection, [row for row in rows if row.state in UNSENT])

    m.setattr(senders, "rivals", rivals)


@mutant(breaks="9", hunt=Swarm(PUT_BACK, 200))
def cancelled_in_a_restored_store(m: pytest.MonkeyPatch) -> None:
    """An officer cancels what looks unsent in a restored store, and another payroll pays the same person."""
    m.setattr(officers, "refuse_if_restored", lambda connection: None)
    m.setattr(approval, "refuse_if_restored", lambda connection: None)
