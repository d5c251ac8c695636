"""What may happen between a request and its outcome, row by row: crashes, strange callbacks, expiries, clocks."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from gateway_mojaloop.fspiop import ilp
from gateway_mojaloop.simulator.hub import SECRET
from gateway_mojaloop.simulator.voices import Voices

from gateway_core.contract import Account
from gateway_core.lifecycle.running import callback_server
from gateway_core.paymaster import Paymaster
from gateway_core.testing.behaviours import FAULTS
from gateway_core.testing.kill import KILLED, Lives

from .test_chaos import judged

if TYPE_CHECKING:
    from .conftest import Scheme, Shop

Start: TypeAlias = Callable[..., "Scheme"]
Open: TypeAlias = Callable[..., "Shop"]
PATIENCE = 30.0

# What becomes of a transfer that meets each of the provider's faults.
FATES = {
    "refused": "refused", "no-such-account": "refused", "insufficient-funds": "refused", "pending-then-paid": "paid",
    "pending-then-refused": "refused", "pending-for-ever": "held", "silent": "paid", "late": "paid",
    "lands-after-not-found": "paid", "paid-then-500": "paid", "paid-then-drop": "paid",
    "refused-although-paid": "paid", "duplicate-callback": "paid", "callback-before-answer": "paid",
    "contradicting-callback": "paid", "callback-never": "paid", "forged-callback": "refused", "429": "paid",
    "503": "paid", "slow": "paid", "garbage": "paid", "redirect": "paid", "wrong-signature": "paid",
    "paid-then-returned": "paid",
}  # fmt: skip


def test_every_fault_ends_as_the_ledger_has_it(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    lines = [shop.invoice(n, fault=n, id=name) for n, name in enumerate(FAULTS, 1)]
    payroll = shop.approved(lines)
    shop.run_on(payroll)
    states = shop.states(payroll)
    assert states == FATES, {name: (states[name], FATES[name]) for name in FATES if states[name] != FATES[name]}
    moved = scheme.moved()
    for view in shop.paymaster.payments(payroll):
        assert moved.get(view.account.rpartition(" ")[2], 0) == (view.state == "paid"), view


def until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def call_back(scheme: Scheme, path: tuple[str, ...], body: Any, source: str = "payeefsp", **how: Any) -> None:
    """A callback of the hub or the payee, now."""
    voices: Voices = scheme.hub.voices

    async def say() -> None:
        # A client belongs to one loop.
        kept, voices._client = voices._client, None
        try:
            assert await voices.say(path, body, to="grantsfsp", source=source, **how)
        finally:
            await voices.close()
            voices._client = kept

    asyncio.run(say())


def committed(order: Any, state: str = "COMMITTED") -> dict[str, Any]:
    return {"transferState": state, "fulfilment": ilp.fulfilment_again(4, SECRET, order["ilpPacket"])}


# -- the transfer that nobody knows -----------------------------------------------------------------------------------


def test_not_found_ends_a_transfer_only_after_its_expiry_and_a_late_commit_is_a_case(
    start: Start, open_shop: Open
) -> None:
    scheme = start()
    scheme.hub.loses = True
    shop = open_shop(scheme, transfer_window=2.0, send_margin=0.5, callback_patience=0.2, grace=1.0)
    payroll = shop.approved(shop.invoices(1))
    shop.run_on(payroll)
    assert (shop.states(payroll), shop.reason(payroll).split(";")[0]) == (
        {"inv-0": "refused"}, "the rail never took it, and its time is over"
    ), shop.events(payroll)  # fmt: skip
    events = shop.events(payroll)
    sent = next(event for event in events if event.kind == "intent" and event.step == "transfer")
    proofs = [event for event in events if event.value == "not_found" and event.at > sent.details["expires"]]
    assert len(proofs) >= 2 and proofs[-1].at - proofs[0].at >= sent.details["settle"]
    (order,) = scheme.hub.lost.values()
    # It was executed after all.
    with Receiving(shop):
        call_back(scheme, ("transfers", order["transferId"]), committed(order))
    shop.paymaster.run(payroll, wait=0)
    assert [case.kind for case in shop.paymaster.cases()] == ["possible_double_payment"]


def test_between_schemes_silence_proves_nothing(start: Start, open_shop: Open) -> None:
    scheme = start()
    scheme.hub.loses = True
    shop = open_shop(
        scheme, external_fsps=["payeefsp"], transfer_window=2.0, send_margin=0.5, callback_patience=0.2, grace=0.5,
        ask_limit=8,
    )  # fmt: skip
    payroll = shop.approved(shop.invoices(1))
    shop.run_on(payroll)
    assert shop.states(payroll) == {"inv-0": "held"}, shop.events(payroll)


@pytest.mark.deep
def test_a_hub_whose_clock_is_behind_proves_nothing(start: Start, open_shop: Open) -> None:
    scheme = start(quote_life=7200.0)
    scheme.hub.loses, scheme.hub.skew = True, -3600.0
    shop = open_shop(
        scheme, clock_limit=0.0, transfer_window=2.0, send_margin=0.5, callback_patience=0.2, grace=0.5, ask_limit=8,
    )  # fmt: skip
    payroll = shop.approved(shop.invoices(1))
    shop.run_on(payroll)
    assert shop.states(payroll) == {"inv-0": "held"}, shop.events(payroll)


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
@pytest.mark.few(1)
def test_nothing_is_agreed_while_the_clocks_disagree(skew: float, start: Start, open_shop: Open) -> None:
    scheme = start()
    scheme.hub.skew = skew
    shop = open_shop(scheme)
    payroll = shop.approved(shop.invoices(2))
    shop.paymaster.run(payroll, wait=2.0)
    assert scheme.hub.quotes == {} and scheme.moved() == {}
    assert any("ClockOff" in str(event) for event in shop.events(payroll)), shop.events(payroll)
    scheme.hub.skew = 0.0
    shop.paymaster.close_store()
    # The clock was put right; a sender that begins anew looks up again and hears it.
    shop.paymaster = Paymaster.open(shop.config)
    again = shop.approved([shop.invoice(n, cycle="2026-12", id=f"next-{n}") for n in range(2)], "next")
    shop.paymaster.run(again, wait=20.0)
    assert set(shop.states(again).values()) == {"paid"}, shop.events(again)


# -- strange words ----------------------------------------------------------------------------------------------------


def test_modified_request_never_means_that_it_failed(start: Start, open_shop: Open) -> None:
    scheme = start()
    scheme.hub.repeated = "3106"
    shop = open_shop(scheme)
    number = list(FAULTS).index("refused-although-paid") + 1
    payroll = shop.approved([shop.invoice(1, fault=number)])
    shop.run_on(payroll)
    assert shop.states(payroll) == {"inv-1": "paid"}, shop.events(payroll)
    assert list(scheme.moved().values()) == [1]


def test_settled_is_committed(start: Start, open_shop: Open) -> None:
    scheme = start()
    scheme.hub.states["paid"] = "SETTLED"
    shop = open_shop(scheme, transfer_window=2.5)
    number = list(FAULTS).index("callback-never") + 1
    payroll = shop.approved([shop.invoice(1, fault=number)])
    shop.run_on(payroll)
    assert shop.states(payroll) == {"inv-1": "paid"}, shop.events(payroll)


def test_aborted_comes_by_put_and_the_payees_reason_is_kept(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    payroll = shop.approved([shop.invoice(1, fault=1)])
    shop.run_on(payroll)
    assert shop.states(payroll) == {"inv-1": "refused"}
    assert "the hub has ended the transfer; before: 5104" in shop.reason(payroll), shop.reason(payroll)


class Receiving:
    """The shop's callbacks are taken in, as `gateway callbacks` does beside or before a run."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def __enter__(self) -> Shop:
        known = self._shop.paymaster.configuration
        channel = known.channel("hub")
        self._server = callback_server(
            self._shop.paymaster._store, {"hub": channel}, channel.listen, lambda: time.time_ns() // 1000
        )
        self._thread = threading.Thread(target=asyncio.run, args=(self._server.serve(),))
        self._thread.start()
        until(lambda: self._server.started, "the callback server does not start")
        return self._shop

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)


