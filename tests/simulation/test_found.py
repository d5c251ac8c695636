"""What the simulation found in the engine, told plainly: one test per fault."""

from __future__ import annotations

from gateway_core.model.facts import Fact
from gateway_core.model.life import fold
from gateway_core.testing.simulation.chance import Tape
from gateway_core.testing.simulation.explore import run
from gateway_core.testing.simulation.world import Shape

MONEY = {"moves_money": True}
SENT_TWICE = [
    Fact(1, 1, "intent", "sent", step="pay", key="k", body=MONEY),
    Fact(2, 2, "word", "unknown", "ask", step="pay"),
    Fact(3, 3, "copy", step="pay"),
]


def test_a_refused_copy_does_not_contradict_another_that_paid() -> None:
    paid = ("answer", "done", "callback")
    refused = ("answer", "refused", "ask")
    for order in ((paid, refused), (refused, paid)):
        facts = [Fact(no, no, *said, step="pay", body=MONEY) for no, said in enumerate(order, 4)]
        life = fold(SENT_TWICE + facts)
        assert life.money is not None
        assert (life.money.verdict, life.contradicted, life.cases) == ("done", False, [])


def test_a_single_copy_that_was_both_paid_and_refused_is_a_contradiction() -> None:
    facts = [
        SENT_TWICE[0],
        Fact(2, 2, "answer", "done", "callback", step="pay", body=MONEY),
        Fact(3, 3, "answer", "refused", "ask", step="pay", body=MONEY),
    ]
    assert fold(facts).contradicted


def test_a_run_that_ends_at_once_still_acts_on_callbacks() -> None:
    """Short runs ended before they ever listened, and arrivals for a channel without work were put away unread."""
    assert run(Tape(), Shape(wait=0.0, whole_run=True)).failure is None
