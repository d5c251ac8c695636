"""Bugs at the end: a story that never ends, ends too early, or ends with the last word instead of the whole."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from gateway_core.engine import claims, decide, work
from gateway_core.model import late, life
from gateway_core.store import senders

from .hunting import Exhaust, Swarm, mutant
from .worlds import ALONE, ONE, ROUGH, impatient


@mutant(
    breaks="3", hunt=Swarm(ROUGH, 100), lets=(AssertionError,),
    seen="openIMIS payroll 1.5.0: reconciling a file replaces what was stored about a payment before.",
)  # fmt: skip
def last_contradiction_wins(m: pytest.MonkeyPatch) -> None:
    """What the rail said last is believed, whatever it said before."""
    real = life.APPLY["answer"]

    def answer(its: life.Life, fact: Any) -> None:
        step = its.steps.get(fact.step)
        if step is not None and step.verdict and fact.value in ("done", "refused"):
            step.verdict, step.answer, its.state = fact.value, fact, "paid" if fact.value == "done" else "refused"
            its.facts = fact.no
        else:
            real(its, fact)

    m.setitem(life.APPLY, "answer", answer)


@mutant(
    breaks="3", hunt=Swarm(ROUGH, 100),
    seen="OpenG2P's G2P Connect manager asks about batches younger than 3 days only: later reversals are lost.",
)  # fmt: skip
def ignore_a_late_paid(m: pytest.MonkeyPatch) -> None:
    """A payment that is settled, or on its next attempt, hears nothing any more."""
    m.setattr(late, "answered", lambda its, step, fact: None)


@mutant(breaks="11", hunt=Exhaust(ONE, 1, 400), seen="Payment plans stuck in reconciliation (HOPE#4971).")
def ask_for_ever(m: pytest.MonkeyPatch) -> None:
    """No bound on asking: a payment that is pending for ever never comes to people."""
    real = decide.Rules.of
    m.setattr(decide.Rules, "of", lambda c: attrs.evolve(real(c), ask_limit=10**9, patience=10**18))


@mutant(
    breaks="3", hunt=Swarm(ROUGH, 60),
    seen="Payment Hub's MTN connector marks a payment failed when its polls run out.",
)  # fmt: skip
def failed_after_three(m: pytest.MonkeyPatch) -> None:
    """Three questions without an answer, and the payment has failed."""
    real = work.Worker._ask

    async def ask(self: work.Worker, case: work.Case, step: Any, *rest: Any) -> None:
        if step.asks >= 3 and step.moves_money:
            case.note(self._fact(case, "outcome", "refused", source="flow", body={"code": "failed"}))
        else:
            await real(self, case, step, *rest)

    m.setattr(work.Worker, "_ask", ask)


def nothing_is_given_back_layer(m: pytest.MonkeyPatch) -> None:
    """A sender that ends keeps what it claimed, and nobody takes over from it."""
    m.setattr(claims, "end", lambda store, token: None)
    m.setattr(senders, "take_over", lambda connection: None)


@mutant(
    breaks="11", hunt=Swarm(ALONE, 20, impatient), masked_by=(nothing_is_given_back_layer,),
    seen="HOPE's gateway: an uncaught AttributeError ends the job after the instruction was marked as processed.",
)  # fmt: skip
def swallow_a_task(m: pytest.MonkeyPatch) -> None:
    """A worker that meets silence forgets the payment instead of giving it back.

    Harmless while a sender that ends gives back all that it claimed, and the next one takes over from those that died.
    """
    real = work.Worker._turn

    async def turn(self: work.Worker, case: work.Case, lane: Any) -> bool:
        known = len(case.facts)
        again = await real(self, case, lane)
        return again and not any(fact.value == "unknown" for fact in [*case.facts[known:], *case.unsaved])

    m.setattr(work.Worker, "_turn", turn)
