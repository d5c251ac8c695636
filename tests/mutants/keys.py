"""Bugs about keys and bytes: a second key for one attempt, other bytes under one key, a flow that runs otherwise."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from gateway_core.contract.flow import Ctx
from gateway_core.engine import work
from gateway_core.engine.conversation import Conversation, Intent
from gateway_core.model.life import Life

from .hunting import Exhaust, Swarm, mutant
from .quoting import CARELESS, QUOTED, on_its_quote
from .worlds import CRASHING, EXPIRING, ONE


@mutant(
    breaks="2, 9", hunt=Exhaust(ONE, 1, 400),
    seen="Burundi's Lumicash connector (the clock is in the request's id); OpenG2P's PHEE manager (a new correlation id"
    " after a time-out); the 121 platform (a retry counts failed attempts into the key).",
)  # fmt: skip
def new_key_on_time_out(m: pytest.MonkeyPatch) -> None:
    """Silence ends the attempt; the next one has another key."""

    async def ask(self: work.Worker, case: work.Case, *rest: Any) -> None:
        self._end(case, "timed out")

    m.setattr(work.Worker, "_ask", ask)


@mutant(
    breaks="4", hunt=Swarm(EXPIRING, 30),
    seen="Providers answer the same key with other bytes by an error, so the fate of the first copy is not learnt.",
)  # fmt: skip
def bytes_rebuilt(m: pytest.MonkeyPatch) -> None:
    """A copy is made by running the flow again: same key, but its expiry has moved."""
    real = work.Worker._copy

    async def copy(self: work.Worker, case: work.Case, step: Any, *rest: Any) -> None:
        again = Conversation(self.channel, case.payment, self.deployment, case.life.attempt, self.runtime.now())
        said = again.advance(Life())
        assert isinstance(said, Intent)
        step.body = {**step.body, "request": said.body["request"]}
        await real(self, case, step, *rest)

    m.setattr(work.Worker, "_copy", copy)


def no_fingerprint_check_layer(m: pytest.MonkeyPatch) -> None:
    """Asks are not compared with the journal."""
    m.setattr(Conversation, "_agrees", lambda self, said, step: None)


@mutant(
    breaks="4", hunt=Swarm(CRASHING, 50, on_its_quote, CARELESS),
    seen="Random ids in connectors: driven naively through 3,000 schedules, such a plugin paid 1,070 people twice.",
)  # fmt: skip
def no_fingerprint_check(m: pytest.MonkeyPatch) -> None:
    """After a crash the flow runs again, and nobody looks whether it asks what the journal says it asked."""
    no_fingerprint_check_layer(m)


@mutant(
    breaks="2, 4, 9", hunt=Swarm(CRASHING, 50, on_its_quote, QUOTED), masked_by=(no_fingerprint_check_layer,),
    seen="Random keys made before the queue (the 121 platform, until it derived them); a receipt drawn at random.",
)  # fmt: skip
def random_id_on_replay(m: pytest.MonkeyPatch) -> None:
    """The core's own ids are drawn, not derived: a flow that runs again gets others.

    Harmless while asks are compared with the journal: the attempt then ends before its money intent, or is finished
    from the journaled request, which is the only one that is ever sent.
    """
    drawn = count()
    m.setattr(Ctx, "new_id", lambda self, label, form="uuid": f"{label}-{next(drawn)}")
