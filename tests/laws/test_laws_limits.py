"""Laws 10 to 12: plugins state facts only, everything has a limit, and a payroll closes when all is explained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway_core.contract import (
    Ask,
    Done,
    NotTaken,
    Objection,
    Paid,
    Refused,
    Request,
    Returned,
    Secret,
    Unknown,
    Waiting,
    hookimpl,
)
from gateway_core.model.errors import MakerIsChecker, WrongState

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

Variant = Callable[..., Any]


def pay(payment: Any, ctx: Any, **changes: Any) -> Ask:
    key = ctx.new_id("pay")
    order = {
        "key": key, "reference": payment.id, "entitlement": payment.entitlement, "name": payment.name,
        "account": {"type": payment.account.type, "value": payment.account.value},
        "amount": payment.amount.minor, "currency": payment.amount.currency,
    }  # fmt: skip
    request = {"json": order, "key": key, "headers": {"Idempotency-Key": key}} | changes
    return Ask("pay", Request("POST", "/payments", **request), True, Request("GET", f"/payments/{key}", key=key))


def raises_before(self: Any, payment: Any, ctx: Any) -> Any:
    raise ZeroDivisionError("in the plugin")
    yield


def raises_after(self: Any, payment: Any, ctx: Any) -> Any:
    yield pay(payment, ctx)
    raise ZeroDivisionError("in the plugin")


def says_refused_though_paid(self: Any, payment: Any, ctx: Any) -> Any:
    yield pay(payment, ctx)
    return Refused("mood", "I do not like her")


def says_paid_unasked(self: Any, payment: Any, ctx: Any) -> Any:
    return Paid("R-1")
    yield


def exits(self: Any, payment: Any, ctx: Any) -> Any:
    raise SystemExit(3)
    yield


def wrong_type(self: Any, payment: Any, ctx: Any) -> Any:
    return "paid"
    yield


def no_generator(self: Any, payment: Any, ctx: Any) -> Any:
    return None


def unsafe_path(self: Any, payment: Any, ctx: Any) -> Any:
    yield Ask("pay", Request("POST", "//evil.example/payments", key="k"), moves_money=True)


def unsafe_header(self: Any, payment: Any, ctx: Any) -> Any:
    yield pay(payment, ctx, headers={"X": "a\r\nHost: evil.example"})


def no_such_secret(self: Any, payment: Any, ctx: Any) -> Any:
    yield pay(payment, ctx, headers={"X": Secret("nobody_has_this")})


def not_json(self: Any, payment: Any, ctx: Any) -> Any:
    yield pay(payment, ctx, json={"amount": payment.amount})


def half_a_character(self: Any, payment: Any, ctx: Any) -> Any:
    yield pay(payment, ctx, json={"name": "\ud800"})


def odd_outcome(self: Any, payment: Any, ctx: Any) -> Any:
    return Refused(object(), "\ud800")  # type: ignore[arg-type]
    yield


def odd_words(self: Any, payment: Any, ctx: Any) -> Any:
    raise ValueError("\ud800 half a character")
    yield


# flow, and (state, times moved) that it may end in
FLOWS: list[tuple[Any, tuple[str, int]]] = [
    (raises_before, ("held", 0)), (raises_after, ("paid", 1)), (says_refused_though_paid, ("held", 1)),
    (says_paid_unasked, ("held", 0)), (exits, ("held", 0)), (wrong_type, ("held", 0)), (no_generator, ("held", 0)),
    (unsafe_path, ("held", 0)), (unsafe_header, ("held", 0)), (no_such_secret, ("held", 0)), (not_json, ("held", 0)),
    (half_a_character, ("held", 0)), (odd_words, ("held", 0)), (odd_outcome, ("refused", 0)),
]  # fmt: skip


@pytest.mark.parametrize(("flow", "end"), FLOWS, ids=[row[0].__name__ for row in FLOWS])
def test_law_10_a_plugin_s_fault_parks_the_payment_and_harms_no_other(
    flow: Any, end: tuple[str, int], shop: Shop, dummy: Dummy, variant: Variant
) -> None:
    def execute_payment(self: Any, payment: Any, ctx: Any) -> Any:
        return (flow if payment.invoice == "inv-0" else good)(self, payment, ctx)

    def good(self: Any, payment: Any, ctx: Any) -> Any:
        done = yield pay(payment, ctx)
        return Paid(done.body["receipt"]) if isinstance(done, Done) else done

    variant(shop, execute_payment=execute_payment)
    payroll = shop.paid(shop.invoices(3))
    for _ in range(2):
        assert shop.states(payroll) == {"inv-0": end[0], "inv-1": "paid", "inv-2": "paid"}
        assert dummy.moved().get(shop.payment(payroll), 0) == end[1]
        shop.run()  # and it is no trouble for the next run either


VERDICTS: dict[str, Any] = {
    "raises": ZeroDivisionError("in the plugin"),
    "None": None,
    "a word": "paid",
    "the class": Done,
    "done with no JSON": Done({"receipt": object()}),
    "done with half a character": Done({"receipt": "\ud800"}),
    "done with a list": Done([1, 2]),  # type: ignore[arg-type]
    "not taken, some time": NotTaken("soon"),  # type: ignore[arg-type]
    "not taken, never again": NotTaken(float("nan")),
    "wait for nobody": Waiting(ask_next="/link"),  # type: ignore[arg-type]
    "wait elsewhere": Waiting(ask_next=Request("GET", "https://evil.example/")),
    "wait and pay": Waiting(ask_next=Request("POST", "/payments", json={})),
    "unknown, by number": Unknown(7),  # type: ignore[arg-type]
    "refused, by object": Refused(object()),  # type: ignore[arg-type]
    "returned, by object": Returned(object()),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.few(3)
def test_law_10_a_reading_that_is_none_decides_nothing(
    name: str, open_shop: Callable[..., Shop], quick: Mapping[str, Any], dummy: Dummy, variant: Variant
) -> None:
    verdict = VERDICTS[name]

    def parse_response(self: Any, ask: Any, reply: Any) -> Any:
        if isinstance(verdict, Exception):
            raise verdict
        return verdict

    shop = open_shop(channel=quick)
    variant(shop, parse_response=parse_response)
    payroll = shop.paid(shop.invoices(1))
    assert shop.state(payroll) == "held"
    assert dummy.moved()[shop.payment(payroll)] == 1, "the server, which dedupes, moved it once"
    assert not [e for e in shop.paymaster.events(shop.payment(payroll)) if e.kind in ("answer", "outcome")]


class Raises:
    @hookimpl
    def before_sending(self, payments: Any) -> Any:
        raise ZeroDivisionError("in the policy")


class Objects:
    @hookimpl
    def before_sending(self, payments: Any) -> Any:
        return [(payments[0].id, Objection("dead", "\ud800 died last week"))]


@pytest.mark.parametrize("policy", [Raises(), Objects()], ids=["raises", "objects"])
def test_law_10_a_policy_that_fails_is_no_consent(policy: Any, shop: Shop, dummy: Dummy) -> None:
    object.__setattr__(shop.paymaster.configuration, "_policies", (("registry", policy),))
    payroll = shop.paid(shop.invoices(1))
    assert shop.state(payroll) == "held"
    assert shop.payment(payroll) not in dummy.moved()


# -- law 11 -----------------------------------------------------------------------------------------------------------


def test_law_11_a_flow_has_so_many_steps(shop: Shop, variant: Variant) -> None:
    def endless(self: Any, payment: Any, ctx: Any) -> Any:
        for n in range(1000):
            yield Ask(f"look {n}", Request("GET", "/balances/x"))

    variant(shop, execute_payment=endless)
    payroll = shop.paid(shop.invoices(1))
    assert shop.state(payroll) == "held"
    assert shop.select("SELECT COUNT(*) FROM facts WHERE kind = 'intent'") == [(20,)]


def test_law_11_an_answer_has_a_size(open_shop: Callable[..., Shop], quick: Mapping[str, Any], dummy: Dummy) -> None:
    """An honest answer that is longer than the channel reads is no answer; it is never paid for twice."""
    shop = open_shop(channel={**quick, "body_limit": 1024})
    short = shop.paid([shop.invoice(1, "w-1")], "short")
    long = shop.paid([shop.invoice(2, "w-2", cycle="c" * 120, programme="p" * 120, instalment="ä" * 120)], "long")
    assert (shop.state(short), shop.state(long)) == ("paid", "held")
    assert dummy.moved()[shop.payment(long)] == 1


def test_law_11_an_ask_has_a_time(open_shop: Callable[..., Shop], quick: Mapping[str, Any]) -> None:
    shop = open_shop(channel={**quick, "timeout": 0.2})
    payroll = shop.paid([shop.invoice(1, "fault-silent")])
    first, second = shop.paymaster.events(shop.payment(payroll))[:2]
    assert second.at - first.at < 2_000_000
    assert shop.state(payroll) == "paid"


def test_law_11_waiting_has_an_end(open_shop: Callable[..., Shop], quick: Mapping[str, Any]) -> None:
    shop = open_shop(channel={**quick, "ask_limit": 100, "patience": 0.5})
    payroll = shop.paid([shop.invoice(1, "fault-pending-for-ever")])
    assert shop.state(payroll) == "held"


def test_law_11_a_rail_asks_for_a_pause_of_any_length(
    open_shop: Callable[..., Shop], quick: Mapping[str, Any], variant: Variant
) -> None:
    shop = open_shop(channel=quick)
    variant(shop, parse_response=lambda self, ask, reply: NotTaken(1e30))
    report = shop.run(shop.approved(shop.invoices(1)))
    assert report.waiting == 1
    assert report.next_due is not None


# -- law 12 -----------------------------------------------------------------------------------------------------------


def reconciled(shop: Shop, payroll: str) -> None:
    shop.paymaster.reconcile(payroll, by="amina")


def test_law_12_all_explained_closes_and_is_a_partition(shop: Shop) -> None:
    faults = [shop.invoice(7, "fault-refused"), shop.invoice(8, "fault-paid-then-returned"), shop.invoice(9, "w-9")]
    payroll = shop.approved([*shop.invoices(3), *faults])
    shop.paymaster.cancel(payroll, by="amina", reason="moved away", only=["inv-9"])
    shop.run(payroll)
    shop.run(shop.approved([shop.invoice(20, "fault-callback-never")], "a second later"))
    reconciled(shop, payroll)
    totals = shop.paymaster.close(payroll, by="joseph")
    assert {state: count for state, (count, _) in totals.by_state.items()} == {
        "paid": 3, "refused": 1, "returned": 1, "cancelled": 1,
    }  # fmt: skip
    assert totals.approved == tuple(map(sum, zip(*totals.by_state.values(), strict=True)))
    assert shop.paymaster.status(payroll)[0].state == "reconciled"


def refuses_to_close(shop: Shop, payroll: str, why: str) -> None:
    with pytest.raises(WrongState, match=why):
        shop.paymaster.close(payroll, by="joseph")
    assert shop.paymaster.status(payroll)[0].state != "reconciled"


def test_law_12_not_before_it_was_paid_out(shop: Shop) -> None:
    refuses_to_close(shop, shop.proposed(shop.invoices(1), "p"), "awaiting approval")
    refuses_to_close(shop, shop.approved([shop.invoice(5, "w-5")], "a"), "approved")


def test_law_12_not_while_anything_is_pending(open_shop: Callable[..., Shop], quick: Mapping[str, Any]) -> None:
    shop = open_shop(channel={**quick, "ask_limit": 100, "patience": 60})
    payroll = shop.approved([shop.invoice(1, "fault-pending-for-ever"), shop.invoice(2, "w-2")])
    shop.run(payroll, wait=0.5)
    assert shop.states(payroll) == {"inv-1": "pending", "inv-2": "paid"}
    reconciled(shop, payroll)
    refuses_to_close(shop, payroll, "ongoing")


def test_law_12_not_while_anything_is_held(
    open_shop: Callable[..., Shop], quick: Mapping[str, Any], dummy: Dummy
) -> None:
    shop = open_shop(channel=quick)
    payroll = shop.paid([shop.invoice(1, "fault-pending-for-ever"), shop.invoice(2, "w-2")])
    reconciled(shop, payroll)
    refuses_to_close(shop, payroll, "1 held")
    # The rail has it still: it is cancelled there, and then asked about once more.
    ((key,),) = shop.select("SELECT key FROM facts WHERE kind = 'intent' AND payment = ?", shop.payment(payroll))
    httpx.post(f"{dummy.url}/payments/{key}/reversal", trust_env=False).raise_for_status()
    shop.release(shop.payment(payroll), "pending")
    shop.run(payroll)
    assert shop.states(payroll) == {"inv-1": "refused", "inv-2": "paid"}
    reconciled(shop, payroll)
    shop.paymaster.close(payroll, by="joseph")


def test_law_12_what_people_call_cancelled_and_the_rail_pending_is_a_case(
    open_shop: Callable[..., Shop], quick: Mapping[str, Any]
) -> None:
    shop = open_shop(channel=quick)
    payroll = shop.paid([shop.invoice(1, "fault-pending-for-ever")])
    shop.release(shop.payment(payroll), "cancelled")
    reconciled(shop, payroll)
    refuses_to_close(shop, payroll, "pending_at_the_rail")
    (case,) = shop.paymaster.cases(payroll)
    shop.paymaster.close_case(case.id, by="amina", reason="the provider withdrew it and says so in writing")
    shop.paymaster.close(payroll, by="joseph")


def test_law_12_not_with_an_open_case(shop: Shop, dummy: Dummy) -> None:
    payroll = shop.paid(shop.invoices(1))
    lane = shop.paymaster._lane
    forgets(shop)
    reconciled(shop, payroll)
    shop.paymaster._lane = lane
    (case,) = shop.paymaster.cases(payroll)
    assert case.kind == "paid_but_unknown_to_the_rail"
    refuses_to_close(shop, payroll, "1 open case")
    shop.paymaster.close_case(case.id, by="joseph", reason="their archive has it")
    shop.paymaster.close(payroll, by="joseph")


def forgets(shop: Shop) -> None:
    """From now on the rail knows of nothing."""

    class Forgetful:
        async def send(self, wire: Any, timeout: float, limit: int) -> Any:
            key = wire.target.rsplit("/", 1)[-1]
            return 404, {}, json.dumps({"code": "unknown_key", "key": key}).encode()

        async def close(self) -> None:
            """Nothing to drop."""

    shop.paymaster._lane = lambda channel: Forgetful()


def test_law_12_not_without_comparing(shop: Shop) -> None:
    refuses_to_close(shop, shop.paid(shop.invoices(1)), "has not been reconciled")


def test_law_12_comparing_before_the_last_payment_does_not_count(shop: Shop) -> None:
    payroll = shop.approved([shop.invoice(1, "fault-refused"), shop.invoice(2, "w-2")])
    reconciled(shop, payroll)
    shop.run(payroll)
    refuses_to_close(shop, payroll, "has not been reconciled")
    reconciled(shop, payroll)
    shop.paymaster.retry(shop.payment(payroll), by="amina", reason="limit raised")
    refuses_to_close(shop, payroll, "not explained|ongoing")
    shop.run(payroll)
    refuses_to_close(shop, payroll, "has not been reconciled")


def test_law_12_a_rejected_close_is_compared_anew(shop: Shop) -> None:
    payroll = shop.paid(shop.invoices(1))
    reconciled(shop, payroll)
    shop.paymaster.reject_close(payroll, by="joseph", reason="look again")
    refuses_to_close(shop, payroll, "has not been reconciled")
    reconciled(shop, payroll)
    with pytest.raises(MakerIsChecker):
        shop.paymaster.close(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")


def test_law_12_a_closed_payroll_is_frozen(shop: Shop) -> None:
    payroll = shop.paid([shop.invoice(1, "fault-refused"), shop.invoice(2, "w-2")])
    reconciled(shop, payroll)
    shop.paymaster.close(payroll, by="joseph")
    with pytest.raises(WrongState, match="frozen"):
        shop.paymaster.retry(shop.payment(payroll), by="amina", reason="again")
    again = shop.paymaster.carry_over(payroll, "carried over", by="amina")
    assert shop.states(again) == {"inv-1": "planned"}


def test_law_12_a_silent_rail_is_no_agreement(shop: Shop) -> None:
    """Nothing definite was said about a payment: that is not the same as agreeing, and it is on the record."""
    payroll = shop.paid(shop.invoices(2))
    lane = shop.paymaster._lane

    class Silent:
        async def send(self, wire: Any, timeout: float, limit: int) -> Any:
            return 500, {}, b""

        async def close(self) -> None:
            """Nothing to drop."""

    shop.paymaster._lane = lambda channel: Silent()
    agreement = shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster._lane = lane
    assert (agreement.agreed, agreement.silent) == (0, 2)
    (compared,) = [event for event in shop.paymaster.events(payroll) if event.kind == "compared"]
    assert (compared.details["agreed"], compared.details["silent"]) == (0, 2)
    refuses_to_close(shop, payroll, "did not speak about every payment")