@pytest.mark.deep
def test_a_callback_arrives_over_a_connection_that_lay_idle(start: Start, open_shop: Open) -> None:
    """Hubs keep connections for seconds: whoever hangs up first loses what is being sent just then."""
    scheme = start()
    with Receiving(open_shop(scheme)):
        host, _, port = scheme.callbacks.partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        for idle in (0, 6):
            time.sleep(idle)
            connection.request("PUT", "/callbacks/hub/transfers/1", b"{}", {"FSPIOP-Source": "Hub"})
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
        connection.close()


def test_what_contradicts_a_payment_opens_a_case_and_leaves_it_paid(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    payroll = shop.paid(shop.invoices(1))
    (order,) = [said for _, said in scheme.hub.transfers.values()]
    path = ("transfers", order["transferId"])
    with Receiving(shop):
        call_back(scheme, path, {"transferState": "ABORTED"}, "Hub")
        call_back(scheme, path, committed(order))
        call_back(scheme, (*path, "error"), {"errorInformation": {"errorCode": "5104", "errorDescription": "?"}})
    shop.paymaster.run(payroll, wait=0)
    assert shop.states(payroll) == {"inv-0": "paid"}
    assert [case.kind for case in shop.paymaster.cases()] == ["contradiction"]


@pytest.mark.parametrize(
    "how",
    [
        {"signed": "not"}, {"signed": "wrong"}, {"source": "Hub", "signed": "wrong"},
    ],
)  # fmt: skip
@pytest.mark.few(1)
def test_a_refused_signature_is_kept_and_makes_us_ask(how: Any, start: Start, open_shop: Open) -> None:
    """Said of a payment that is pending: that it was aborted. The question that it prompts tells better."""
    scheme = start()
    shop = open_shop(scheme)
    number = list(FAULTS).index("pending-for-ever") + 1
    payroll = shop.approved([shop.invoice(1, fault=number)])
    shop.paymaster.run(payroll, wait=0)
    until(lambda: advanced(shop, payroll, scheme), "no transfer was sent")
    (transfer,) = scheme.hub.transfers
    with Receiving(shop):
        call_back(scheme, ("transfers", transfer), {"transferState": "ABORTED"}, **({"source": "Hub"} | how))
    shop.paymaster.run(payroll, wait=1.0)
    assert shop.states(payroll)["inv-1"] in ("pending", "held"), shop.events(payroll)
    said = [event.value for event in shop.events(payroll) if event.step == "transfer" and event.kind == "word"]
    assert "heard" in said and "asked" in said[said.index("heard") :], shop.events(payroll)


def advanced(shop: Shop, payroll: str, scheme: Scheme) -> bool:
    shop.paymaster.run(payroll, wait=0.5)
    return bool(scheme.hub.transfers)


def test_what_is_about_nobody_is_kept_and_shown(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    with Receiving(shop):
        call_back(scheme, ("transfers", "11111111-1111-4111-8111-111111111111"), {"transferState": "COMMITTED"})
        call_back(scheme, ("parties", "MSISDN", "1234567890"), {"party": {}})
        call_back(scheme, ("transactionRequests", "1"), {"a": "b"})
        call_back(scheme, ("transfers", "1"), {"transferState": "COMMITTED"}, "Hub", method="PATCH")
    shop.paymaster.run(wait=0)
    with shop.paymaster._store.read() as connection:
        rows = connection.exec_driver_sql("SELECT path, authentic, state FROM arrivals ORDER BY id").fetchall()
    assert [tuple(row)[1:] for row in rows] == [(1, "unmatched"), (1, "unmatched"), (0, "unmatched"), (1, "unmatched")]


# -- look-ups and quotes ----------------------------------------------------------------------------------------------


def test_two_payments_to_one_person_share_her_look_up(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    person = Account("party", "ALIAS:amina")
    lines = [shop.invoice(n, account=person, beneficiary="ben", cycle=f"2026-{n:02d}") for n in range(1, 7)]
    payroll = shop.paid(lines)
    assert set(shop.states(payroll).values()) == {"paid"}, shop.events(payroll)
    assert scheme.moved() == {"amina": 6}


def test_a_quote_that_is_over_is_asked_for_anew(start: Start, open_shop: Open) -> None:
    scheme = start(quote_life=3.0)
    shop = open_shop(scheme, quote_margin=5.0)
    payroll = shop.approved(shop.invoices(1))
    shop.run_on(payroll)
    assert shop.states(payroll) == {"inv-0": "refused"} and len(scheme.hub.quotes) == 3
    assert scheme.moved() == {}


def test_a_late_word_about_a_superseded_quote_changes_nothing(start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    payroll = shop.paid(shop.invoices(1))
    (quote,) = scheme.hub.quotes
    failed = {"errorInformation": {"errorCode": "5103", "errorDescription": "late"}}
    with Receiving(shop):
        call_back(scheme, ("quotes", quote, "error"), failed)
    shop.paymaster.run(payroll, wait=0)
    assert shop.states(payroll) == {"inv-0": "paid"} and list(shop.paymaster.cases()) == []


def test_a_configuration_error_stops_the_channel_and_leaves_the_payroll_whole(start: Start, open_shop: Open) -> None:
    scheme = start()
    assert scheme.keys is not None
    right = (scheme.keys / "grantsfsp.pem").read_bytes()
    (scheme.keys / "grantsfsp.pem").write_bytes((scheme.keys / "Hub.pem").read_bytes())
    shop = open_shop(scheme)
    payroll = shop.approved(shop.invoices(20))
    report = shop.paymaster.run(payroll, wait=20.0)
    assert "3105" in report.stopped_channels["hub"]
    states = shop.states(payroll)
    assert set(states.values()) == {"ready"}, states
    (scheme.keys / "grantsfsp.pem").write_bytes(right)
    scheme.hub.voices._others._looked = 0.0
    shop.paymaster.lift_stop("hub", by="joseph")
    shop.run_on(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}, shop.events(payroll)


# -- crashes ----------------------------------------------------------------------------------------------------------

POINTS = (
    "before-commit", "after-commit", "after-mark", "before-ask", "after-ask", "claimed", "written-intent",
    "written-word", "written-outcome",
)  # fmt: skip


@pytest.mark.few(3)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_point_pays_nobody_twice(point: str, start: Start, open_shop: Open) -> None:
    scheme = start()
    shop = open_shop(scheme)
    payroll = shop.approved(shop.invoices(4))
    shop.paymaster.close_store()
    killed = 0
    with Lives() as lives:
        for count in (1, 4):
            killed += lives.live(shop.config, payroll, wait=5.0, kill_at=(point, count)) == KILLED
    assert killed >= 1
    shop.paymaster = Paymaster.open(shop.config)
    shop.run_on(payroll)
    states = judged(shop, scheme, payroll, 4)
    assert states.get("paid", 0) + states.get("refused", 0) == 4, states
