"""Laws 7 and 8: states are folded from facts, and callbacks are stored, answered, and only then acted on."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from gateway_dummy_server.signing import SIGNATURE, TIMESTAMP, sign

from gateway_core.engine.callbacks import CallbackApp
from gateway_core.model.life import fold
from gateway_core.store import journal

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

SECRET = "the-callback-secret"
Variant = Callable[..., Any]


def refolded(shop: Shop) -> list[tuple[Any, ...]]:
    """What the facts alone say of each payment."""
    with shop.paymaster._store.read() as connection:
        rows = [row[0] for row in shop.select("SELECT id FROM payments ORDER BY id")]
        lives = [fold(journal.facts_of(connection, payment)) for payment in rows]
    return [(life.state, life.facts, life.attempt, life.reference, life.reason, not life.settled) for life in lives]


STORED = "SELECT state, facts, attempt, outcome_reference, reason, open FROM payments ORDER BY id"


def test_law_7_throw_the_states_away_fold_again_get_the_same(
    start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], quick: Mapping[str, Any]
) -> None:
    shop = open_shop(start_dummy(chaos=5).url, channel=quick)
    payroll = shop.paid(shop.invoices(40))
    assert refolded(shop) == shop.select(STORED)
    for hold in shop.paymaster.holds(payroll):
        shop.release(hold.payment, "pending")
    for view in shop.paymaster.payments(payroll, state="refused"):
        shop.paymaster.retry(view.id, by="amina", reason="again")
    assert refolded(shop) == shop.select(STORED)
    shop.run(payroll)
    shop.paymaster.reconcile(payroll, by="amina")
    assert refolded(shop) == shop.select(STORED)


def test_law_7_facts_are_only_ever_appended(shop: Shop) -> None:
    def facts() -> list[Any]:
        return shop.select("SELECT * FROM facts ORDER BY session, n")

    payroll = shop.approved([shop.invoice(1, "fault-contradicting-callback"), shop.invoice(2, "fault-refused")])
    seen = facts()
    for step in (
        lambda: shop.run(payroll),
        lambda: shop.paymaster.retry(shop.paymaster.payments(payroll, state="refused")[0].id, by="a", reason="r"),
        lambda: shop.run(payroll),
        lambda: shop.paymaster.reconcile(payroll, by="amina"),
        lambda: shop.paymaster.pause(payroll, by="amina", reason="lunch"),
    ):
        step()
        assert facts()[: len(seen)] == seen
        assert len(facts()) > len(seen)
        seen = facts()


# -- law 8 ------------------------------------------------------------------------------------------------------------


def deaf_rail(open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop on a rail that cannot be asked: only callbacks tell."""
    monkeypatch.setenv("DUMMY_CALLBACK_SECRET", SECRET)
    shop = open_shop(channel={"callback_secret": {"env": "DUMMY_CALLBACK_SECRET"}, "patience": 60})
    known = shop.paymaster.configuration.channel("dummy").capabilities
    variant(shop, capabilities=attrs.evolve(known, finds_out=False))
    return shop


def arrive(shop: Shop, payroll: str, status: str, *, signed: bool = True, **changes: Any) -> int:
    """A callback about the payroll's first payment comes in, as if no run were going on."""
    ((text,),) = shop.select("SELECT body FROM facts WHERE kind = 'intent' AND payroll = ? LIMIT 1", payroll)
    order = json.loads(text)["request"]["json"]
    said = {name: order[name] for name in ("key", "reference", "account", "amount", "currency")}
    code = {"code": "refused_by_provider"} if status == "refused" else {"receipt": "D-1"}
    body = json.dumps({**said, "status": status, **code, **changes}).encode()
    stamp = str(int(time.time()))
    headers = [(TIMESTAMP.encode(), stamp.encode()), (SIGNATURE.encode(), sign(SECRET, stamp, body).encode())]
    paymaster = shop.paymaster
    app = CallbackApp(
        paymaster._store, {"dummy": paymaster.configuration.channel("dummy")}, lambda: time.time_ns() // 1000
    )
    answered: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        answered.append(message.get("status", 0))

    scope = {"type": "http", "method": "POST", "path": "/callbacks/dummy", "headers": headers if signed else []}
    asyncio.run(app(scope, receive, send))
    return answered[0]


