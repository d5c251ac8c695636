"""Bugs in what a restored store believes: what was lost with the newer one may have paid what looks unsent here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from gateway_core.engine import work
from gateway_core.lifecycle import approval, officers
from gateway_core.model.states import UNSENT
from gateway_core.store import senders
from gateway_core.store.database import Record
from gateway_core.store.rivals import rivals as real

from .hunting import Swarm, mutant
from .worlds import (
    PUT_BACK,
    REFUSED_BEFORE,
    ended_before_it_is_put_back,
    put_back_unsent,
    tried_again_before_it_is_put_back,
)


@mutant(breaks="9", hunt=Swarm(PUT_BACK, 100, ended_before_it_is_put_back))
def rivals_of_the_unsent_only(m: pytest.MonkeyPatch) -> None:
    """What was sent before the backup is asked about and goes again, although its person lies in another payroll, too.

    Two people may have ended it since, and the other payroll may have paid her: both are lost with the newer store.
    """

    def rivals(connection: Connection, rows: Sequence[Record]) -> dict[str, str]:
        return real(connection, [row for row in rows if row.state in UNSENT])

    m.setattr(senders, "rivals", rivals)


@mutant(breaks="9", hunt=Swarm(PUT_BACK, 150, put_back_unsent))
def cancelled_in_a_restored_store(m: pytest.MonkeyPatch) -> None:
    """An officer cancels what looks unsent in a restored store, and another payroll pays the same person."""
    m.setattr(officers, "refuse_if_restored", lambda connection: None)
    m.setattr(approval, "refuse_if_restored", lambda connection: None)


@mutant(
    breaks="9", hunt=Swarm(REFUSED_BEFORE, 150, tried_again_before_it_is_put_back),
    seen="The simulation's own find, after 22,522 schedules.",
)  # fmt: skip
def not_found_is_never_sent(m: pytest.MonkeyPatch) -> None:
    """In a restored store, a key that the rail does not know is sent, although a later attempt, now lost, was paid."""

    async def none_was_lost(worker: Any, case: Any, lane: Any) -> bool:
        return True

    m.setattr(work, "none_was_lost", none_was_lost)
