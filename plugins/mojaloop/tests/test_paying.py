"""Payments over the simulator: what an officer sees, and what the scheme's ledger says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from gateway_core.contract import Account

if TYPE_CHECKING:
    from .conftest import Scheme, Shop

Start: TypeAlias = Callable[..., "Scheme"]
Open: TypeAlias = Callable[..., "Shop"]


@pytest.mark.parametrize(
    ("simulator", "channel"),
    [
        ({}, {}),
        ({"ilp": 1}, {"profile": "1.0"}),
        ({"version": "2.0"}, {"profile": "2.0", "versions": ["parties=2.0/2"]}),
        ({"signed": False}, {}),
    ],
)  # fmt: skip
def test_everybody_is_paid_once(start: Start, open_shop: Open, simulator: Any, channel: Any) -> None:
    scheme = start(**simulator)
    shop = open_shop(scheme, **channel)
    payroll = shop.paid(shop.invoices(5))
    assert set(shop.states(payroll).values()) == {"paid"}, shop.events(payroll)
    assert list(scheme.moved().values()) == [1] * 5
    # One look-up, one quote and one transfer for each.
    asked = [event for event in shop.events(payroll) if event.kind in ("intent", "copy")]
    assert len(asked) == 3


def test_a_check_asks_the_scheme_and_hears_its_callbacks(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme, position_path="/participants/{fsp}/positions?currency={currency}", balance_currency="UGX",
                     limit_path="/participants/{fsp}/limits?currency={currency}")  # fmt: skip
    nobody = shop.invoice(7, fault=2)
    strange = shop.invoice(8, account=Account("wallet", "w-1"))
    payroll = shop.paymaster.propose("p", [*shop.invoices(3), nobody, strange], channel="hub", by="amina")
    for _ in range(2):
        # The second time the scheme says the same in the same bytes.
        report = shop.paymaster.check(payroll)
        assert {(found.invoice, found.objection.code) for found in report.objections} == {
            ("inv-7", "3204"), ("inv-8", "not_a_party"),
        }  # fmt: skip
        assert not report.warnings, report.warnings
        assert report.balances["hub"] is not None and report.balances["hub"].minor == 10**15
    assert scheme.moved() == {}