def test_law_8_a_callback_that_came_between_two_runs_is_acted_on_by_the_next(
    open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deaf_rail(open_shop, variant, monkeypatch)
    payroll = shop.approved([shop.invoice(1, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "pending"
    assert arrive(shop, payroll, "paid") == 204
    assert shop.state(payroll) == "pending", "answered, not yet acted on"
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "paid"


def test_law_8_what_is_not_authenticated_only_triggers_a_question(
    open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deaf_rail(open_shop, variant, monkeypatch)
    payroll = shop.approved([shop.invoice(1, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    for status in ("paid", "refused"):
        assert arrive(shop, payroll, status, signed=False) == 204
        shop.run(payroll, wait=0)
        assert shop.state(payroll) == "pending"


def test_law_8_an_authenticated_callback_about_another_amount_or_account_is_no_answer(
    open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deaf_rail(open_shop, variant, monkeypatch)
    payroll = shop.approved([shop.invoice(1, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    arrive(shop, payroll, "paid", amount=1)
    arrive(shop, payroll, "paid", account={"type": "wallet", "value": "w-thief"})
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "pending"


def test_law_8_a_flood_of_forgeries_does_not_displace_the_answer(
    open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deaf_rail(open_shop, variant, monkeypatch)
    payroll = shop.approved([shop.invoice(1, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    answers = {arrive(shop, payroll, "refused", signed=False, n=n) for n in range(40)}
    assert answers == {204, 429}
    assert arrive(shop, payroll, "paid") == 204
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "paid"


def test_law_8_a_callback_over_a_channel_that_is_not_at_work_is_not_lost(
    open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's payroll runs over another channel while it arrives."""
    shop = deaf_rail(open_shop, variant, monkeypatch)
    payroll = shop.approved([shop.invoice(1, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    other = shop.approved([shop.invoice(2, "w-2")], "other")
    arrive(shop, payroll, "paid")
    shop.run(other)
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "paid"


def test_law_8_a_late_refusal_of_something_paid_opens_a_case_and_leaves_it_paid(
    open_shop: Callable[..., Shop], variant: Variant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = deaf_rail(open_shop, variant, monkeypatch)
    payroll = shop.paid([shop.invoice(1, "w-1")])
    arrive(shop, payroll, "refused")
    shop.run(payroll, wait=0)
    shop.run(wait=0)
    assert shop.state(payroll) == "paid"
    assert [case.kind for case in shop.paymaster.cases(payroll)] == ["contradiction"]


# what the rail says of the first try when it is asked, the state that the payment ends in, and how often money may go
FIRST_TRY = [("paid", "held", 1), ("refused", "refused", 2), ("nothing", "held", 1), ("unknown_key", "refused", 2)]


@pytest.mark.parametrize("before_the_retry", [True, False])
@pytest.mark.parametrize(("says", "ends", "sent_times"), FIRST_TRY)
def test_law_8_a_hint_about_an_earlier_try_is_asked_about_before_the_next(
    says: str, ends: str, sent_times: int, before_the_retry: bool, open_shop: Callable[..., Shop],
    quick: Mapping[str, Any], rail_says: Callable[..., list[Any]],
) -> None:  # fmt: skip
    """A rail refused, and somebody for whom nobody vouches says that it paid: nobody is paid again on that."""
    shop = open_shop(channel=quick)
    orders: dict[str, dict[str, Any]] = {}

    def answer(wire: Any) -> Any:
        if wire.method == "POST":
            order = json.loads(wire.body)
            orders[order["key"]] = order
            return 422, {}, json.dumps({**order, "status": "refused", "code": "refused_by_provider"}).encode()
        order = orders[wire.target.rsplit("/", 1)[-1]]
        if says == "nothing":
            return 500, {}, b""
        if says == "unknown_key":
            return 404, {}, json.dumps({"key": order["key"], "code": says}).encode()
        told = {**order, "status": says, "receipt": "D-1", "code": "refused_by_provider"}
        return 200, {}, json.dumps(told).encode()

    sent = rail_says(shop, answer)
    payroll = shop.paid([shop.invoice(1, "w-1")])
    assert shop.state(payroll) == "refused"
    steps: list[Callable[[], object]] = [
        lambda: arrive(shop, payroll, "paid", signed=False),
        lambda: shop.paymaster.retry(shop.payment(payroll), by="amina", reason="the limit was raised"),
    ]
    for step in steps if before_the_retry else reversed(steps):
        step()
    shop.run(payroll)
    assert (shop.state(payroll), len(sent)) == (ends, sent_times)
    kinds = [case.kind for case in shop.paymaster.cases()]
    assert kinds == (["possible_double_payment"] if says == "paid" else [])
