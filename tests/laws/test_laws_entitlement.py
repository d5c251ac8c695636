"""Law 9: never more than the entitlement, over all payrolls and whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.model.errors import InvalidPayroll

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop


def moved(dummy: Dummy, shop: Shop) -> int:
    """How often money left for this shop's payments, in all."""
    times = dummy.moved()
    return sum(times.get(view.id, 0) for view in shop.paymaster.payments())


LIVE = {
    "proposed": lambda shop: shop.proposed(shop.invoices(1), "first"),
    "approved": lambda shop: shop.approved(shop.invoices(1), "first"),
    "paid": lambda shop: shop.paid(shop.invoices(1), "first"),
    "held": lambda shop: shop.paid([shop.invoice(0, "fault-pending-for-ever")], "first"),
}


@pytest.mark.parametrize("how", LIVE)
def test_law_9_what_is_live_or_paid_is_not_proposed_again(how: str, open_shop: Callable[..., Shop], quick: Any) -> None:
    shop = open_shop(channel=quick)
    LIVE[how](shop)
    with pytest.raises(InvalidPayroll) as caught:
        shop.proposed([shop.invoice(0, "w-new", 10)], "second")
    assert [mistake.code for mistake in caught.value.mistakes] == ["entitlement_in_use"]


FREE = {
    "rejected": lambda shop, payroll: shop.paymaster.reject(payroll, by="joseph", reason="no"),
    "withdrawn": lambda shop, payroll: shop.paymaster.cancel(payroll, by="amina", reason="no"),
}


@pytest.mark.parametrize("how", FREE)
def test_law_9_what_was_sent_back_is_free(how: str, shop: Shop, dummy: Dummy) -> None:
    FREE[how](shop, shop.proposed(shop.invoices(1), "first"))
    second = shop.paid(shop.invoices(1), "second")
    assert shop.state(second) == "paid"
    assert moved(dummy, shop) == 1


def test_law_9_after_a_refusal_it_is_paid_in_another_payroll_and_only_there(shop: Shop, dummy: Dummy) -> None:
    first = shop.paid([shop.invoice(0, "fault-refused")], "first")
    second = shop.paid([shop.invoice(0, "w-0")], "second")
    assert (shop.state(first), shop.state(second)) == ("refused", "paid")
    shop.paymaster.retry(shop.payment(first), by="amina", reason="limit raised")
    shop.run()
    assert shop.state(first) == "held"
    assert "live or paid already" in shop.paymaster.holds(first)[0].reason
    assert moved(dummy, shop) == 1


@pytest.mark.parametrize("to", ["ready", "pending"])
def test_law_9_people_cannot_release_what_is_paid_elsewhere_to_be_sent(to: str, shop: Shop, dummy: Dummy) -> None:
    first = shop.paid([shop.invoice(0, "fault-refused")], "first")
    shop.paid([shop.invoice(0, "w-0")], "second")
    shop.paymaster.retry(shop.payment(first), by="amina", reason="limit raised")
    shop.run()
    shop.release(shop.payment(first), to)
    shop.run()
    assert shop.state(first) == "held"
    assert moved(dummy, shop) == 1


def test_law_9_after_a_return_it_is_paid_again(shop: Shop, dummy: Dummy) -> None:
    first = shop.paid([shop.invoice(0, "fault-paid-then-returned"), shop.invoice(1, "fault-callback-never")], "first")
    shop.paymaster.reconcile(first, by="amina")
    assert shop.states(first)["inv-0"] == "returned"
    second = shop.paid([shop.invoice(0, "w-0")], "second")
    assert shop.state(second) == "paid"
    assert moved(dummy, shop) == 2  # the one of inv-1, and this one


