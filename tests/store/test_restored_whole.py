"""A backup is put back: what was sent after it is never sent again, on a rail that pays a repeated key twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core import MakerIsChecker, RestoredStore

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop


@pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupes", "does not dedupe"])
@pytest.mark.parametrize("proposed_before", [True, False], ids=["open in the backup", "proposed after the backup"])
def test_nobody_is_paid_twice_after_a_restore(
    open_shop: Callable[..., Shop], start_dummy: Callable[..., Dummy], no_dedupe: bool, proposed_before: bool
) -> None:
    server = start_dummy(no_dedupe=no_dedupe)
    shop = open_shop(server.url, channel={"profile": "no-dedupe" if no_dedupe else ""})
    lines = shop.invoices(4)
    if proposed_before:
        shop.approved(lines)
    copy = shop.backup()
    payroll = shop.paid(lines) if not proposed_before else "payroll"
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}

    shop.paymaster.close_store()
    shop.put_back(copy)
    paymaster = shop.reopen()
    if not proposed_before:
        shop.approved(lines)
    with pytest.raises(RestoredStore):
        shop.run(payroll)
    with pytest.raises(MakerIsChecker):
        paymaster.restored(by="amina", second=" Amina")
    paymaster.restored(by="amina", second="joseph")
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}
    assert set(server.moved().values()) == {1} and len(server.moved()) == 4
    assert set(server.copies().values()) == {1}

    paymaster.restore_over(by="amina", second="joseph")
    later = shop.paid(shop.invoices(2, cycle="2026-12"), "later")
    assert set(shop.states(later).values()) == {"paid"}


def test_what_the_rail_never_heard_of_is_held_where_a_copy_might_pay_twice(
    open_shop: Callable[..., Shop], start_dummy: Callable[..., Dummy]
) -> None:
    server = start_dummy(no_dedupe=True)
    shop = open_shop(server.url, channel={"profile": "no-dedupe"})
    shop.paymaster.restored(by="amina", second="joseph")
    payroll = shop.paid(shop.invoices(2))
    assert set(shop.states(payroll).values()) == {"held"}
    assert server.moved() == {}
