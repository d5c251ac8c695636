"""The dates of a cycle: nothing is sent before it begins unless two people say so; after it, it is paid late."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import ObjectionsStand
from tests.cycles.world import CYCLE, PROGRAMME, generated, people
from tests.office.conftest import at, us

if TYPE_CHECKING:
    from tests.conftest import Shop

Open = Callable[..., "Shop"]
KAMPALA = "Africa/Kampala"
NOVEMBER = {"starts": "2027-11-01", "ends": "2027-11-30"}
EVE, FIRST = us("2027-10-31 23:59", KAMPALA), us("2027-11-01 00:00", KAMPALA)
LAST, AFTER = us("2027-11-30 23:59", KAMPALA), us("2027-12-01 00:00", KAMPALA)


@pytest.fixture
def office(open_shop: Open) -> Shop:
    return open_shop(timezone=KAMPALA)


def selected(shop: Shop, **terms: str) -> str:
    generated(shop.paymaster, people(1, 2), **(terms or NOVEMBER))
    return shop.paymaster.propose_from_pool("nov", CYCLE, by="amina")[0].payroll


def codes(shop: Shop, payroll: str) -> tuple[list[str], list[str]]:
    """Objections, and warnings."""
    report = shop.paymaster.check(payroll)
    return [one.objection.code for one in report.objections], [one.objection.code for one in report.warnings]


@pytest.mark.parametrize(
    ("moment", "said"),
    [(EVE, (["cycle_not_begun"], [])), (FIRST, ([], [])), (LAST, ([], [])), (AFTER, ([], ["cycle_over"]))],
    ids=["the eve", "the first day", "the last day", "the day after"],
)
def test_the_days_are_those_of_the_configured_zone(
    moment: int, said: tuple[list[str], list[str]], office: Shop
) -> None:
    with at(moment):
        assert codes(office, selected(office)) == said


def test_early_it_is_not_approved_without_a_check_either_and_two_people_let_it_go(office: Shop) -> None:
    with at(EVE):
        payroll = selected(office)
        with pytest.raises(ObjectionsStand, match=f"cycle {CYCLE} begins on 2027-11-01; schedule"):
            office.paymaster.approve(payroll, by="joseph")
        office.paymaster.release_objections(payroll, by="grace", reason="the bank is closed tomorrow")
        office.paymaster.approve(payroll, by="joseph", despite="the bank is closed tomorrow")
        assert office.run(payroll).finished
    assert set(office.states(payroll).values()) == {"paid"} and office.paymaster.verify().ok


def test_prepared_before_and_scheduled_within_nothing_speaks_against_it(office: Shop) -> None:
    with at(EVE):
        payroll = selected(office)
        with pytest.raises(ObjectionsStand):
            office.paymaster.approve(payroll, by="joseph")
        office.paymaster.schedule(payroll, at="2027-11-02 08:00", by="amina")
        # What the dates said before is not said any more, without another check.
        office.paymaster.approve(payroll, by="joseph")
        # Nor does who takes the schedule back let it go before the cycle begins.
        office.paymaster.unschedule(payroll, by="amina", reason="at once")
        report = office.run(payroll, wait=0)
        assert report.skipped == {"nov": f"cycle {CYCLE} begins on 2027-11-01"} and report.waiting == 2
    with at(FIRST):
        assert office.run(payroll).finished
    assert set(office.states(payroll).values()) == {"paid"}


def test_late_it_is_told_and_paid(office: Shop) -> None:
    with at(AFTER):
        payroll = selected(office)
        office.paymaster.approve(payroll, by="joseph")
        (told,) = office.paymaster.objections(payroll).warnings
        assert told.objection.message == f"cycle {CYCLE} ended on 2027-11-30"
        assert office.run(payroll).finished


def test_a_cycle_without_dates_has_its_programmes_and_a_payroll_of_a_file_is_in_it_too(office: Shop) -> None:
    office.paymaster.set_programme(PROGRAMME, by="amina", currency="UGX", starts="2027-11-01")
    lines = office.invoices(1, programme=PROGRAMME, cycle="made elsewhere")
    with at(EVE):
        payroll = office.proposed(lines)
        with pytest.raises(ObjectionsStand, match="begins on 2027-11-01"):
            office.paymaster.approve(payroll, by="joseph")
    with at(FIRST):
        office.paymaster.approve(payroll, by="joseph")
