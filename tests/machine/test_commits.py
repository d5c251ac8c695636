"""COMMITs raise, some of them on disk after all, and statements fail, anywhere in the life of a payroll.

A COMMIT that raised is unknown: nothing more is done before the store was opened again, and then every step can be
repeated. After a statement that failed nothing was written, and the same Paymaster goes on.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import StoreError, StoreUncertain
from gateway_core.testing.kill import Dummy

from .rig import LINES, agrees
from .troubled import FAILS, Trouble

if TYPE_CHECKING:
    from tests.conftest import Shop

pytestmark = pytest.mark.sqlite("about its driver")

PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
OpenHere = Callable[..., "Shop"]
# Shares of COMMITs, and of statements, that fail.
COMMITS, STATEMENTS = 0.2, 0.03
TRIES = 80


def live(shop: Shop, trouble: Trouble) -> str:
    """Propose, approve, run, reconcile and close in spite of all trouble; each step again until it went through."""
    lines = shop.invoices(LINES, cycle=str(shop.folder))

    def state() -> str:
        return "".join(status.state for status in shop.paymaster.status())

    with trouble.everywhere():
        insistently(shop, lambda: shop.proposed(lines), lambda: False)
        (payroll,) = [status.id for status in shop.paymaster.status()]
        insistently(shop, lambda: shop.paymaster.approve(payroll, by="joseph"), lambda: state() != "awaiting_approval")
        insistently(shop, lambda: shop.run(payroll), lambda: False)
        insistently(shop, lambda: shop.paymaster.reconcile(payroll, by="amina"), lambda: False)
        if not shop.paymaster.holds():
            insistently(shop, lambda: shop.paymaster.close(payroll, by="joseph"), lambda: state() == "reconciled")
    return payroll


def insistently(shop: Shop, step: Callable[[], object], over: Callable[[], bool]) -> None:
    """Until it went through, or came to be done although it raised."""
    for _ in range(TRIES):
        try:
            if shop.paymaster._store.uncertain:
                shop.reopen()
            if not over():
                step()
            return
        except StoreError:
            continue
    raise AssertionError("it never goes through")


@pytest.mark.parametrize("how", [*FAILS, "any"])
@PROVIDERS
@pytest.mark.few(3)
def test_commits_raise_throughout_the_life_of_a_payroll(
    how: str, no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy]
) -> None:
    shop, chance = open_here(no_dedupe), random.Random(how)
    shop.paymaster.close_store()

    def fails(n: int) -> str:
        return (chance.choice(FAILS) if how == "any" else how) if chance.random() < COMMITS else ""

    payroll = live(shop, trouble := Trouble(commit=fails))
    shop.reopen()
    assert trouble.failed >= 3
    agrees(servers[no_dedupe], shop, payroll, held=no_dedupe)
    state = shop.paymaster.status(payroll)[0].state
    assert state == ("awaiting_reconciliation" if shop.paymaster.holds() else "reconciled")
    assert shop.paymaster.cases() == []


@PROVIDERS
def test_statements_fail_throughout_the_life_of_a_payroll(
    no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy]
) -> None:
    shop, chance = open_here(no_dedupe), random.Random("statements")
    shop.paymaster.close_store()
    payroll = live(shop, trouble := Trouble(statement=lambda n: chance.random() < STATEMENTS))
    shop.reopen()
    assert trouble.failed >= 3
    agrees(servers[no_dedupe], shop, payroll, held=no_dedupe)


@pytest.mark.parametrize("how", FAILS)
def test_after_a_commit_that_raised_every_call_is_refused(how: str, open_here: OpenHere) -> None:
    """Which of both worlds it is, only the store opened again can say."""
    shop = open_here(False)
    payroll = shop.proposed(shop.invoices(2, cycle=str(shop.folder)))
    shop.paymaster.close_store()
    with Trouble().everywhere() as trouble:
        paymaster = shop.reopen()
        trouble.commit = lambda n: how
        with pytest.raises(StoreUncertain, match=r"a COMMIT raised \(disk I/O error\); reopen the store"):
            paymaster.approve(payroll, by="joseph")
    calls: list[Callable[[], object]] = [
        paymaster.status, paymaster.run, lambda: paymaster.approve(payroll, by="joseph"), paymaster.verify,
        lambda: shop.proposed(shop.invoices(1, cycle="other"), "other"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(StoreUncertain, match="reopen the store"):
            call()
    shop.reopen()
    state = shop.paymaster.status(payroll)[0].state
    assert state == ("approved" if how == "done" else "awaiting_approval")