def test_law_9_two_payrolls_proposed_at_the_same_time_pay_once(shop: Shop, dummy: Dummy) -> None:
    """The claim decides, whatever the proposals missed."""
    first = shop.proposed(shop.invoices(3), "first")
    shop.change_store("UPDATE payrolls SET state = 'rejected'")
    second = shop.proposed(shop.invoices(3), "second")
    shop.change_store("UPDATE payrolls SET state = 'awaiting_approval' WHERE id = ?", first)
    for payroll in (first, second):
        shop.paymaster.approve(payroll, by="joseph")
    shop.run()
    states = [*shop.states(first).values(), *shop.states(second).values()]
    assert sorted(states) == ["held"] * 3 + ["paid"] * 3
    assert moved(dummy, shop) == 3


def late_paid(shop: Shop, payroll: str) -> None:
    """A payment that was refused turns out to be paid after all: the rail says so when asked again."""
    payment = shop.payment(payroll)
    lane = shop.paymaster._lane

    class Liar:
        async def send(self, wire: Any, timeout: float, limit: int) -> Any:
            ((text,),) = shop.select("SELECT body FROM facts WHERE kind = 'intent' AND payment = ?", payment)
            order = json.loads(text)["request"]["json"]
            said = {name: order[name] for name in ("key", "reference", "account", "amount", "currency")}
            return 200, {}, json.dumps({**said, "status": "paid", "receipt": "D-late"}).encode()

        async def close(self) -> None:
            """Nothing to drop."""

    shop.paymaster._lane = lambda channel: Liar()
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster._lane = lane


def test_law_9_a_late_paid_freezes_the_entitlement_in_every_payroll(shop: Shop, dummy: Dummy) -> None:
    first = shop.paid([shop.invoice(0, "fault-refused")], "first")
    second = shop.approved([shop.invoice(0, "w-0")], "second")
    late_paid(shop, first)
    assert shop.state(first) == "paid"
    (case,) = shop.paymaster.cases()
    assert case.kind == "possible_double_payment"
    shop.run()
    assert shop.state(second) == "held"
    assert "frozen" in shop.paymaster.holds(second)[0].reason
    shop.release(shop.payment(second), "ready")
    shop.run()
    assert shop.state(second) == "held", "the case is still open"
    shop.paymaster.close_case(case.id, by="joseph", reason="she has it from the first payroll")
    shop.release(shop.payment(second), "ready")
    shop.run()
    assert shop.state(second) == "held", "the first payment has taken the entitlement again"
    assert moved(dummy, shop) == 0


def test_law_9_a_late_paid_after_the_second_payment_is_a_case(shop: Shop, dummy: Dummy) -> None:
    first = shop.paid([shop.invoice(0, "fault-refused")], "first")
    second = shop.paid([shop.invoice(0, "w-0")], "second")
    late_paid(shop, first)
    assert (shop.state(first), shop.state(second)) == ("paid", "paid")
    assert [case.kind for case in shop.paymaster.cases()] == ["possible_double_payment"]
    with pytest.raises(Exception, match="open case"):
        shop.paymaster.reconcile(first, by="amina")
        shop.paymaster.close(first, by="joseph")


def test_law_9_without_programme_and_cycle_an_invoice_is_unique_for_ever(shop: Shop) -> None:
    plain: dict[str, Any] = {"programme": "", "cycle": ""}
    shop.paid([shop.invoice(0, "w-0", **plain)], "first")
    with pytest.raises(InvalidPayroll):
        shop.proposed([attrs.evolve(shop.invoice(0, "w-9", **plain), beneficiary="another")], "second")


def test_law_9_parts_of_an_entitlement_do_not_run_into_each_other(shop: Shop) -> None:
    parts = [("a/b", "c", ""), ("a", "b/c", ""), ("a", "b", "c"), ("a", "", "b")]
    lines = [
        shop.invoice(n, f"w-{n}", programme=programme, cycle=cycle, beneficiary="b", instalment=part)
        for n, (programme, cycle, part) in enumerate(parts)
    ]
    assert len({line.entitlement for line in lines}) == 4
