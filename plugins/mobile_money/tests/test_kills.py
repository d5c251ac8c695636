"""Senders that are killed, and go on: over each operator's simulator in chaos, with real processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import KILLED, Lives

from .conftest import Operator, Shop

COUNT = 100
KILLS: tuple[dict[str, Any], ...] = (
    {"kill_at": ("after-mark", 2)}, {"kill_at": ("before-ask", 9)}, {"kill_at": ("after-ask", 12)},
    {"kill_at": ("before-find_out", 3)}, {"kill_at": ("after-find_out", 4)}, {"kill_after": 0.6},
    {"kill_at": ("written-answer", 3)}, {"kill_at": ("after-ask", 5)}, {"kill_after": 1.1},
)  # fmt: skip
AWAY = {"paid": {1}, "refused": {0}, "held": {0, 1}}


PROFILES = ("gsma", "mtn", "mpesa", "airtel")


@pytest.mark.parametrize(
    ("profile", "count"),
    [
        ("gsma", COUNT),
        *(pytest.param(name, COUNT, marks=pytest.mark.deep) for name in PROFILES[1:]),
        *(pytest.param(name, 1000, marks=pytest.mark.long) for name in PROFILES),
    ],
)
@pytest.mark.few(1)
def test_whoever_is_killed_pays_everybody_once(
    profile: str, count: int, start: Callable[..., Operator], open_shop: Callable[..., Shop]
) -> None:
    operator = start(profile, chaos=11, chaos_rate=0.3, token_life=5.0)
    shop = open_shop(operator, dedupe_proven=True)
    payroll = shop.approved(shop.invoices(count))
    shop.paymaster.close_store()
    killed = 0
    with Lives() as lives:
        for kill in KILLS:
            killed += lives.live(shop.config, payroll, wait=10.0, **kill) == KILLED
            with Paymaster.open(shop.config) as paymaster:
                paymaster.lift_stop(profile, by="joseph")
    assert killed >= 5
    shop.paymaster = Paymaster.open(shop.config)
    shop.run_on(payroll)
    moved = operator.moved()
    views = shop.paymaster.payments(payroll)
    assert len(views) == count and max(moved.values()) == 1
    for view in views:
        assert moved.get(view.id, 0) in AWAY[view.state], (view, shop.paymaster.events(view.id))
    assert [view.state for view in views].count("paid") > count * 0.6
    assert shop.paymaster.verify().findings == []
