"""Attempts to close a payroll, or to call a payment off, against what the rail knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.model.errors import WrongState

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop


@pytest.fixture
def unsure(open_shop: Callable[..., Shop], quick: Mapping[str, Any]) -> tuple[Shop, str]:
    """A payroll of one payment that the rail pays in the end, held because nobody would wait."""
    shop = open_shop(channel={**quick, "patience": 0.05})
    payroll = shop.approved([shop.invoice(0, "fault-callback-never"), shop.invoice(1, "w-1")])
    shop.run(payroll)
    assert shop.states(payroll) == {"inv-0": "held", "inv-1": "paid"}
    return shop, payroll


@pytest.mark.parametrize("to", ["refused", "cancelled"])
def test_what_is_released_after_the_comparison_is_compared_too(to: str, unsure: tuple[Shop, str], dummy: Dummy) -> None:
    """Everything was compared but the one that is held; then two people call that one off."""
    shop, payroll = unsure
    shop.paymaster.reconcile(payroll, by="amina")
    held = next(view.id for view in shop.paymaster.payments(payroll) if view.state == "held")
    shop.release(held, to)
    with pytest.raises(WrongState):
        shop.paymaster.close(payroll, by="joseph")
    assert dummy.moved()[held] in (0, 1)
    assert shop.paymaster.verify().findings == []


def test_a_comparison_after_the_close_changes_nothing_of_who_closed(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1))
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    shop.paymaster.reconcile(payroll, by="joseph")
    (status,) = shop.paymaster.status(payroll)
    assert (status.reconciled_by, status.closed_by) == ("amina", "joseph")
    assert shop.paymaster.verify().findings == []


def test_a_payroll_of_which_everything_was_cancelled_comes_to_an_end(shop: Shop) -> None:
    payroll = shop.approved(shop.invoices(2))
    assert shop.paymaster.cancel(payroll, by="amina", reason="wrong month") == 2
    (status,) = shop.paymaster.status(payroll)
    assert status.state in ("cancelled", "awaiting_reconciliation")
    assert shop.paymaster.carry_over(payroll, "again", by="amina")
    assert shop.paymaster.verify().findings == []


def test_another_address_says_nothing_about_what_was_never_sent_there(
    start_dummy: Callable[..., Dummy], unsure: tuple[Shop, str]
) -> None:
    """Two people call it off by mistake; the channel moves, and the new provider has never heard of it."""
    shop, payroll = unsure
    held = next(view.id for view in shop.paymaster.payments(payroll) if view.state == "held")
    shop.release(held, "refused")
    shop.reopen(channels={"dummy": {**shop.config["channels"]["dummy"], "base_url": start_dummy().url}})
    agreement = shop.paymaster.reconcile(payroll, by="amina")
    assert (agreement.asked, agreement.silent) == (0, 2)
    assert shop.paymaster.cases() == []
    with pytest.raises(WrongState):
        shop.paymaster.close(payroll, by="joseph")
