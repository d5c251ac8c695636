"""A suspended programme or cycle proposes, approves and sends nothing; what was sent is asked about; nothing fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway_core.engine import claims, work
from gateway_core.model.errors import ConfigurationError, WrongState
from tests.cycles.world import CYCLE, PROGRAMME, generated, people, set_up

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

EITHER = pytest.mark.parametrize("address", [PROGRAMME, CYCLE])


@EITHER
def test_nothing_is_generated_proposed_or_approved(address: str, shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2))
    (made,) = paymaster.propose_from_pool("one", CYCLE, by="amina", where=["beneficiary=ben-1"])
    paymaster.suspend(address, by="grace", reason="an audit")
    with pytest.raises(WrongState, match="suspended by grace: an audit"):
        paymaster.generate(CYCLE, people(3), by="amina")
    with pytest.raises(WrongState, match="suspended by grace: an audit"):
        paymaster.propose_from_pool("two", CYCLE, by="amina")
    with pytest.raises(WrongState, match="suspended by grace: an audit"):
        shop.proposed([shop.invoice(7, "w-7", cycle="other"), shop.invoice(8, "w-8")], "a file")
    with pytest.raises(WrongState, match="suspended by grace: an audit"):
        paymaster.approve(made.payroll, by="joseph")
    assert [row.name for row in paymaster.status()] == ["one"]
    paymaster.activate(address, by="grace")
    paymaster.approve(made.payroll, by="joseph")
    paymaster.run(made.payroll, wait=20)
    assert set(shop.states(made.payroll).values()) == {"paid"}
    assert paymaster.verify().findings == []


@EITHER
def test_what_is_approved_waits_and_goes_on_when_it_is_active_again(address: str, shop: Shop, dummy: Dummy) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2))
    (made,) = paymaster.propose_from_pool("one", CYCLE, by="amina")
    paymaster.approve(made.payroll, by="joseph")
    paymaster.suspend(address, by="grace", reason="an audit")
    report = paymaster.run(made.payroll, wait=0.2)
    assert (report.waiting, report.held) == (2, 0)
    assert "suspended by grace: an audit" in report.skipped["one"]
    assert set(shop.states(made.payroll).values()) == {"ready"}
    # A person's resume is about a pause: it does not lift a suspension.
    paymaster.resume(made.payroll, by="amina")
    paymaster.run(made.payroll, wait=0.2)
    assert set(shop.states(made.payroll).values()) == {"ready"}
    paymaster.activate(address, by="grace")
    paymaster.run(made.payroll, wait=20)
    assert set(shop.states(made.payroll).values()) == {"paid"}


def test_suspended_between_the_claim_and_the_intent_nothing_goes(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction that writes the money intent looks, too."""
    paymaster = shop.paymaster
    generated(paymaster, people(1, 2))
    (made,) = paymaster.propose_from_pool("one", CYCLE, by="amina")
    paymaster.approve(made.payroll, by="joseph")
    whole = claims.page
    monkeypatch.setattr(work, "STOPPED_PAUSE", 100_000)

    def then_suspended(*given: object) -> claims.Page:
        page = whole(*given)  # type: ignore[arg-type]
        if page.lines and paymaster.cycle(CYCLE).state == "active":
            paymaster.suspend(CYCLE, by="grace", reason="an audit")
        return page

    with monkeypatch.context() as patched:
        patched.setattr(claims, "page", then_suspended)
        paymaster.run(made.payroll, wait=0.2)
    kinds = {event.kind for view in paymaster.payments(made.payroll) for event in paymaster.events(view.id)}
    assert "intent" not in kinds
    assert not {"failed", "refused", "held"} & set(shop.states(made.payroll).values())
    paymaster.activate(CYCLE, by="grace")
    paymaster.run(made.payroll, wait=20)
    assert set(shop.states(made.payroll).values()) == {"paid"}


def test_what_was_sent_is_still_asked_about(shop: Shop) -> None:
    paymaster = shop.paymaster
    generated(paymaster, people(1, account="fault-pending-then-paid"))
    (made,) = paymaster.propose_from_pool("one", CYCLE, by="amina")
    paymaster.approve(made.payroll, by="joseph")
    paymaster.run(made.payroll, wait=0)
    assert set(shop.states(made.payroll).values()) == {"pending"}
    paymaster.suspend(CYCLE, by="grace", reason="an audit")
    paymaster.run(made.payroll, wait=20)
    assert set(shop.states(made.payroll).values()) == {"paid"}


def test_every_change_is_a_fact_of_a_named_person(shop: Shop) -> None:
    paymaster = shop.paymaster
    set_up(paymaster)
    set_up(paymaster)
    paymaster.suspend(CYCLE, by="grace", reason="an audit")
    paymaster.activate(CYCLE, by="grace", reason="it is over")
    paymaster.set_cycle(PROGRAMME, "2026-11", by="joseph", amount="7")
    assert [(event.kind, event.source) for event in paymaster.events(CYCLE)] == [
        ("made", "amina"), ("suspended", "grace"), ("activated", "grace"), ("changed", "joseph"),
    ]  # fmt: skip
    with pytest.raises(WrongState, match="active already"):
        paymaster.activate(CYCLE, by="grace")


@pytest.mark.parametrize("name", ["cafe\u0301", " x", "a\u200bb", "=x", "a\tb", "", "a/b", "x" * 65])
def test_a_name_has_the_one_form_that_lines_have(name: str, shop: Shop) -> None:
    """Otherwise a programme could be suspended whose payments are another's to the computer."""
    with pytest.raises(ConfigurationError):
        shop.paymaster.set_programme(name, by="amina") if "/" not in name else shop.paymaster.set_cycle(
            "x", name, by="amina"
        )


TAMPERED = {
    "a suspension lifted past us": "UPDATE cycles SET state = 'active', why = '' WHERE name = '2026-11'",
    "a cap raised past us": "UPDATE cycles SET terms = replace(terms, '50000', '90000') WHERE name = '2026-11'",
    "an invoice's account": "UPDATE invoices SET body = replace(body, 'w-1', 'w-9') WHERE n = 1",
    "an invoice hidden": "UPDATE invoices SET until = 1 WHERE n = 1",
    "an invoice taken out": "DELETE FROM invoices WHERE n = 2",
    "a payroll that is in no cycle": "DELETE FROM payroll_cycles",
    "a cycle taken out": "DELETE FROM cycles WHERE name = '2026-11'",
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_somebody_changes_in_the_database_is_found(what: str, shop: Shop) -> None:
    generated(shop.paymaster, people(1, 2))
    shop.paymaster.propose_from_pool("one", CYCLE, by="amina")
    shop.paymaster.suspend(CYCLE, by="grace", reason="an audit")
    assert shop.paymaster.verify().findings == []
    shop.change_store(TAMPERED[what])
    assert shop.paymaster.verify().findings
