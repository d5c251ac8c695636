"""Closing to the cent: another person, everything explained, then frozen; what comes later is a case of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import GatewayCoreError, MakerIsChecker, NotPermitted, WrongState
from tests.calling import rail_calls

if TYPE_CHECKING:
    from tests.conftest import Shop
    from tests.reconciling.conftest import Office

PAID = {"paid": "yes", "receipt": "R-1", "paid_on": "2026-11-25"}


def closed(shop: Shop) -> str:
    payroll = shop.paid([shop.invoice(0, "w-0"), shop.invoice(1, "fault-refused")])
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    return payroll


@pytest.mark.parametrize(
    ("invoice", "status", "case"),
    [("inv-0", "reversed", "late_returned"), ("inv-0", "refused", "late_refused"), ("inv-1", "paid", "late_paid")],
)
def test_law_12_what_comes_after_the_close_opens_a_case_and_changes_nothing(
    shop: Shop, invoice: str, status: str, case: str
) -> None:
    payroll = closed(shop)
    before, states = shop.paymaster.zero_sum(payroll).ours, shop.states(payroll)
    payment = next(view.id for view in shop.paymaster.payments(payroll) if view.invoice == invoice)
    rail_calls(shop.paymaster, payment, status)
    for _ in range(2):
        shop.paymaster.reconcile(payroll, by="amina")
    assert shop.states(payroll) == states and shop.paymaster.zero_sum(payroll).ours == before
    assert {one.kind for one in shop.paymaster.cases(payroll) if one.payment == payment} >= {case}
    assert shop.paymaster.status(payroll)[0].state == "reconciled"
    assert shop.paymaster.verify().findings == []


def test_law_9_one_that_was_paid_after_the_close_is_not_paid_again(shop: Shop) -> None:
    """Carried over, and not sent yet: the late word freezes it; even with the case closed, it is never sent."""
    payroll = closed(shop)
    payment = next(view.id for view in shop.paymaster.payments(payroll) if view.invoice == "inv-1")
    again = shop.paymaster.carry_over(payroll, "again", by="amina")
    shop.paymaster.approve(again, by="joseph")
    rail_calls(shop.paymaster, payment, "paid")
    shop.run(again, wait=1)
    assert shop.state(again) != "paid"
    for case in shop.paymaster.cases():
        shop.paymaster.close_case(case.id, by="joseph", reason="she has it")
    for held in shop.paymaster.holds():
        shop.release(held.payment, "ready")
    shop.run(again, wait=1)
    assert shop.select("SELECT count(*) FROM attempts WHERE payment = ?", shop.payment(again)) == [(0,)]
    assert shop.paymaster.verify().findings == []


def test_a_file_about_a_closed_payroll_opens_a_case_and_changes_nothing(office: Office) -> None:
    shop = office.shop
    payroll = closed(shop)
    before = shop.states(payroll)
    given = shop.paymaster.import_list(payroll, office.filled(payroll, {"inv-1": PAID}), by="amina")
    assert [case.kind for case in shop.paymaster.cases(payroll)] == ["late_line"]
    shop.paymaster.confirm_file(given.id, by="joseph", reason="seen")
    assert shop.states(payroll) == before
    with pytest.raises(WrongState):
        shop.paymaster.withdraw_file(given.id, by="amina", reason="a mistake")
    (case,) = shop.paymaster.cases(payroll)
    shop.paymaster.close_case(case.id, by="joseph", reason="another programme paid her")
    assert shop.paymaster.verify().findings == []


def test_a_file_given_after_the_comparison_is_compared_first(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(2))
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.import_list(payroll, office.filled(payroll, {"inv-0": PAID, "inv-1": PAID}), by="amina")
    with pytest.raises(WrongState):
        shop.paymaster.close(payroll, by="joseph")
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")


def test_a_close_is_rejected_back_with_a_reason(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1))
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.reject_close(payroll, by="joseph", reason="the statement is missing")
    with pytest.raises(WrongState):
        shop.paymaster.close(payroll, by="joseph")
    assert [e.details for e in shop.paymaster.events(payroll) if e.kind == "close_rejected"] == [
        {"reason": "the statement is missing"}
    ]


def test_carrying_over_never_takes_what_may_still_turn_out_paid(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop(channel={"patience": 0.05, "ask_after": 0.02, "ask_at_most": 0.05, "ask_limit": 3, "settle": 0.05})
    payroll = shop.approved([shop.invoice(0, "fault-callback-never"), shop.invoice(1, "fault-refused")])
    shop.run(payroll, wait=0.6)
    assert shop.states(payroll)["inv-0"] in ("held", "pending", "unknown")
    with pytest.raises(WrongState):
        shop.paymaster.carry_over(payroll, "again", by="amina")


def test_a_payroll_that_is_over_has_nothing_to_carry_over_and_nothing_to_release(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(2))
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    with pytest.raises(WrongState, match="left nobody unpaid"):
        shop.paymaster.carry_over(payroll, "again", by="amina")
    with pytest.raises(WrongState, match="nothing of it goes any more"):
        shop.paymaster.release_objections(payroll, by="amina", reason="late")
    assert len(shop.paymaster.status()) == 1


def test_unsettled_invoices_return_to_the_pool_with_their_history_and_reason(shop: Shop) -> None:
    payroll = closed(shop)
    again = shop.paymaster.carry_over(payroll, "again", by="amina")
    first, second = shop.paymaster.history(invoice="inv-1")
    assert (first.payroll, first.state, second.payroll, second.state) == (payroll, "refused", again, "planned")
    assert first.carried_to == second.payment and first.reason
    assert [attempt.answers[0] for attempt in first.attempts] == ["refused (ask)"]


def test_history_is_over_all_payrolls_and_knows_files_cases_and_disputes(office: Office) -> None:
    shop = office.shop
    for cycle in ("2026-10", "2026-11"):
        payroll = shop.paid([shop.invoice(0, "w-0", cycle=cycle)], cycle)
        shop.paymaster.import_list(payroll, office.filled(payroll, {"inv-0": PAID}), by="amina")
    number = shop.paymaster.open_dispute("she got less", kept_by="amina", payment=shop.payment("2026-10"))
    past = list(shop.paymaster.history(beneficiary="ben-0"))
    assert [(one.payroll_name, one.paid, one.disputes) for one in past] == [
        ("2026-10", "50000", [number]), ("2026-11", "50000", []),
    ]  # fmt: skip
    assert all("R-1" in one.proofs[0] for one in past)
    assert [event.kind for event in past[0].events][:2] == ["intent", "outcome"]


def test_a_dispute_keeps_a_payroll_open_until_it_is_resolved(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1))
    shop.paymaster.reconcile(payroll, by="amina")
    number = shop.paymaster.open_dispute(
        "nothing came", kept_by="amina", payment=shop.payment(payroll), priority="urgent", handler="joseph"
    )
    with pytest.raises(WrongState, match="dispute"):
        shop.paymaster.close(payroll, by="joseph")
    shop.paymaster.answer_dispute(number, by="joseph", text="we ask the provider")
    shop.paymaster.resolve_dispute(number, by="joseph", resolution="it came a day later")
    with pytest.raises(WrongState):
        shop.paymaster.answer_dispute(number, by="joseph", text="one more thing")
    shop.paymaster.reopen_dispute(number, by="amina", reason="she says no")
    with pytest.raises(WrongState, match="dispute"):
        shop.paymaster.close(payroll, by="joseph")
    shop.paymaster.resolve_dispute(number, by="joseph", resolution="seen on her phone")
    shop.paymaster.close(payroll, by="joseph")
    (view,) = shop.paymaster.disputes(payroll)
    assert (view.by, view.state, view.priority, view.handler, view.resolution) == (
        "", "resolved", "urgent", "joseph", "seen on her phone",
    )  # fmt: skip
    assert shop.paymaster.verify().findings == []


def test_a_dispute_keeps_nothing_open_where_the_configuration_says_so(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1))
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.open_dispute("too late", kept_by="amina", payroll=payroll, by="a neighbour")
    shop.reopen(disputes_block=False).close(payroll, by="joseph")


WRONG: dict[str, tuple[Callable[[Office, str, str], object], type[GatewayCoreError]]] = {
    "close by who reconciled": (lambda o, p, f: o.shop.paymaster.close(p, by="Amina "), MakerIsChecker),
    "close by who gave a file": (lambda o, p, f: o.shop.paymaster.close(p, by="grace"), MakerIsChecker),
    "close by who explained": (lambda o, p, f: o.shop.paymaster.close(p, by="peter"), MakerIsChecker),
    "confirm one's own file": (
        lambda o, p, f: o.shop.paymaster.confirm_file(f, by="GRACE", reason="it is so"), MakerIsChecker,
    ),
    "confirm without a reason": (lambda o, p, f: o.shop.paymaster.confirm_file(f, by="joseph", reason=" "), WrongState),
    "explain without a reason": (
        lambda o, p, f: o.shop.paymaster.explain(p, by="joseph", reason="", kind="underpaid"), WrongState,
    ),
    "withdraw without a reason": (lambda o, p, f: o.shop.paymaster.withdraw_file(f, by="grace", reason=""), WrongState),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_the_wrong_person_is_refused_and_nothing_changes(what: str, office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(2))
    path = office.filled(payroll, {"inv-0": PAID, "inv-1": PAID | {"paid_amount": "50000"}})
    given = shop.paymaster.import_list(payroll, path, by="grace")
    shop.paymaster.explain(payroll, by="peter", reason="a fee of 1", kind="underpaid")
    shop.paymaster.reconcile(payroll, by="amina")
    before = shop.states(payroll), shop.paymaster.status(payroll), shop.paymaster.statements()
    act, error = WRONG[what]
    with pytest.raises(error):
        act(office, payroll, given.id)
    assert (shop.states(payroll), shop.paymaster.status(payroll), shop.paymaster.statements()) == before
    shop.paymaster.close(payroll, by="joseph")


def test_law_6_a_refusal_of_a_wrong_person_is_recorded(office: Office) -> None:
    shop = office.shop
    payroll = shop.paid(shop.invoices(1))
    shop.paymaster.reconcile(payroll, by="amina")
    with pytest.raises(NotPermitted):
        shop.paymaster.close(payroll, by="amina")
    refused = [event for event in shop.paymaster.events(payroll) if event.kind == "refused_to"]
    assert [(event.source, event.details["what"]) for event in refused] == [("amina", "close")]
    assert shop.paymaster.verify().findings == []
