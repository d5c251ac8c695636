"""Notes: kept with a payment or a payroll, shown with its events, and they change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from gateway_core.model.accounts import Account
from gateway_core.model.errors import NotFoundError, WrongState
from tests.cycles.world import CYCLE, generated, people

if TYPE_CHECKING:
    from tests.conftest import Shop


def test_a_note_is_shown_with_what_it_is_about(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(2, cycle=str(shop.folder)))
    payment = shop.payment(payroll)
    before = shop.states(payroll)
    shop.paymaster.note(payment, by="amina", text="she called: the wallet is her sister's")
    shop.paymaster.note("inv-1", by="amina", text="looked at it")
    shop.paymaster.note("payroll", by="joseph", text="the last one of the year")
    last = shop.paymaster.events(payment)[-1]
    assert (last.kind, last.source, last.details["text"]) == ("note", "amina", "she called: the wallet is her sister's")
    assert shop.paymaster.events("inv-1")[-1].details["text"] == "looked at it"
    assert [e.details["text"] for e in shop.paymaster.events(payroll) if e.kind == "note"][
        -1
    ] == "the last one of the year"
    assert shop.states(payroll) == before and shop.paymaster.verify().ok


def test_an_invoices_events_are_those_of_its_payments(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1, cycle=str(shop.folder)))
    assert shop.paymaster.events("inv-0") == shop.paymaster.events(shop.payment(payroll)) != []


def test_an_invoice_has_its_events_and_notes_from_the_pool_on(shop: Shop) -> None:
    paymaster, invoice = shop.paymaster, f"{CYCLE}/ben-1"
    odd = attrs.evolve(people(7)[0], id="ben-%")
    generated(paymaster, [*people(1, 2), odd])
    paymaster.note(invoice, by="amina", text="ask her for her new number")
    other = attrs.evolve(people(1)[0], account=Account("wallet", "w-new"))
    paymaster.generate(CYCLE, [other], by="brenda", replace="her new number")
    said = [(event.kind, event.source) for event in paymaster.events(invoice)]
    assert said == [("generated", "amina"), ("note", "amina"), ("generated", "brenda")]
    assert [event.kind for event in paymaster.events(f"{CYCLE}/ben-2")] == ["generated"]
    payroll = paymaster.propose_from_pool("nov", CYCLE, by="amina")[0].payroll
    paymaster.approve(payroll, by="joseph")
    shop.run(payroll)
    paymaster.note(invoice, by="joseph", text="she has it")
    events = paymaster.events(invoice)
    assert [event.source for event in events[:3]] == ["amina", "amina", "brenda"]
    assert events[2].details["reason"] == "her new number"
    assert "outcome" in {event.kind for event in events} and events[-1].details["text"] == "she has it"
    assert paymaster.verify().findings == []
    for name in (f"{CYCLE}/ben-_", f"{CYCLE.upper()}/BEN-2", f"{CYCLE}/ben-3"):
        with pytest.raises(NotFoundError):
            paymaster.note(name, by="amina", text="of nobody")


def test_what_is_no_note(shop: Shop) -> None:
    payroll = shop.proposed(shop.invoices(1, cycle=str(shop.folder)))
    for text in ("", "  ", "x" * 5000):
        with pytest.raises(WrongState, match="a note has"):
            shop.paymaster.note(payroll, by="amina", text=text)
    with pytest.raises(NotFoundError):
        shop.paymaster.note("nothing", by="amina", text="of it")


def test_a_note_does_not_void_what_somebody_signs(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1, cycle=str(shop.folder)))
    payment = shop.payment(payroll)
    before = shop.paymaster.release_message(payment, "paid")
    shop.paymaster.note(payment, by="amina", text="looked at it")
    assert shop.paymaster.release_message(payment, "paid") == before
