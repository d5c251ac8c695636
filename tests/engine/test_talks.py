"""A conversation that is kept says what a replay would say, or is not kept."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from gateway_core.contract import Account, Ctx, Done, Paid, Payment, Refused
from gateway_core.engine.conversation import Conversation, Intent
from gateway_core.engine.talks import LARGEST, MOST, Talks
from gateway_core.model.life import Life

from .test_conversation import DONE_LOOK, PAYMENT, channel, good, journal, look, pay, talk


def kept(life: Life, said: Conversation | None = None) -> Talks:
    """One that has said all that the journal has, and waits."""
    here = said or talk(good)
    here.advance(Life())
    if life.steps and all(step.answer is not None for step in life.steps.values()):
        here.advance(life)
    talks = Talks()
    talks.keep(here, life)
    return talks


def test_it_goes_on_where_it_stood_and_says_what_a_replay_says() -> None:
    asked = journal(good, DONE_LOOK)
    again = kept(Life()).take(PAYMENT, asked)
    assert again is not None
    assert again.advance(asked) == talk(good).advance(asked)


def test_it_is_taken_once() -> None:
    talks = kept(Life())
    assert talks.take(PAYMENT, Life()) is not None and talks.take(PAYMENT, Life()) is None


OTHERS = [
    attrs.evolve(PAYMENT, account=Account("wallet", "w-2")),
    attrs.evolve(PAYMENT, name="Another"),
]


@pytest.mark.parametrize("payment", OTHERS, ids=["another account", "another name"])
def test_what_somebody_changed_in_the_row_is_replayed(payment: Payment) -> None:
    assert kept(Life()).take(payment, journal(good, DONE_LOOK)) is None


def test_what_the_journal_has_otherwise_is_replayed() -> None:
    """Another attempt, another answer than the one that was told, or none of it."""
    heard = journal(good, DONE_LOOK)
    for life in (journal(good, DONE_LOOK, attempt=2), journal(good, Refused("no_account", "nobody")), Life()):
        if life.steps and life.attempt == heard.attempt:
            (step,) = life.steps.values()
            assert step.answer is not None
            step.answer = attrs.evolve(step.answer, no=step.answer.no + 1)
        assert kept(heard).take(PAYMENT, life) is None


def test_one_that_was_told_much_is_not_kept() -> None:
    def wordy(payment: Payment, ctx: Ctx) -> Any:
        yield look()
        done = yield pay(ctx)
        return Paid(done.body["reference"])

    for size, there in ((LARGEST // 2, True), (LARGEST, False)):
        life = journal(wordy, Done({"name": "x" * size}))
        here = Conversation(channel(wordy), PAYMENT, "deployment", 1, 0)
        assert isinstance(here.advance(life), Intent)
        talks = Talks()
        talks.keep(here, life)
        assert (talks.take(PAYMENT, life) is not None) is there


def test_a_bounded_number_is_kept_and_the_oldest_goes_first() -> None:
    talks = Talks()
    payments = [attrs.evolve(PAYMENT, id=f"p-{n}") for n in range(MOST + 10)]
    for payment in payments:
        here = Conversation(channel(good), payment, "deployment", 1, 0)
        here.advance(Life())
        talks.keep(here, Life())
    there = [talks.take(payment, Life()) is not None for payment in payments]
    assert there == [False] * 10 + [True] * MOST
