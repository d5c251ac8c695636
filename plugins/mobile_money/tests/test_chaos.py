"""Payrolls in chaos: all faults at random, on requests, questions and callbacks. Nobody is paid twice or lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Operator, Shop

COUNT = 120
# (profile, what its simulator does besides, what its channel is configured with)
SETTINGS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("gsma", {}, {"dedupe_proven": True}),
    ("gsma", {"mode": "polling"}, {"dedupe_proven": True, "callbacks": False}),
    ("gsma", {"mode": "sync", "links": "absolute"}, {"dedupe_proven": True}),
    ("mtn", {}, {"dedupe_proven": True}),
    ("mpesa", {}, {"dedupe_proven": True}),
    ("airtel", {}, {"dedupe_proven": True}),
    # Providers that pay a repeated key again, on channels where nothing was proven.
    ("gsma", {"dedupe": False}, {}),
    ("mtn", {"dedupe": False}, {}),
    ("mpesa", {"dedupe": False}, {}),
    ("airtel", {"dedupe": False}, {}),
]
# These are tried on every machine, the others in CI.
ALWAYS = {0}
# What an operator never decides, or says so late that patience is over, is left to people, and nothing else: with a key
# that is honoured every doubt is cleared by asking.
UNDECIDED = re.compile(r"pending for longer than the rail's patience|asked \d+ times without a definite answer")
# Whether money may be away at the end. Of a held payment nobody knows.
AWAY = {"paid": {1}, "refused": {0}, "returned": {0, 1}, "held": {0, 1}}


@pytest.mark.parametrize(
    ("profile", "simulator", "channel"),
    [one if number in ALWAYS else pytest.param(*one, marks=pytest.mark.deep) for number, one in enumerate(SETTINGS)],
    ids=lambda value: str(value),
)
@pytest.mark.few(4)
def test_in_chaos_everybody_is_paid_exactly_once(
    profile: str,
    simulator: dict[str, Any],
    channel: dict[str, Any],
    start: Callable[..., Operator],
    open_shop: Callable[..., Shop],
) -> None:
    operator = start(profile, chaos=7, chaos_rate=0.4, token_life=3.0, **simulator)
    shop = open_shop(operator, patience=30.0, **channel)
    payroll = shop.approved(shop.invoices(COUNT))
    # Until nothing is open: on a slow machine several runs.
    for _ in range(10):
        shop.run_on(payroll)
        if set(shop.states(payroll).values()) <= set(AWAY):
            break
    moved = operator.moved()
    states: dict[str, int] = {}
    for view in shop.paymaster.payments(payroll):
        states[view.state] = states.get(view.state, 0) + 1
        assert moved.get(view.id, 0) in AWAY[view.state], (view, shop.paymaster.events(view.id))
    assert sum(states.values()) == COUNT and max(moved.values()) == 1
    assert states["paid"] > COUNT * 0.6, states
    if channel.get("dedupe_proven"):
        held = {view.reason for view in shop.paymaster.payments(payroll) if view.state == "held"}
        assert all(UNDECIDED.fullmatch(why) for why in held), held
    assert shop.paymaster.verify().findings == []
