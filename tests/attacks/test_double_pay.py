"""Attempts to have a person paid twice, or on an address that nobody approved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.contract.gateway import Capabilities
from gateway_core.engine.decide import Kind, Rules, decide
from gateway_core.model.facts import Fact
from gateway_core.model.life import fold
from gateway_core.paymaster import Paymaster
from tests.calling import rail_calls

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

HOUR = 3_600_000_000


def test_a_late_paid_freezes_what_is_claimed_but_not_yet_sent(
    shop: Shop, dummy: Dummy, meanwhile: Any, host: Callable[[Shop], Paymaster]
) -> None:
    """The claim looked for open cases; the page then waits for its turn while the rail says paid after all."""
    first = shop.paid([shop.invoice(0, "fault-refused")], "first")
    second = shop.approved([shop.invoice(0, "w-0")], "second")
    meanwhile(shop, lambda: rail_calls(host(shop), shop.payment(first), "paid"))
    shop.run()
    assert shop.state(first) == "paid"
    assert dummy.moved().get(shop.payment(second), 0) == 0, "she has it already"
    assert shop.state(second) == "held"
    assert "frozen" in shop.paymaster.holds(second)[0].reason


@pytest.mark.parametrize("fault", ["silent", "pending-for-ever"])
def test_what_was_sent_is_not_asked_about_or_sent_again_at_a_new_address(
    fault: str, start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], quick: Mapping[str, Any]
) -> None:
    """The channel moves to another provider and a checker approves the rest: the old copy may still have paid."""
    old, new = start_dummy(), start_dummy()
    shop = open_shop(old.url, channel={**quick, "patience": 30, "ask_limit": 1000, "timeout": 0.2})
    payroll = shop.approved([shop.invoice(0, f"fault-{fault}"), shop.invoice(1, "w-1")])
    shop.paymaster.cancel(payroll, by="amina", reason="wrong", only=["inv-1"])
    shop.run(payroll, wait=0)
    payment = shop.payment(payroll)
    assert shop.states(payroll)["inv-0"] in ("unknown", "pending")
    dummies = shop.config["channels"]
    shop.reopen(channels={"dummy": {**dummies["dummy"], "base_url": new.url}})
    shop.run(payroll, wait=0)
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll, wait=3)
    assert new.copies() == {}, "the new provider never heard of it, and must not pay it again"
    assert shop.states(payroll)["inv-0"] == "held"
    # Configured as before, two people have it asked about again, where it was sent.
    shop.reopen(channels=dummies)
    shop.release(payment, "pending")
    shop.run(payroll, wait=0)
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll, wait=2 if fault == "silent" else 0)
    assert shop.states(payroll)["inv-0"] == ("paid" if fault == "silent" else "pending")
    assert new.copies() == {}


def test_a_clock_that_jumps_back_does_not_open_the_dedupe_window_again() -> None:
    """The window counts by the highest time in the journal: the rail has forgotten the key by then."""
    rules = attrs.evolve(
        Rules.of(Capabilities(finds_out=True, dedupes=True, dedupe_window=3600, settle=1)), ask_after=0, ask_at_most=0
    )
    intent = {"request": {}, "moves_money": True, "find_out": {"method": "GET"}}
    facts = [
        Fact(1, HOUR, "intent", "sent", step="pay", key="k", body=intent),
        Fact(2, 25 * HOUR, "word", "unknown", "find_out", step="pay"),
        Fact(3, HOUR + 10_000_000, "word", "not_found", "find_out", step="pay"),
        Fact(4, HOUR + 20_000_000, "word", "not_found", "find_out", step="pay"),
    ]
    assert decide(fold(facts), rules, HOUR + 30_000_000).kind is Kind.HOLD
