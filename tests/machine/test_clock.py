"""The clock jumps, an hour back or a year forward, during a run and between runs.

Nothing expires or revives by it: nobody is paid twice, and once the clock is right again, everything is settled without
waiting for a time that was never meant.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.payment import Invoice
from gateway_core.testing.kill import Dummy

from .rig import At, Run, agrees

if TYPE_CHECKING:
    from tests.conftest import Shop

HOUR, YEAR = 3600, 365 * 86_400
JUMPS = {"an hour back": -HOUR, "a year forward": YEAR}
MOMENTS: tuple[At, ...] = (("claimed", 1), ("after-commit", 2), ("after-ask", 3), ("before-find_out", 2))
# What is answered at once, and what is in doubt or pending for a while.
ACCOUNTS = (
    "w-0", "w-1", "w-2", "w-3", "fault-silent", "fault-paid-then-drop", "fault-lands-after-not-found", "fault-429",
    "fault-pending-then-paid", "fault-refused-although-paid", "fault-garbage", "fault-redirect",
)  # fmt: skip
PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
OpenHere = Callable[..., "Shop"]


@contextmanager
def jumped(seconds: int) -> Iterator[None]:
    """The machine's clock is off by so much, for everybody who reads it here."""
    right = time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: right() + seconds * 10**9)
        yield


def lines(shop: Shop) -> list[Invoice]:
    return [shop.invoice(n, f"{account}.{n}", cycle=str(shop.folder)) for n, account in enumerate(ACCOUNTS)]


@pytest.mark.few(2)
@pytest.mark.parametrize("at", MOMENTS, ids=lambda at: at[0])
@pytest.mark.parametrize("seconds", JUMPS.values(), ids=list(JUMPS))
@PROVIDERS
def test_it_jumps_during_a_run(
    seconds: int, at: At, no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy]
) -> None:
    shop = open_here(no_dedupe, timeout=0.5)
    payroll = shop.approved(lines(shop))
    run = Run(shop, payroll).with_fault(lambda: jumped(seconds), at, wait=10.0)
    assert run.error is None
    assert not shop.run(payroll).waiting
    agrees(servers[no_dedupe], shop, payroll, held=True, lines=len(ACCOUNTS))


@pytest.mark.parametrize("seconds", JUMPS.values(), ids=list(JUMPS))
@PROVIDERS
@pytest.mark.few(1)
def test_it_jumps_between_runs_and_back(
    seconds: int, no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy]
) -> None:
    shop = open_here(no_dedupe, timeout=0.5)
    payroll = shop.approved(lines(shop))
    shop.run(payroll, wait=0)
    with jumped(seconds):
        shop.run(payroll, wait=0)
        shop.reopen()
        shop.run(payroll, wait=0.5)
    assert not shop.run(payroll).waiting
    agrees(servers[no_dedupe], shop, payroll, held=True, lines=len(ACCOUNTS))


@pytest.mark.parametrize("seconds", JUMPS.values(), ids=list(JUMPS))
@PROVIDERS
@pytest.mark.few(1)
def test_it_was_wrong_when_all_was_sent_and_is_put_right(
    seconds: int, no_dedupe: bool, open_here: OpenHere, servers: dict[bool, Dummy]
) -> None:
    """What waits for an hour or a year that nobody meant is asked about at once."""
    shop = open_here(no_dedupe, timeout=0.5)
    payroll = shop.approved(lines(shop))
    with jumped(seconds):
        shop.run(payroll, wait=0)
    assert "unknown" in shop.states(payroll).values()
    assert not shop.run(payroll).waiting
    agrees(servers[no_dedupe], shop, payroll, held=True, lines=len(ACCOUNTS))
