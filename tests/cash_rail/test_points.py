"""Payment points and who runs them: said by people, held against payrolls, and never silently changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core import Account
from gateway_core.cash.stations import Device, Manager, Point
from gateway_core.model.beneficiary import Beneficiary
from gateway_core.model.errors import ConfigurationError, InvalidPayroll, ObjectionsStand

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Till

P1 = Point(code="P1", name="Gulu market", manager="M1")


@pytest.mark.parametrize(
    ("point", "fields"),
    [
        (Point(code="a b"), {"code"}),
        (Point(code="P2", manager="nobody"), {"manager"}),
        (Point(code="P2", latitude=91_000_000, longitude=181_000_000, radius=-1), {"latitude", "longitude", "radius"}),
        (Point(code="P2", day_amount=1), {"currency"}),
        (Point(code="P2", day_lines=-1), {"day_lines"}),
    ],
)
def test_every_mistake_is_said_at_once_and_nothing_is_written(till: Till, point: Point, fields: set[str]) -> None:
    with pytest.raises(InvalidPayroll) as refused:
        till.paymaster.set_point(point, by="amina")
    assert {mistake.field for mistake in refused.value.mistakes} == fields
    assert [one.code for one in till.paymaster.points()] == ["P1"]


def test_managers_and_devices_have_their_mistakes_too(till: Till) -> None:
    with pytest.raises(InvalidPayroll):
        till.paymaster.set_manager(Manager(code="M2", name="", kind="robot"), by="amina")
    with pytest.raises(InvalidPayroll):
        till.paymaster.set_device(Device(code="phone-1", key="none"), by="amina")
    till.paymaster.set_manager(Manager(code="M2", name="MTN", kind="provider"), by="amina")
    assert [one.code for one in till.paymaster.managers()] == ["M1", "M2"]


def test_points_serve_groups_and_locations(till: Till) -> None:
    till.paymaster.set_point(Point(code="P2", groups=("elderly",), locations=("gulu",)), by="amina")
    till.paymaster.set_point(Point(code="P3", locations=("gulu",), suspended=True), by="amina")
    assert [one.code for one in till.paymaster.points(location="gulu")] == ["P2"]
    assert [one.code for one in till.paymaster.points(group="elderly")] == ["P2"]
    assert not till.paymaster.points(group="gulu")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"day_lines": 1}, "point_limit"), ({"day_amount": 20_000, "currency": "UGX"}, "point_limit"),
        ({"day_amount": 10**9, "currency": "KES"}, "point_limit"), ({"suspended": True}, "point_suspended"),
        ({"day_lines": 2, "day_amount": 100_000, "currency": "UGX"}, ""),
    ],
)  # fmt: skip
def test_limits_are_per_day_and_a_list_has_its_days(
    open_till: Callable[..., Till], changes: dict[str, Any], code: str
) -> None:
    till = open_till(days=2)
    till.paymaster.set_point(attrs.evolve(P1, **changes), by="amina")
    report = till.paymaster.check(till.shop.proposed(till.invoices(3)))
    assert {found.objection.code for found in report.objections} == ({code} if code else set())


def test_a_limit_is_for_all_payrolls_of_those_days(open_till: Callable[..., Till]) -> None:
    till = open_till(days=2)
    till.paymaster.set_point(attrs.evolve(P1, day_lines=2), by="amina")
    till.issued(3)
    more = till.shop.proposed(till.invoices(2, programme="other"), "second")
    assert [found.objection.code for found in till.paymaster.check(more).objections] == ["point_limit"] * 2
    paper = till.paper()
    for line in (1, 2):
        till.phone.pay(paper, line)
    till.submit(till.phone.sends())
    till.paymaster.accept_proofs(paper["id"], by="joseph")
    assert not till.paymaster.check(more).objections, "what is paid is none of these days' any more"


def test_a_point_that_was_suspended_meanwhile_gets_no_list(till: Till) -> None:
    payroll = till.shop.approved(till.invoices(2))
    till.paymaster.set_point(attrs.evolve(P1, suspended=True), by="joseph")
    till.run(payroll)
    assert set(till.states().values()) == {"held"}
    assert not till.papers()
    till.whole()


@pytest.mark.parametrize("setting", [{"days": 0}, {"lines": 0}, {"point_zone": "Mars"}, {"columns": ["moon"]}])
def test_settings_that_cannot_be_are_refused_with_their_reason(
    open_till: Callable[..., Till], setting: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        open_till(**setting).paymaster.configuration.channel("cash")


def test_points_of_each_list_are_apart_and_lists_have_a_limit(open_till: Callable[..., Till]) -> None:
    till = open_till(lines=2)
    till.paymaster.set_point(Point(code="P2"), by="amina")
    here, there = till.invoices(3), till.invoices(5, point="P2")[3:]
    till.run(till.shop.approved([*here, *there]))
    assert sorted((paper["point"], len(paper["lines"])) for paper in till.papers()) == [("P1", 1), ("P1", 2), ("P2", 2)]


@pytest.mark.parametrize(
    ("extra", "point", "code"),
    [
        ({"location": "gulu"}, "P1", ""), ({"group": "elderly"}, "P2", ""), ({"Location": " gulu "}, "P1", ""),
        ({"location": "arua", "group": "elderly"}, "P2", ""), ({"location": "gulu", "group": "mothers"}, "P1", ""),
        ({"location": "gulu", "group": "elderly"}, "", "several_points"), ({"location": "lira"}, "", "several_points"),
        ({"location": "kitgum"}, "", "no_point"), ({"location": "moroto"}, "", "no_point"), ({}, "", "missing"),
    ],
)  # fmt: skip
def test_who_names_no_point_is_paid_at_the_one_that_serves(
    till: Till, extra: dict[str, str], point: str, code: str
) -> None:
    served: dict[str, dict[str, Any]] = {
        "P1": {"locations": ("gulu", "lira"), "groups": ("mothers",)},
        "P2": {"locations": ("lira", "arua"), "groups": ("elderly",)},
        "P3": {"locations": ("moroto",), "suspended": True},
        "P4": {"groups": ("mothers",)},
    }
    for name, said in served.items():
        till.paymaster.set_point(Point(code=name, **said), by="amina")
    (nowhere,) = till.invoices(1, point="", extra=extra)
    (somewhere,) = till.invoices(2, point="P4", extra=extra)[1:]
    if code:
        with pytest.raises(InvalidPayroll) as refused:
            till.shop.proposed([nowhere, somewhere])
        (mistake,) = refused.value.mistakes
        assert (mistake.line, mistake.field, mistake.code) == (1, "account", code)
        return
    payroll = till.shop.proposed([nowhere, somewhere])
    till.paymaster.set_point(Point(code=point), by="amina")
    till.paymaster.set_point(Point(code="P4", **served[point]), by="amina")
    till.paymaster.approve(payroll, by="joseph")
    till.run(payroll)
    assert sorted(paper["point"] for paper in till.papers()) == [point, "P4"], "as it was proposed, and then approved"
    till.whole()


def test_what_a_cycle_generates_is_paid_at_the_point_that_serves(till: Till) -> None:
    till.paymaster.set_point(Point(code="P2", locations=("lira",)), by="amina")
    till.paymaster.set_programme("grant", by="amina", currency="UGX", amount="50000", channel="cash")
    till.paymaster.set_cycle("grant", "1", by="amina")
    where = Account("payment_point", "")
    people = [Beneficiary(id="B-1", name="Rose Atim", account=where, extra={"location": "lira"})]
    till.paymaster.generate("grant/1", people, by="amina")
    (made,) = till.paymaster.propose_from_pool("round", "grant/1", by="amina")
    assert [view.account for view in till.paymaster.payments(made.payroll)] == ["P2"]
    with pytest.raises(InvalidPayroll, match="no payment point serves location 'kitgum'"):
        strangers = [attrs.evolve(people[0], id="B-2", extra={"location": "kitgum"})]
        till.paymaster.generate("grant/1", strangers, by="amina")


def test_two_payrolls_that_were_checked_beside_each_other_do_not_both_pass_the_limit(till: Till) -> None:
    """The second is looked at again when it is approved: the first one is by then."""
    till.paymaster.set_point(Point(code="P1", manager="M1", day_lines=1), by="amina")
    first, second = (till.shop.proposed(till.invoices(7, cycle=name), name) for name in ("one", "two"))
    assert till.paymaster.check(first).good and till.paymaster.check(second).good
    till.paymaster.approve(first, by="joseph")
    with pytest.raises(ObjectionsStand, match="with the other payrolls it has 14 for 7 days"):
        till.paymaster.approve(second, by="joseph")


def test_what_one_point_pays_out_is_held_above_its_cap_when_the_list_is_made(till: Till) -> None:
    paymaster = till.paymaster
    paymaster.set_point(Point(code="P2", name="Lira market", manager="M1"), by="amina")
    paymaster.set_programme("child-grant", by="amina", currency="UGX", amount="50000")
    paymaster.set_cycle("child-grant", "2026-11", by="amina")
    far = [attrs.evolve(one, id="inv-far", beneficiary="ben-far") for one in till.invoices(1, "P2")]
    payroll = till.shop.approved([*till.invoices(2), *far])
    paymaster.set_cycle("child-grant", "2026-11", by="amina", caps={"payment_point": "60000"})
    till.run(payroll)
    assert till.states() == {"inv-0": "held", "inv-1": "held", "inv-far": "pending"}
    assert {one.reason for one in paymaster.holds(payroll)} == {
        "the limits: cap_payment_point: 100000 UGX at P1 is above 60000 UGX per payment point"
    }
    assert [[line["invoice"] for line in paper["lines"]] for paper in till.papers()] == [["inv-far"]]
