"""Limits at the instant of sending: what was lowered since the approval holds what is above it, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.model.errors import ObjectionsStand
from tests.cycles.world import CYCLE, PROGRAMME, generated, people

if TYPE_CHECKING:
    from tests.conftest import Shop

Open = Callable[..., "Shop"]
LOWERED: dict[str, tuple[dict[str, Any], str]] = {
    "per payment": ({"caps": {"payment": "49999"}}, "cap_payment: 50000 UGX is above 49999 UGX per payment"),
    "per beneficiary": ({"caps": {"beneficiary": "49999"}}, "cap_beneficiary: 50000 UGX in the cycle is above 49999"),
    "per payroll": ({"caps": {"payroll": "49999"}}, "cap_payroll: 50000 UGX is above 49999 UGX per payroll"),
    "in another currency": ({"currency": "USD", "amount": "5", "caps": {"payment": "5"}}, "cap_currency"),
}


@pytest.mark.parametrize("which", LOWERED)
def test_a_cap_that_was_lowered_since_the_approval(which: str, shop: Shop) -> None:
    terms, reason = LOWERED[which]
    paymaster = shop.paymaster
    generated(paymaster, people(1))
    payroll = paymaster.propose_from_pool("nov", CYCLE, by="amina")[0].payroll
    paymaster.approve(payroll, by="joseph")
    paymaster.set_cycle(PROGRAMME, "2026-11", by="grace", **terms)
    shop.run(payroll)
    (held,) = paymaster.holds(payroll)
    assert reason in held.reason
    kinds = [event.kind for event in paymaster.events(held.payment)]
    assert "intent" not in kinds and kinds[-1] == "hold"
    # Raised again, two people let it go.
    paymaster.set_cycle(PROGRAMME, "2026-11", by="grace", amount="50000")
    shop.release(held.payment, "ready")
    shop.run(payroll)
    assert shop.state(payroll) == "paid" and paymaster.verify().ok


def test_the_largest_payment_of_a_channel_that_was_lowered_since(open_shop: Open) -> None:
    shop = open_shop(channel={"max_amount": "50000 UGX"})
    payroll = shop.approved([shop.invoice(1, "w-1", cycle=str(shop.folder))])
    shop.reopen(channels={"dummy": {**shop.config["channels"]["dummy"], "max_amount": "49999 UGX"}})
    shop.run(payroll)
    (held,) = shop.paymaster.holds(payroll)
    assert "above_limit: 50000 UGX is above 49999 UGX, the largest payment of channel dummy" in held.reason


def test_the_largest_payment_of_a_channel_that_was_lowered_since_is_said_before_the_approval(open_shop: Open) -> None:
    shop = open_shop(channel={"max_amount": "50000 UGX"})
    payroll = shop.proposed([shop.invoice(1, "w-1", cycle=str(shop.folder))])
    assert shop.paymaster.check(payroll).good
    shop.reopen(channels={"dummy": {**shop.config["channels"]["dummy"], "max_amount": "49999 UGX"}})
    (found,) = shop.paymaster.check(payroll).objections
    assert (found.objection.code, found.line) == ("above_limit", 1)
    with pytest.raises(ObjectionsStand, match="above 49999 UGX"):
        shop.paymaster.approve(payroll, by="joseph")


def test_what_is_too_much_together_is_held_together_until_lines_are_taken_out(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2, 3))
    payroll = paymaster.propose_from_pool("nov", CYCLE, by="amina")[0].payroll
    paymaster.approve(payroll, by="joseph")
    paymaster.set_cycle(PROGRAMME, "2026-11", by="grace", amount="50000", caps={"payroll": "100000", "payments": 2})
    shop.run(payroll)
    held = paymaster.holds(payroll)
    assert len(held) == 3 and all("cap_payroll: 150000 UGX is above 100000 UGX" in one.reason for one in held)
    # One of them goes another way: there is room for the other two.
    first, *others = [one.payment for one in held]
    shop.release(first, "cancelled")
    for one in others:
        shop.release(one, "ready")
    shop.run(payroll)
    assert sorted(shop.states(payroll).values()) == ["cancelled", "paid", "paid"] and paymaster.verify().ok


def test_the_number_of_payments_that_was_lowered_while_a_payroll_was_paid(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2, 3))
    payroll = paymaster.propose_from_pool("nov", CYCLE, by="amina")[0].payroll
    paymaster.approve(payroll, by="joseph")
    paymaster.set_cycle(PROGRAMME, "2026-11", by="grace", amount="50000", caps={"payments": 2})
    shop.run(payroll)
    assert {one.reason for one in paymaster.holds(payroll)} == {
        "the limits: cap_payments: 3 payments are more than 2 per payroll"
    }
