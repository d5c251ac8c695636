"""In a restored store nothing is withdrawn or closed before people know what was lost: it may be paid already."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import RestoredStore, WrongState

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop


@pytest.fixture
def shop(open_shop: Callable[..., Shop], start_dummy: Callable[..., Dummy]) -> tuple[Shop, Dummy]:
    server = start_dummy()
    return open_shop(server.url), server


def put_back(shop: Shop, backup: object, known: bool = True) -> None:
    shop.paymaster.close_store()
    shop.put_back(backup)  # type: ignore[arg-type]
    shop.reopen()
    if not known:
        return
    shop.paymaster.restored(by="amina", second="joseph")


@pytest.mark.parametrize("known", [True, False], ids=["restored", "put back and nothing said"])
@pytest.mark.parametrize("how", ["cancel", "cancel one", "cancel a proposal", "reject"])
@pytest.mark.few(3)
def test_what_was_paid_after_the_backup_is_not_freed_for_another_payroll(
    shop: tuple[Shop, Dummy], how: str, known: bool
) -> None:
    branch, server = shop
    lines = branch.invoices(1)
    proposed = how in ("cancel a proposal", "reject")
    payroll = branch.proposed(lines) if proposed else branch.approved(lines)
    backup = branch.backup()
    if proposed:
        branch.paymaster.approve(payroll, by="joseph")
    branch.run(payroll)
    put_back(branch, backup, known)
    desk, only = branch.paymaster, [lines[0].id] if how == "cancel one" else []
    with pytest.raises(WrongState if known else RestoredStore, match="restored"):
        if how == "reject":
            desk.reject(payroll, by="joseph", reason="a mistake")
        else:
            desk.cancel(payroll, by="amina", reason="a mistake", only=only)
    if not known:
        desk.restored(by="amina", second="joseph")
    if proposed:
        desk.approve(payroll, by="joseph")
    branch.run(payroll)
    assert set(branch.states(payroll).values()) == {"paid"}
    assert set(server.moved_by_entitlement().values()) == {1}


def test_two_people_who_know_what_was_lost_end_it(shop: tuple[Shop, Dummy]) -> None:
    branch, _ = shop
    payroll = branch.approved(branch.invoices(1))
    put_back(branch, branch.backup())
    branch.paymaster.restore_over(by="amina", second="joseph")
    assert branch.paymaster.cancel(payroll, by="amina", reason="moved away") == 1


def test_a_refusal_before_the_backup_is_not_closed_away(shop: tuple[Shop, Dummy]) -> None:
    """It may have been tried again, and paid, since; in a closed payroll it would be carried over into the next."""
    branch, _ = shop
    payroll = branch.paid([branch.invoice(1, "fault-refused")])
    put_back(branch, branch.backup())
    branch.run(payroll)
    branch.paymaster.reconcile(payroll, by="amina")
    with pytest.raises(WrongState, match="restored from a backup"):
        branch.paymaster.close(payroll, by="joseph")
    branch.paymaster.restore_over(by="amina", second="joseph")
    branch.paymaster.close(payroll, by="joseph")
