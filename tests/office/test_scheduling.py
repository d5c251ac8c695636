"""A scheduled payroll is paid when its moment comes, not before; what was sent is asked about at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.cli.sending import code_of
from gateway_core.model.errors import WrongState

from .conftest import at, us

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

Open = Callable[..., "Shop"]
KAMPALA, BERLIN = "Africa/Kampala", "Europe/Berlin"
MINUTE, DAY = 60_000_000, 86_400_000_000
EIGHT = us("2027-12-01 08:00", KAMPALA)


def scheduled(shop: Shop, name: str = "payroll", *, wall: str = "2027-12-01 08:00", zone: str = KAMPALA) -> str:
    lines = [shop.invoice(n, f"w-{n:04d}", cycle=str(shop.folder) + name) for n in range(3)]
    payroll = shop.approved(lines, name)
    shop.paymaster.schedule(payroll, at=wall, zone=zone, by="amina")
    return payroll


def test_nothing_is_sent_before_and_everything_after(shop: Shop, dummy: Dummy) -> None:
    with at(EIGHT - DAY):
        payroll = scheduled(shop)
        (one,) = shop.paymaster.schedules()
        assert (one.at, one.shown, one.by) == (EIGHT, "2027-12-01 08:00 Africa/Kampala", "amina")
        report = shop.run(payroll, wait=0)
        assert (report.next_due, code_of(report)) == (EIGHT, 4)
        assert report.skipped == {"payroll": "scheduled for 2027-12-01 08:00 Africa/Kampala"}
    with at(EIGHT - MINUTE):
        assert shop.run(wait=0).waiting == 3
        assert shop.paymaster.start_due().next_due == EIGHT
        assert set(shop.states(payroll).values()) == {"ready"}
    with at(EIGHT):
        assert code_of(shop.paymaster.start_due()) == 0
    assert set(shop.states(payroll).values()) == {"paid"}
    assert shop.paymaster.schedules() == []
    assert shop.paymaster.verify().ok


def test_a_schedule_is_a_fact_of_a_person_and_a_changed_moment_is_found(shop: Shop) -> None:
    with at(EIGHT - DAY):
        payroll = scheduled(shop)
    fact = shop.paymaster.events(payroll)[-1]
    assert (fact.kind, fact.source, fact.details["zone"]) == ("scheduled", "amina", KAMPALA)
    assert shop.paymaster.verify().ok
    shop.change_store("UPDATE payrolls SET pay_at = 0 WHERE id = ?", payroll)
    assert not shop.paymaster.verify().ok


def test_a_run_that_waits_begins_when_the_moment_comes(shop: Shop) -> None:
    with at(EIGHT - MINUTE):
        payroll = scheduled(shop)
    with at(EIGHT - MINUTE // 60):
        assert shop.run(payroll, wait=20).finished
    assert set(shop.states(payroll).values()) == {"paid"}


def test_what_was_sent_is_asked_about_before_the_moment(open_shop: Open) -> None:
    shop = open_shop(channel={"ask_after": 0.1, "ask_at_most": 0.1})
    lines = [shop.invoice(0, "fault-pending-then-paid", cycle=str(shop.folder)),
             shop.invoice(1, "w-1", cycle=str(shop.folder))]  # fmt: skip
    payroll = shop.approved(lines)
    shop.run(payroll, wait=0)
    assert "pending" in shop.states(payroll).values()
    shop.paymaster.schedule(payroll, at="2099-12-01 08:00", zone=KAMPALA, by="amina")
    shop.run(payroll, wait=10)
    assert set(shop.states(payroll).values()) == {"paid"}


def test_the_scheduler_starts_only_what_is_scheduled(shop: Shop) -> None:
    with at(EIGHT - DAY):
        planned = scheduled(shop, "planned")
    other = shop.approved(shop.invoices(2, cycle=str(shop.folder)), "other")
    with at(EIGHT):
        shop.paymaster.start_due()
        assert set(shop.states(planned).values()) == {"paid"}
        assert set(shop.states(other).values()) == {"ready"}
        shop.run(wait=0)
        assert set(shop.states(other).values()) == {"paid"}


@pytest.mark.parametrize(("hours", "anew"), [(None, False), (2, False), (2, True)])
def test_missed_is_paid_late_or_waits_for_a_person(hours: int | None, anew: bool, open_shop: Open) -> None:
    shop = open_shop(**({"schedule_grace": hours} if hours else {}))
    with at(EIGHT - DAY):
        payroll = scheduled(shop)
    with at(EIGHT + 3 * 60 * MINUTE):
        report = shop.run(payroll, wait=0)
        if hours is None:
            assert report.finished
        else:
            assert report.skipped["payroll"] == "missed: it was to be paid at 2027-12-01 08:00 Africa/Kampala"
            assert set(shop.states(payroll).values()) == {"ready"}
            if anew:
                shop.paymaster.schedule(payroll, at="2027-12-01 11:01", zone=KAMPALA, by="joseph")
            else:
                shop.paymaster.resume(payroll, by="joseph")
    with at(EIGHT + (3 * 60 + 1) * MINUTE):
        if hours is not None:
            shop.paymaster.start_due()
        assert set(shop.states(payroll).values()) == {"paid"}
    assert shop.paymaster.verify().ok


def test_within_the_grace_it_is_not_missed_nor_when_it_was_approved_later(open_shop: Open) -> None:
    shop = open_shop(schedule_grace=2)
    with at(EIGHT - DAY):
        first = scheduled(shop, "first")
        second = shop.proposed(shop.invoices(2, cycle=str(shop.folder)), "second")
        shop.paymaster.schedule(second, at="2027-12-01 08:00", zone=KAMPALA, by="amina")
    with at(EIGHT + 119 * MINUTE):
        shop.run(wait=0)
    assert set(shop.states(first).values()) == {"paid"}
    with at(EIGHT + 9 * 60 * MINUTE):
        shop.paymaster.approve(second, by="joseph")
        shop.run(wait=0)
    assert set(shop.states(second).values()) == {"paid"}


def test_a_paused_payroll_stays_paused_when_its_moment_comes(shop: Shop) -> None:
    with at(EIGHT - DAY):
        payroll = scheduled(shop)
        shop.paymaster.pause(payroll, by="joseph", reason="the register is being mended")
    with at(EIGHT + DAY):
        assert shop.run(wait=0).skipped == {"payroll": "the register is being mended"}
        assert set(shop.states(payroll).values()) == {"ready"}
        shop.paymaster.resume(payroll, by="joseph")
        assert shop.run(wait=0).finished


def test_anew_and_not_at_all(shop: Shop) -> None:
    with at(EIGHT - DAY):
        payroll = scheduled(shop)
        shop.paymaster.schedule(payroll, at="2027-12-02 08:00", zone=KAMPALA, by="grace")
    with at(EIGHT + MINUTE):
        assert shop.run(wait=0).next_due == EIGHT + DAY
        shop.paymaster.unschedule(payroll, by="grace", reason="today after all")
        assert shop.run(wait=0).finished
        with pytest.raises(WrongState, match="not scheduled"):
            shop.paymaster.unschedule(payroll, by="grace", reason="again")
    assert shop.paymaster.verify().ok


# wall clock, its zone, what the clock does with it, and in UTC the last moment at which nothing is sent yet
TURNS = {
    "summer time ends: the first time": ("2027-10-31 02:30", BERLIN, "twice", "2027-10-31 00:29"),
    "summer time begins: when the clock jumps": ("2027-03-28 02:30", BERLIN, "never", "2027-03-28 00:59"),
    "the first time that it shows again": ("2027-03-28 03:00", BERLIN, "", "2027-03-28 00:59"),
    "west of Greenwich, twice": ("2027-11-07 01:30", "America/New_York", "twice", "2027-11-07 05:29"),
    "in the southern spring, never": ("2027-10-03 02:15", "Australia/Sydney", "never", "2027-10-02 15:59"),
    "by half an hour only, never": ("2027-10-03 02:15", "Australia/Lord_Howe", "never", "2027-10-02 15:29"),
    "by half an hour only, twice": ("2027-04-04 01:45", "Australia/Lord_Howe", "twice", "2027-04-03 14:44"),
    "at midnight, which the day has not": ("2028-03-26 00:00", "Asia/Beirut", "never", "2028-03-25 21:59"),
    "a day that was left out": ("2011-12-30 08:00", "Pacific/Apia", "never", "2011-12-30 09:59"),
    "a zone by three quarters of an hour": ("2027-12-01 08:00", "Asia/Kathmandu", "", "2027-12-01 02:14"),
}


@pytest.mark.parametrize("turn", TURNS)
def test_the_scheduler_begins_when_the_clock_of_the_zone_says_so(turn: str, shop: Shop) -> None:
    wall, zone, often, before = TURNS[turn]
    eve = us(before, "UTC")
    with at(eve - DAY):
        payroll = scheduled(shop, wall=wall, zone=zone)
        (one,) = shop.paymaster.schedules()
        assert (one.at, one.often) == (eve + MINUTE, often)
    with at(eve):
        assert shop.paymaster.start_due().next_due == eve + MINUTE
        assert set(shop.states(payroll).values()) == {"ready"}
    with at(eve + MINUTE):
        shop.paymaster.start_due()
        assert set(shop.states(payroll).values()) == {"paid"}


CLOSED = {"timezone": KAMPALA, "holidays": ["2027-12-01"], "channel": {"quiet_hours": ["18:00", "07:00"]}}
REFUSED = [
    ("2027-12-01 08:00", "", "nothing is sent before 2027-12-02 07:00"),
    ("2027-12-02 06:59", "", "nothing is sent before 2027-12-02 07:00"),
    ("2027-12-02 00:30", BERLIN, "nothing is sent before 2027-12-02 05:00 Europe/Berlin"),
    ("2027-11-01 08:00", "", "is past"),
    ("2027-12-02 08:00", "Nowhere", "no time zone"),
    ("tomorrow", "", "write YYYY-MM-DD"),
]


@pytest.mark.parametrize(("wall", "zone", "why"), REFUSED)
def test_a_time_at_which_nothing_can_be_sent_is_refused(wall: str, zone: str, why: str, open_shop: Open) -> None:
    shop = open_shop(**CLOSED)
    payroll = shop.approved(shop.invoices(1, cycle=str(shop.folder)))
    with at(EIGHT - 2 * DAY), pytest.raises(WrongState, match=why):
        shop.paymaster.schedule(payroll, at=wall, zone=zone, by="amina")
    assert shop.paymaster.schedules() == []


def test_a_holiday_that_was_listed_later_is_kept(open_shop: Open) -> None:
    shop = open_shop()
    with at(EIGHT - DAY):
        payroll = scheduled(shop)
    shop.reopen(timezone=KAMPALA, holidays=["2027-12-01"])
    with at(EIGHT + MINUTE):
        assert shop.run(wait=0).next_due == us("2027-12-02 00:00", KAMPALA)
        assert set(shop.states(payroll).values()) == {"ready"}
    with at(us("2027-12-02 00:00", KAMPALA)):
        assert shop.run(wait=0).finished


def test_a_zone_is_needed_and_the_configured_one_will_do(open_shop: Open) -> None:
    shop = open_shop()
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    with at(EIGHT - DAY), pytest.raises(WrongState, match="in which time zone"):
        shop.paymaster.schedule(payroll, at="2027-12-01 08:00", by="amina")
    shop.reopen(timezone=KAMPALA)
    with at(EIGHT - DAY):
        assert shop.paymaster.schedule(payroll, at="2027-12-01 08:00", by="amina").at == EIGHT


def test_what_is_over_is_not_scheduled(shop: Shop) -> None:
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    shop.paymaster.reject(payroll, by="joseph", reason="no")
    with pytest.raises(WrongState, match="nothing left to schedule"):
        shop.paymaster.schedule(payroll, at="2099-12-01 08:00", zone=KAMPALA, by="amina")
