"""By file: a payroll's list is downloaded, filled in, tried, taken whole or not at all, and agreed with by a second."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

import openpyxl  # type: ignore[import-untyped]
import pytest

from gateway_core.model.errors import InvalidPayroll, MakerIsChecker, WrongState

if TYPE_CHECKING:
    from tests.reconciling.conftest import Office, Row

PAID = {"paid": "yes", "receipt": "R-1", "paid_on": "2026-11-25"}


def effects(office: Office, payroll: str, cells: Mapping[str, Row]) -> dict[str, str]:
    with office.shop.paymaster.preview_list(payroll, office.filled(payroll, cells)) as taken:
        assert taken.mistakes == []
        return {change.invoice: change.effect for change in taken.changes()}


def test_a_dry_run_tells_row_by_row_and_writes_nothing(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid([shop.invoice(0, "w-0"), shop.invoice(1, "fault-refused"), shop.invoice(2, "w-2")])
    before = shop.select("SELECT count(*) FROM facts")
    found = effects(office, payroll, {"inv-0": PAID, "inv-1": {"paid": "yes"}, "inv-2": PAID | {"paid_amount": "1"}})
    assert found == {"inv-0": "agrees", "inv-1": "differs", "inv-2": "differs"}
    assert shop.select("SELECT count(*) FROM facts") == before
    assert shop.select("SELECT count(*) FROM statements") == [(0,)]


def test_every_mistake_is_told_with_its_line_and_then_nothing_is_taken(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(6))
    cells = {
        "inv-0": {"paid": "perhaps"}, "inv-1": PAID | {"paid_amount": "50 000"},
        "inv-2": PAID | {"paid_on": "25/11/2026"}, "inv-3": PAID | {"receipt": "=1+1"},
        "inv-4": PAID | {"payment": "nobody"}, "inv-5": PAID,
    }  # fmt: skip
    path = office.filled(payroll, cells)
    with shop.paymaster.preview_list(payroll, path) as taken:
        assert {(mistake.line, mistake.code) for mistake in taken.mistakes} == {
            (2, "unknown_status"), (3, "separators"), (4, "bad_date"), (5, "formula"), (6, "unknown_payment"),
        }  # fmt: skip
    with pytest.raises(InvalidPayroll) as caught:
        shop.paymaster.import_list(payroll, path, by="amina")
    assert len(caught.value.mistakes) == 5
    assert shop.paymaster.statements() == []
    assert shop.select("SELECT count(*) FROM statement_lines") == [(0,)]


def test_what_was_never_sent_is_no_line_of_a_list(office: Office) -> None:
    shop = office.shop
    payroll = shop.approved(shop.invoices(2))
    paid = shop.paid(shop.invoices(2, cycle="2026-12"), "other")
    path = office.filled(paid, {"inv-0": PAID})
    text = path.read_text().replace(shop.paymaster.payments(paid)[0].id, shop.paymaster.payments(payroll)[0].id)
    path.write_text(text)
    with shop.paymaster.preview_list(payroll, path) as taken:
        assert {mistake.code for mistake in taken.mistakes} == {"never_sent"}


def test_the_same_file_twice_changes_nothing(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(3))
    path = office.filled(payroll, {"inv-0": PAID, "inv-1": PAID | {"receipt": "R-2"}})
    first = shop.paymaster.import_list(payroll, path, by="amina")
    facts = shop.select("SELECT count(*) FROM facts")
    again = shop.paymaster.import_list(payroll, path, by="joseph")
    assert again == first and again.by == "amina"
    assert shop.select("SELECT count(*) FROM facts") == facts
    with shop.paymaster.preview_list(payroll, path) as taken:
        assert taken.known == first.id


def test_a_changed_copy_is_shown_against_the_first_and_taken_only_in_its_place(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(3))
    first = shop.paymaster.import_list(payroll, office.filled(payroll, {"inv-0": PAID, "inv-1": PAID}), by="amina")
    changed = office.filled(payroll, {"inv-0": PAID, "inv-1": {"paid": "no", "reason": "moved away"}, "inv-2": PAID})
    with shop.paymaster.preview_list(payroll, changed) as taken:
        assert [(one.earlier, one.before.split()[0], one.now.split()[0]) for one in taken.contradictions] == [
            (first.id, "paid", "refused")
        ]
        assert {change.invoice: change.effect for change in taken.changes()}["inv-0"] == "known"
    with pytest.raises(WrongState, match="otherwise"):
        shop.paymaster.import_list(payroll, changed, by="amina")
    second = shop.paymaster.import_list(payroll, changed, by="amina", replaces=first.id)
    assert [(one.id, one.state) for one in shop.paymaster.statements(payroll)] == [
        (first.id, "replaced"), (second.id, "applied"),
    ]  # fmt: skip
    assert list(office.differences(payroll)) == ["missing_in_statement"]
    assert shop.paymaster.verify().findings == []


def test_one_persons_row_never_outranks_asking_the_rail(office: Office) -> None:
    """The list says that the refused one was paid and the paid one was not: two people agree, and nothing moves."""
    shop = office.shop
    payroll = shop.paid([shop.invoice(0, "w-0"), shop.invoice(1, "fault-refused")])
    states = shop.states(payroll)
    given = shop.paymaster.import_list(
        payroll, office.filled(payroll, {"inv-0": {"paid": "no"}, "inv-1": PAID}), by="amina"
    )
    done = shop.paymaster.confirm_file(given.id, by="joseph", reason="as amina says")
    assert (done.settled, done.left) == (0, 2)
    assert shop.states(payroll) == states
    assert office.differences(payroll) == {
        "missing_in_statement": [("inv-0", -50_000)], "paid_in_statement": [("inv-1", 50_000)],
    }  # fmt: skip


def test_where_the_rail_cannot_be_asked_two_people_settle_by_a_file(mute: Office) -> None:
    shop = mute.shop
    payroll = shop.paid([shop.invoice(0, "w-0"), *(shop.invoice(n, "fault-silent", 50_000 + n) for n in (1, 2, 3))])
    assert shop.states(payroll) == {"inv-0": "paid", "inv-1": "held", "inv-2": "held", "inv-3": "held"}
    cells = {
        "inv-0": PAID, "inv-1": PAID | {"receipt": "R-7"}, "inv-2": {"paid": "no", "reason": "not there"},
        "inv-3": PAID | {"paid_amount": "20000"},
    }  # fmt: skip
    given = shop.paymaster.import_list(payroll, mute.filled(payroll, cells), by="amina")
    with pytest.raises(MakerIsChecker):
        shop.paymaster.confirm_file(given.id, by="Amina", reason="it is so")
    assert shop.states(payroll)["inv-1"] == "held"
    done = shop.paymaster.confirm_file(given.id, by="joseph", reason="seen on the paper")
    assert (done.settled, done.left) == (2, 2)
    # A part payment is for people, not for a rule.
    assert shop.states(payroll) == {"inv-0": "paid", "inv-1": "paid", "inv-2": "refused", "inv-3": "held"}
    assert {view.invoice: view.reference for view in shop.paymaster.payments(payroll)}["inv-1"] == "R-7"
    again = shop.paymaster.confirm_file(given.id, by="joseph", reason="seen on the paper")
    assert again.settled == 0
    assert shop.paymaster.verify().findings == []


def test_a_file_given_by_mistake_counts_no_more(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(2))
    given = shop.paymaster.import_list(payroll, office.filled(payroll, {"inv-0": PAID}), by="amina")
    assert office.differences(payroll) == {"missing_in_statement": [("inv-1", -50_001)]}
    shop.paymaster.withdraw_file(given.id, by="amina", reason="the wrong month")
    assert office.differences(payroll) == {}
    assert shop.paymaster.verify().findings == []


def test_the_list_goes_out_and_comes_back_as_a_workbook(office: Office) -> None:
    """Filled in by another library, as a spreadsheet would: real dates, real numbers."""
    shop = office.shop
    payroll = shop.paid(shop.invoices(2))
    path = office.folder / "list.xlsx"
    shop.paymaster.export("list", path, payroll=payroll)
    book = openpyxl.load_workbook(path)
    page = book.active
    names = [cell.value for cell in page[1]]
    for row in (2, 3):
        for name, value in (("paid", "yes"), ("receipt", f"R-{row}"), ("paid_on", datetime.date(2026, 11, 25))):
            cell = page.cell(row, names.index(name) + 1, value)
            cell.number_format = "dd/mm/yyyy" if name == "paid_on" else "General"
    page.cell(2, names.index("paid_amount") + 1, 50000)
    book.save(path)
    book.close()
    given = shop.paymaster.import_list(payroll, path, by="amina")
    assert [(line.verdict, line.amount, line.booked) for line in shop.paymaster.statement_lines(given.id)] == [
        ("paid", "50000", "2026-11-25"), ("paid", "50001", "2026-11-25"),
    ]  # fmt: skip
    assert office.differences(payroll) == {}
