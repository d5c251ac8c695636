"""Flows through the real engine, over the simulators: what becomes of a payment, and what the ledger says."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

import httpx
import pytest

from gateway_core.testing.behaviours import FAULTS, HONEST

from .conftest import Operator, Shop, free_address

Start: TypeAlias = Callable[..., Operator]
Open: TypeAlias = Callable[..., Shop]
PROFILES = ("gsma", "mtn", "mpesa", "airtel")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_payroll_is_paid_checked_reconciled_and_closed(profile: str, start: Start, open_shop: Open) -> None:
    operator = start(profile)
    shop = open_shop(operator)
    payroll = shop.paymaster.propose("payroll", shop.invoices(5), channel=profile, by="amina")
    report = shop.paymaster.check(payroll)
    assert (report.objections, report.warnings) == ([], []), report
    shop.paymaster.approve(payroll, by="joseph")
    shop.paymaster.run(payroll, wait=20)
    assert set(shop.states(payroll).values()) == {"paid"}, shop.events(payroll)
    assert set(operator.moved().values()) == {1} and len(operator.moved()) == 5
    agreement = shop.paymaster.reconcile(payroll, by="amina")
    assert (agreement.agreed, agreement.silent, agreement.differing) == (5, 0, [])
    assert shop.paymaster.close(payroll, by="joseph").explained


# Seconds after which a question would be due by itself: whatever was settled sooner was prompted.
LONG = 900.0
SELDOM = {"ask_after": LONG, "ask_at_most": LONG, "patience": 4 * LONG}


def prompted(shop: Shop, payroll: str) -> None:
    """Every payment was settled by questions that a callback or a link prompted, none that time alone did."""
    for view in shop.paymaster.payments(payroll):
        events = list(shop.paymaster.events(view.id))
        (intent,) = [event for event in events if event.kind == "intent"]
        assert events[-1].at - intent.at < LONG * 1_000_000, events
        asked = [n for n, event in enumerate(events) if event.source == "find_out"]
        called = [n for n, event in enumerate(events) if event.source == "callback"]
        assert called and (not asked or called[0] < asked[0]), events


# -- links, callbacks, silence ---------------------------------------------------------------------------------------


def fault(name: str) -> int:
    """The number by which a telephone number asks for a fault."""
    return list(FAULTS).index(name) + 1


def test_a_link_to_another_origin_is_not_followed(start: Start, open_shop: Open) -> None:
    operator = start("gsma", links="foreign")
    shop = open_shop(operator, ask_limit=3, dedupe_proven=True)
    payroll = shop.paid(shop.invoices(1))
    assert shop.states(payroll) == {"inv-0": "held"}
    assert any("refused to follow 'https://elsewhere.invalid" in str(event.details) for event in shop.events(payroll))
    assert list(operator.moved().values()) == [1]


@pytest.mark.parametrize("links", ["relative", "absolute"])
def test_links_are_followed_at_once(links: str, start: Start, open_shop: Open) -> None:
    """A callback prompts the question; its answer is a link; that leads to the payment: nothing waits in between."""
    operator = start("gsma", links=links)
    shop = open_shop(operator, **SELDOM)
    payroll = shop.paid(shop.invoices(3), wait=2 * LONG)
    assert set(shop.states(payroll).values()) == {"paid"}, shop.events(payroll)
    prompted(shop, payroll)


@pytest.mark.parametrize("limit", [1, 3])
def test_a_request_state_is_polled_as_often_as_the_provider_permits(limit: int, start: Start, open_shop: Open) -> None:
    """Then `/responses` is asked, as after a lost answer."""
    operator = start("gsma", mode="polling", poll_limit=limit)
    responses, asked = operator.simulator.responses, []

    async def counted(request: Any) -> Any:
        asked.append(request.path_params["key"])
        return await responses(request)

    _served(operator, "/responses/{key}", counted)
    shop = open_shop(operator, callbacks=False, ask_at_most=0.1)
    payroll = shop.paid([shop.invoice(0, fault=fault("pending-then-paid"))])
    assert shop.states(payroll) == {"inv-0": "paid"}, shop.events(payroll)
    assert list(operator.simulator.polls.values()) == [limit] and asked


def _served(operator: Operator, path: str, handle: Any) -> None:
    """Put another handler behind a path of a simulator."""
    routes: list[Any] = list(operator.app.routes)
    (route,) = [route for route in routes if route.path == path]
    route.app._handle = handle


def test_a_refusal_is_found_where_the_link_leads(start: Start, open_shop: Open) -> None:
    for mode in ("callback", "polling"):
        operator = start("gsma", mode=mode)
        shop = open_shop(operator)
        payroll = shop.paid([shop.invoice(0, fault=fault("no-such-account"))])
        (view,) = shop.paymaster.payments(payroll)
        assert (view.state, view.reason) == ("refused", "payee or payer unknown: ")
        assert list(operator.moved().values()) == [0]


@pytest.mark.parametrize("profile", ["gsma", "mtn", "mpesa"])
@pytest.mark.parametrize("name", ["forged-callback", "wrong-signature", "contradicting-callback", "callback-never"])
@pytest.mark.few(3)
def test_no_callback_is_believed(profile: str, name: str, start: Start, open_shop: Open) -> None:
    """Whoever calls back, with the right address or a wrong one: what the operator says when asked is what counts."""
    operator = start(profile)
    shop = open_shop(operator)
    payroll = shop.paid([shop.invoice(0, fault=fault(name))])
    refused = name == "forged-callback"
    assert shop.states(payroll) == {"inv-0": "refused" if refused else "paid"}, shop.events(payroll)
    assert list(operator.moved().values()) == [0 if refused else 1]
    assert shop.paymaster.cases(payroll) == []


@pytest.mark.parametrize("profile", ["gsma", "mtn", "mpesa"])
@pytest.mark.few(1)
def test_a_callback_prompts_a_question_at_once(profile: str, start: Start, open_shop: Open) -> None:
    operator = start(profile)
    shop = open_shop(operator, **SELDOM)
    payroll = shop.paid([shop.invoice(0, fault=fault("pending-then-paid"))], wait=2 * LONG)
    assert shop.states(payroll) == {"inv-0": "paid"}, shop.events(payroll)
    prompted(shop, payroll)


def test_a_queue_that_timed_out_is_no_failure_and_prompts_a_query(start: Start, open_shop: Open) -> None:
    operator = start("mpesa")
    shop = open_shop(operator, **SELDOM)
    payroll = shop.paid([shop.invoice(0, fault=fault("callback-never"))], wait=2 * LONG)
    assert shop.states(payroll) == {"inv-0": "paid"}, shop.events(payroll)
    prompted(shop, payroll)
    assert operator.simulator.heard[0][1].split("/")[-2] == "late"


def test_a_late_callback_changes_nothing(start: Start, open_shop: Open) -> None:
    operator = start("mtn")
    shop = open_shop(operator)
    payroll = shop.paid(shop.invoices(1))
    method, url = operator.simulator.heard[0]
    app = shop.paymaster.callbacks()
    assert asyncio.run(_call(app, method, url, b'{"status": "FAILED"}')) == 204
    shop.paymaster.run(payroll, wait=0)
    assert shop.states(payroll) == {"inv-0": "paid"} and shop.paymaster.cases(payroll) == []


async def _call(app: Any, method: str, url: str, body: bytes) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False) as client:
        return (await client.request(method, url, content=body)).status_code


@pytest.mark.parametrize("profile", ["gsma", "mtn"])
def test_where_every_callback_is_lost_asking_settles_it(profile: str, start: Start, open_shop: Open) -> None:
    operator = start(profile)
    shop = open_shop(operator, callbacks=False)
    payroll = shop.paid(shop.invoices(3))
    assert set(shop.states(payroll).values()) == {"paid"}


def test_where_mpesas_answers_are_lost_people_decide_and_nothing_goes_again(start: Start, open_shop: Open) -> None:
    operator = start("mpesa")
    shop = open_shop(operator, callback_url=f"http://{free_address()}/callbacks/mpesa", ask_limit=3, dedupe_proven=True)
    payroll = shop.paid(shop.invoices(1))
    (view,) = shop.paymaster.payments(payroll)
    assert (view.state, view.reason) == ("held", "asked 3 times without a definite answer")
    assert operator.rows("SUM(copies), SUM(moved)")[0][1:] == (1, 1)


# -- doubt: when the same bytes may go again -------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("proven", [True, False])
@pytest.mark.few(2)
def test_what_was_never_found_goes_again_only_where_dedupe_is_proven(
    profile: str, proven: bool, start: Start, open_shop: Open
) -> None:
    operator = start(profile, dedupe=proven)
    shop = open_shop(operator, dedupe_proven=proven, ask_at_most=0.2)
    payroll = shop.paid([shop.invoice(0, fault=fault("lands-after-not-found"))])
    (view,) = shop.paymaster.payments(payroll)
    copies, moved = _landed(operator)
    assert moved == 1
    if proven:
        # M-Pesa answers questions so late that the first copy may have landed by then.
        assert view.state == "paid" and (copies > 1 or profile == "mpesa"), shop.events(payroll)
    else:
        # The copy that was under way has landed since; where it was asked late enough, that was found.
        doubt = "the rail does not know this payment, and a second copy might pay twice"
        assert (view.state, view.reason) in [("held", doubt), ("paid", "")]
        assert copies == 1


def _landed(operator: Operator) -> tuple[int, int]:
    """Copies that came, and how often money moved, once the copy that is under way has landed."""
    for _ in range(300):
        copies, moved = operator.rows("SUM(copies), SUM(moved)")[0][1:]
        if moved:
            return copies, moved
        time.sleep(0.2)
    raise AssertionError("it never landed")


@pytest.mark.parametrize("profile", ["gsma", "mtn", "airtel"])
def test_what_was_accepted_and_is_not_found_never_goes_again(profile: str, start: Start, open_shop: Open) -> None:
    """The accepted payment is gone from the operator's books when it is asked about."""
    operator = start(profile)
    operator.simulator.provider.find = lambda key: (None, HONEST)
    shop = open_shop(operator, callbacks=False, dedupe_proven=True)
    payroll = shop.paid([shop.invoice(0, fault=fault("pending-for-ever"))])
    (view,) = shop.paymaster.payments(payroll)
    assert (view.state, view.reason) == ("held", "the rail had this payment and now does not know it")
    assert operator.rows("SUM(copies)")[0][1] == 1


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.few(1)
def test_a_duplicate_is_looked_up(profile: str, start: Start, open_shop: Open) -> None:
    """The first copy paid and its answer is lost; the operator is silent about it for a while; the second is refused as
    a duplicate: it is the first one's fate that counts."""
    operator = start(profile)
    shop = open_shop(operator, dedupe_proven=True, settle=0.2)
    payroll = shop.approved([shop.invoice(0, fault=fault("paid-then-drop"))])
    find, asked = operator.simulator.provider.find, [0]

    def forgetful(key: str) -> Any:
        asked[0] += 1
        known = operator.simulator.provider.ledger.entry(key)
        return (None, HONEST) if known is None or known.copies < 2 else find(key)

    operator.simulator.provider.find = forgetful
    shop.paymaster.run(payroll, wait=20)
    assert shop.states(payroll) == {"inv-0": "paid"}, shop.events(payroll)
    assert operator.rows("SUM(copies), SUM(moved)")[0][1:] == (2, 1)


@pytest.mark.parametrize("profile", ["mtn", "mpesa"])
def test_a_refusal_for_want_of_funds_stops_the_channel_before_it_befalls_all(
    profile: str, start: Start, open_shop: Open
) -> None:
    operator = start(profile)
    shop = open_shop(operator, max_concurrency=1)
    lines = [shop.invoice(0, fault=fault("insufficient-funds")), *(shop.invoice(n) for n in range(1, 600))]
    payroll = shop.approved(lines)
    report = shop.paymaster.run(payroll, wait=60)
    states = list(shop.states(payroll).values())
    assert "funds" in report.stopped_channels[profile] or "float" in report.stopped_channels[profile]
    assert states.count("ready") > 100 and states.count("refused") <= 1, Counter(states)
    refused = next(view.id for view in shop.paymaster.payments(payroll) if view.invoice == "inv-0")
    # An answer that ends the flow is one fact with its outcome.
    said = {(event.kind, event.value) for event in shop.paymaster.events(refused)}
    assert said & {("answer", "refused"), ("outcome", "refused")}
