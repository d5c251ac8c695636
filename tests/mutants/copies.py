"""Bugs about copies: the same bytes go again too easily, or one copy's fate is taken for that of all."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from gateway_core.contract.replies import Refused, Unknown
from gateway_core.engine import decide, evidence, work
from gateway_core.model import life
from gateway_core.model.facts import Fact

from .desk import duplicate_after_a_lost_answer
from .hunting import Swarm, law, mutant
from .worlds import LATE, ROUGH, TWICE, late_requests


@mutant(
    breaks="2, 3, 9", hunt=Swarm(TWICE, 60),
    seen="OpenG2P bridge 1.0 sends a batch again and leaves de-duplication to the bank.",
)  # fmt: skip
def blind_resend(m: pytest.MonkeyPatch) -> None:
    """Whatever was sent is sent again until somebody answers."""

    def again(step: Any, *rest: Any) -> decide.Move:
        return decide.Move(decide.Kind.COPY, step.name, step.last_at + 10**7)

    m.setattr(decide, "_in_doubt", again)


@mutant(
    breaks="2, 3, 9",
    hunt=Swarm(LATE, 100, late_requests),
    seen="Many payment APIs forget a key after 24 hours.",
)
def dedupes_for_ever(m: pytest.MonkeyPatch) -> None:
    """Every rail is taken to honour keys, and for ever: the same bytes go again after "not found"."""
    real = decide.Rules.of
    m.setattr(decide.Rules, "of", lambda c: attrs.evolve(real(c), dedupes=True, dedupe_window=10**18))


@mutant(breaks="1", hunt=Swarm(ROUGH, 50))
def copy_not_written(m: pytest.MonkeyPatch) -> None:
    """A resend goes out first and is noted with its answer."""

    async def copy(self: work.Worker, case: work.Case, step: Any, lane: Any, *rest: Any) -> None:
        case.note(self._fact(case, "copy", step=step.name))
        case.money_copy = step.moves_money
        await self._send(case, case.life.steps[step.name], lane)

    m.setattr(work.Worker, "_copy", copy)


def believe_a_refusal_layer(m: pytest.MonkeyPatch) -> None:
    """A refusal of one copy settles the step."""
    real = life.APPLY["answer"]

    def answer(its: life.Life, fact: Fact) -> None:
        real(its, fact)
        step = its.steps.get(fact.step)
        if step is not None and step.refused_in_doubt is fact:
            life._define(step, fact)

    m.setitem(life.APPLY, "answer", answer)


@mutant(
    breaks="2, 3", hunt=Swarm(ROUGH, 100),
    seen="The simulation's own first find: a resend is refused as busy or over the limit, then the first copy lands.",
)  # fmt: skip
def believe_a_refusal_in_doubt(m: pytest.MonkeyPatch) -> None:
    """The refusal of a later copy is taken for the whole attempt, although an earlier one may have paid."""
    believe_a_refusal_layer(m)


@mutant(breaks="2, 3, 11", hunt=Swarm(ROUGH, 100))
def count_attempts_instead_of_copies(m: pytest.MonkeyPatch) -> None:
    """An attempt is out of doubt as soon as one copy of it was answered, however many were sent."""
    m.setattr(life.Step, "in_doubt", property(lambda step: 0 if step.closed else 1))


@mutant(
    breaks="3", hunt=law((duplicate_after_a_lost_answer,)), masked_by=(believe_a_refusal_layer,),
    seen="MTN answers a key that comes again by 409; Payment Hub's connector takes any status but 200 as failed.",
)  # fmt: skip
def duplicate_is_refused(m: pytest.MonkeyPatch) -> None:
    """409, "this key was used already", is taken as a refusal.

    Harmless while the refusal of a copy proves nothing about another one: a 409 only ever answers a resend.
    """
    real = evidence.judged

    def judged(channel: Any, ask: Any, reply: Any, *rest: Any) -> tuple[Any, str]:
        verdict, seen = real(channel, ask, reply, *rest)
        return (Refused("duplicate") if reply[0] == 409 and isinstance(verdict, Unknown) else verdict), seen

    m.setattr(work, "judged", judged)
