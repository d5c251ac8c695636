"""A provider's own statement: each line has its state, and its place in totals that add up to the smallest unit."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import attrs
import pytest

from gateway_core.model.errors import NotPermitted, WrongState
from gateway_core.model.money import Money

from .conftest import COLUMNS, MAPPING

if TYPE_CHECKING:
    from tests.conftest import Shop
    from tests.reconciling.conftest import Office, Row

UNKNOWN: Row = {
    "Receipt": "X-1", "External ID": "somebody-elses", "To": "w-9", "Amount": "700", "Status": "SUCCESSFUL",
    "Date": "25/11/2026",
}  # fmt: skip


def test_a_statement_that_agrees_leaves_no_difference(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid([*shop.invoices(3), shop.invoice(7, "fault-refused")])
    shop.paymaster.import_sheet("dummy", office.sheet(office.booked(payroll)), by="amina")
    assert office.differences(payroll) == {}
    report = shop.paymaster.zero_sum(payroll)
    assert report.statement_net == report.gateway_net == report.ours_net == 150_003
    assert report.explained
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    assert shop.paymaster.verify().findings == []


def test_every_kind_of_line_has_its_place_in_the_totals(office: Office) -> None:
    """Part payments, too much, twice, returned, a fee, a line about nobody, one that is missing."""
    shop = office.shop
    payroll = shop.paid(shop.invoices(7))
    rows = office.booked(payroll)
    rows[0]["Amount"] = "30000"
    rows[1]["Amount"] = "60000"
    rows[2] |= {"Amount": "20002"}
    rows += [rows[2] | {"Receipt": "second part", "Amount": "30000"}]
    rows += [rows[3] | {"Receipt": "R-back", "Status": "REVERSED"}]
    rows += [rows[4] | {"Receipt": "again"}]
    rows[5]["Fee"] = "250"
    del rows[6]
    rows += [UNKNOWN]
    shop.paymaster.import_sheet("dummy", office.sheet(rows), by="amina")
    assert office.differences(payroll) == {
        "underpaid": [("inv-0", -20_000)],
        "overpaid": [("inv-1", 9_999), ("inv-4", 50_004)],
        "returned_in_statement": [("inv-3", -50_003)],
        "missing_in_statement": [("inv-6", -50_006)],
        "unknown_line": [("11", 700)],
    }  # fmt: skip
    report = shop.paymaster.zero_sum(payroll)
    assert report.fees == 250 and report.statement_net == report.ours_net + report.deltas["statement"]
    assert not report.explained
    assert shop.paymaster.verify().findings == []


def test_matched_by_reference_then_by_our_ids_then_only_proposed(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(4))
    rows = office.booked(payroll)
    keys = dict(shop.select("SELECT payment, key FROM facts WHERE kind = 'intent'"))
    today = shop.select("SELECT max(at) FROM facts")[0][0]
    day = datetime.datetime.fromtimestamp(today / 1e6, datetime.UTC).strftime("%d/%m/%Y")
    rows[0]["External ID"] = ""
    rows[1] |= {"Receipt": "", "External ID": keys[rows[1]["External ID"]]}
    rows[2] |= {"Receipt": "", "External ID": "inv-2"}
    rows[3] |= {"Receipt": "theirs", "External ID": "", "Date": day}
    path = office.sheet(rows)
    given = shop.paymaster.import_sheet("dummy", path, by="amina")
    assert [line.how for line in shop.paymaster.statement_lines(given.id)] == ["reference", "id", "id", "proposed"]
    # Nothing is guessed: until a person agrees, the line is nobody's, and the payment is missing.
    assert office.differences(payroll) == {
        "missing_in_statement": [("inv-3", -50_003)],
        "proposed_line": [("5", 50_003)],
    }
    shop.paymaster.decide_line(given.id, 5, accept=True, by="amina", reason="I asked her")
    assert office.differences(payroll) == {}
    assert shop.paymaster.verify().findings == []


def test_two_names_that_contradict_are_nobodys(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(2))
    rows = office.booked(payroll)
    rows[0]["External ID"] = rows[1]["External ID"]
    given = shop.paymaster.import_sheet("dummy", office.sheet(rows[:1]), by="amina")
    (line,) = shop.paymaster.statement_lines(given.id, loose=True)
    assert line.payment == "" and "its reference is that of" in line.why


def test_two_people_with_the_same_account_and_amount_are_not_told_apart(office: Office) -> None:
    shop = office.shop
    lines = [shop.invoice(n, "w-shared", cycle=f"2026-{n + 10}") for n in (0, 1)]
    payroll = shop.paid(lines)
    rows = [row | {"Receipt": "theirs", "External ID": ""} for row in office.booked(payroll)]
    given = shop.paymaster.import_sheet("dummy", office.sheet(rows[:1]), by="amina")
    (line,) = shop.paymaster.statement_lines(given.id, loose=True)
    assert line.payment == ""


def test_overlapping_statements_tell_a_booking_once(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(6))
    rows = office.booked(payroll)
    for part in (rows[:4], rows[2:], rows):
        shop.paymaster.import_sheet("dummy", office.sheet(part), by="amina")
    assert office.differences(payroll) == {}


def test_a_difference_is_explained_or_gone_before_it_closes(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(3))
    rows = office.booked(payroll)
    rows[0]["Amount"] = "50001"
    shop.paymaster.import_sheet("dummy", office.sheet([*rows[:2], UNKNOWN]), by="amina")
    shop.paymaster.reconcile(payroll, by="amina")
    with pytest.raises(WrongState):
        shop.paymaster.close(payroll, by="joseph")
    shop.paymaster.explain(payroll, by="amina", reason="the provider rounds up", only=["inv-0"])
    shop.paymaster.explain(payroll, by="amina", reason="another programme's", kind="unknown_line")
    shop.paymaster.reconcile(payroll, by="amina")
    with pytest.raises(WrongState):
        shop.paymaster.close(payroll, by="joseph")
    late = office.sheet(rows[2:])
    shop.paymaster.import_sheet("dummy", late, by="amina")
    shop.paymaster.reconcile(payroll, by="amina")
    for case in shop.paymaster.cases():
        shop.paymaster.close_case(case.id, by="amina", reason="asked the provider")
    with pytest.raises(NotPermitted):
        shop.paymaster.close(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    assert shop.paymaster.verify().findings == []


def test_an_explanation_holds_only_as_long_as_the_difference_is_the_same(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(1))
    rows = office.booked(payroll)
    first = shop.paymaster.import_sheet("dummy", office.sheet([rows[0] | {"Amount": "49000"}]), by="amina")
    assert shop.paymaster.explain(payroll, by="amina", reason="a fee", kind="underpaid") == 1
    assert shop.paymaster.zero_sum(payroll).explained
    other = office.sheet([rows[0] | {"Amount": "48000"}])
    shop.paymaster.import_sheet("dummy", other, by="amina", replaces=first.id)
    assert not shop.paymaster.zero_sum(payroll).explained


def test_a_return_that_a_statement_tells_is_asked_about_where_the_rail_can_be_asked(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid([shop.invoice(0, "w-0")])
    back = office.booked(payroll)[0] | {"Receipt": "R-back", "Status": "REVERSED"}
    given = shop.paymaster.import_sheet("dummy", office.sheet([back]), by="amina")
    shop.paymaster.confirm_file(given.id, by="joseph", reason="seen")
    assert shop.states(payroll) == {"inv-0": "paid"}
    assert office.differences(payroll) == {"returned_in_statement": [("inv-0", -50_000)]}


def test_where_it_cannot_be_asked_two_people_say_that_it_came_back(mute: Office) -> None:
    shop = mute.shop
    payroll = shop.paid([shop.invoice(0, "w-0"), shop.invoice(1, "w-1")])
    back = mute.booked(payroll)
    rows = [*back, back[0] | {"Receipt": "R-back", "Status": "REVERSED", "Remark": "account closed"}]
    given = shop.paymaster.import_sheet("dummy", mute.sheet(rows), by="amina")
    assert shop.paymaster.confirm_file(given.id, by="joseph", reason="seen").settled == 1
    assert shop.states(payroll) == {"inv-0": "returned", "inv-1": "paid"}
    assert mute.differences(payroll) == {}
    assert shop.paymaster.verify().findings == []


def without_currency(**columns: str) -> dict[str, object]:
    return {**MAPPING, "currency": "", "columns": {**COLUMNS, **columns}}


def dollars(shop: Shop, channel: str) -> str:
    """A payroll in another currency, the last of the store."""
    line = attrs.evolve(shop.invoice(9, "w-9"), amount=Money(700, "USD"))
    payroll = shop.paymaster.propose("dollars", [line], channel=channel, by="amina")
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll)
    return payroll


def test_amounts_without_a_currency_are_in_that_of_the_channel(office: Office) -> None:
    """And in no other channel's, whatever was paid last."""
    shop, known = office.shop, office.shop.config["channels"]["dummy"]
    channel = {**known, "statement": without_currency()}
    shop.reopen(channels={"dummy": channel, "other": {k: v for k, v in known.items() if k != "statement"}})
    payroll = shop.paid(shop.invoices(2))
    dollars(shop, "other")
    rows = office.booked(payroll)
    rows[0]["Amount"] = "60000"
    shop.paymaster.import_sheet("dummy", office.sheet(rows), by="amina")
    assert office.differences(payroll) == {"overpaid": [("inv-0", 10_000)]}


def test_nobody_guesses_the_currency_of_a_channel_that_pays_in_two(office: Office) -> None:
    shop, known = office.shop, office.shop.config["channels"]["dummy"]
    shop.reopen(channels={"dummy": {**known, "statement": without_currency()}})
    payroll = shop.paid(shop.invoices(1))
    dollars(shop, "dummy")
    with pytest.raises(WrongState, match="UGX, USD"):
        shop.paymaster.import_sheet("dummy", office.sheet(office.booked(payroll)), by="amina")


def test_a_line_in_another_currency_than_its_payment_keeps_the_payroll_open(office: Office) -> None:
    """It is no line of nobody's, and its cents are no shillings."""
    shop, known = office.shop, office.shop.config["channels"]["dummy"]
    payroll = shop.paid(shop.invoices(1))
    shop.reopen(channels={"dummy": {**known, "statement": {**MAPPING, "currency": "USD"}}})
    shop.paymaster.import_sheet("dummy", office.sheet(office.booked(payroll)), by="amina")
    assert office.differences(payroll) == {"missing_in_statement": [("inv-0", -50_000)], "unknown_line": [("2", 0)]}
    assert not shop.paymaster.zero_sum(payroll).explained
    assert shop.paymaster.verify().findings == []
