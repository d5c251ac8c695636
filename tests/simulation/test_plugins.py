"""A plugin's own flow in the simulation: the dummy gateway's holds; one that breaks the rules is found out."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from gateway_dummy_server import DummyGateway, DummySettings

from gateway_core.contract import Ctx, Done, Hidden, PayFlow, Payment, Refused, Reply, Verdict
from gateway_core.contract.flow import Ask
from gateway_core.testing.simulation import swarm
from gateway_core.testing.simulation.shape import Shape

from .dummy_face import SECRET, DummyFace


def dummy(kind: type[DummyGateway] = DummyGateway, profile: str = "") -> Callable[[], DummyGateway]:
    settings = DummySettings(base_url="http://rail.invalid", callback_secret=Hidden(SECRET), profile=profile)
    return lambda: kind(settings)


@pytest.mark.parametrize("profile", ["", "no-dedupe"])
def test_the_dummy_gateway_holds_every_law(profile: str) -> None:
    found = swarm(dummy(profile=profile), DummyFace(), schedules=250)
    assert found.schedules == 250
    assert found.share_held() < 0.4


class Hopeful(DummyGateway):
    """Takes a repeated key for success."""

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """Believes 409, and 404."""
        if ask.moves_money and reply.status == 409:
            return Done({"receipt": "it was there already"})
        if ask.moves_money and reply.status == 404:
            return Refused("no_such_account")
        return super().parse_response(ask, reply)


class Forgetful(DummyGateway):
    """Makes another key whenever its flow runs again."""

    drawn = itertools.count()

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """With ids of its own."""
        ctx = Ctx(f"{ctx.deployment}-{next(self.drawn)}", ctx.entitlement, ctx.number, ctx.attempt, ctx.now)
        return (yield from super().execute_payment(payment, ctx))


def test_a_gateway_that_believes_not_found_is_found_out() -> None:
    with pytest.raises(AssertionError, match=r"^law \w+: .* \(seed 7, world 7:\d+\)\n"):
        swarm(dummy(Hopeful), DummyFace(), schedules=300, seed=7)


def test_a_gateway_that_makes_random_keys_is_stopped_by_the_core() -> None:
    """What the flow asks after a crash is compared with the journal: it is held, and people are asked."""
    dying = Shape(payments=2, odds=0.2, crash_odds=0.02, busy_officer=0.0)
    swarm(dummy(Forgetful), DummyFace(), schedules=150, seed=7, shape=dying)


def test_what_random_keys_cost_after_a_restored_backup_is_shown() -> None:
    """Then the journal knows no key to compare with: only derived ones find the payment at the rail."""
    restored = Shape(payments=2, restored=0.9, busy_officer=0.0)
    with pytest.raises(AssertionError, match=r"law 9: .* was paid 2 times"):
        swarm(dummy(Forgetful), DummyFace(), schedules=100, seed=7, shape=restored)
    swarm(dummy(), DummyFace(), schedules=100, seed=7, shape=restored)
