"""Payrolls in chaos: all faults at random, on requests, questions and callbacks. Nobody is paid twice or lost.

pytest --long -rP -k thousand plugins/mojaloop/tests/test_chaos.py          20 payrolls of 1,000, 100 kills
pytest --long -rP -k "kills[7]" plugins/mojaloop/tests/test_chaos.py        one of them
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import KILLED, Lives

if TYPE_CHECKING:
    from .conftest import Scheme, Shop

COUNT = 60
# Whether money may be away at the end. Of a held payment nobody knows.
AWAY = {"paid": {1}, "refused": {0}, "held": {0, 1}}
KILLS: tuple[dict[str, Any], ...] = (
    {"kill_at": ("after-mark", 2)}, {"kill_at": ("before-ask", 9)}, {"kill_at": ("after-ask", 30)},
    {"kill_at": ("before-find_out", 3)}, {"kill_after": 1.0}, {"kill_at": ("after-find_out", 4)},
    {"kill_at": ("written-answer", 3)}, {"kill_at": ("after-ask", 5)}, {"kill_after": 2.0},
)  # fmt: skip

# The whole campaign: so many payrolls, and of each so many payments and kills.
PAYROLLS, PAYMENTS, DEATHS, LIVES = 20, 1000, 5, 40
# Where a sender dies in it, wherever its work stands then.
POINTS = (
    "after-commit", "after-mark", "before-ask", "after-ask", "before-find_out", "after-find_out", "written-intent",
    "written-answer", "written-word", "written-outcome",
)  # fmt: skip


def judged(shop: Shop, scheme: Scheme, payroll: str, count: int) -> dict[str, int]:
    """How many payments are in each state, once it is sure that all are what the scheme's ledger says."""
    moved, states = scheme.moved(), dict[str, int]()
    views = shop.paymaster.payments(payroll)
    by_id = {view.id: view for view in views}
    for view in by_id.values():
        states[view.state] = states.get(view.state, 0) + 1
        number = view.account.rpartition(" ")[2]
        assert moved.get(number, 0) in AWAY[view.state], (view, shop.paymaster.events(view.id))
    assert len(by_id) == count and max(moved.values()) == 1
    assert shop.paymaster.verify().findings == []
    return states


@pytest.mark.deep
@pytest.mark.parametrize("signed", [True, False])
def test_in_chaos_everybody_is_paid_exactly_once(
    signed: bool, start: Callable[..., Scheme], open_shop: Callable[..., Shop]
) -> None:
    scheme = start(chaos=7, chaos_rate=0.3, signed=signed)
    shop = open_shop(scheme)
    payroll = shop.approved(shop.invoices(COUNT))
    shop.run_on(payroll)
    states = judged(shop, scheme, payroll, COUNT)
    assert states["paid"] > COUNT * 0.6, states


@pytest.mark.deep
def test_whoever_is_killed_pays_everybody_once(start: Callable[..., Scheme], open_shop: Callable[..., Shop]) -> None:
    scheme = start(chaos=11, chaos_rate=0.2)
    shop = open_shop(scheme)
    payroll = shop.approved(shop.invoices(COUNT))
    shop.paymaster.close_store()
    killed = 0
    with Lives() as lives:
        for kill in KILLS:
            killed += lives.live(shop.config, payroll, wait=10.0, **kill) == KILLED
            with Paymaster.open(shop.config) as paymaster:
                paymaster.lift_stop("hub", by="joseph")
    assert killed >= 5
    shop.paymaster = Paymaster.open(shop.config)
    shop.run_on(payroll)
    states = judged(shop, scheme, payroll, COUNT)
    assert states["paid"] > COUNT * 0.6, states


@pytest.mark.long
@pytest.mark.parametrize("seed", range(PAYROLLS))
def test_a_thousand_payments_in_chaos_with_five_kills(
    seed: int, start: Callable[..., Scheme], open_shop: Callable[..., Shop]
) -> None:
    scheme = start(chaos=seed, chaos_rate=0.3)
    shop = open_shop(scheme)
    payroll = shop.approved(shop.invoices(PAYMENTS))
    shop.paymaster.close_store()
    chance, killed = random.Random(seed), 0
    with Lives() as lives:
        for _ in range(LIVES):
            kill = {"kill_at": (chance.choice(POINTS), chance.randrange(1, 60))}
            killed += lives.live(shop.config, payroll, wait=10.0, **kill) == KILLED
            with Paymaster.open(shop.config) as paymaster:
                paymaster.lift_stop("hub", by="joseph")
            if killed == DEATHS:
                break
    assert killed == DEATHS
    shop.paymaster = Paymaster.open(shop.config)
    # To the end: a run that has waited so long leaves a channel that rests, as it does where nothing answers in time.
    shop.run_on(payroll, wait=1800.0, stops=PAYMENTS)
    states = judged(shop, scheme, payroll, PAYMENTS)
    print(f"\nchaos {seed}: {PAYMENTS} payments, {killed} kills: {states}; paid twice 0, lost 0")
    assert states["paid"] > PAYMENTS * 0.6, states
