"""Trials of a look-up that is answered by callback, under a key that names the person and not the question."""

from __future__ import annotations

import json
from pathlib import Path

from gateway_core.contract.channel import Channel
from gateway_core.contract.flow import Ask, Ctx, Paid, PayFlow, Request, path
from gateway_core.contract.gateway import Capabilities, Gateway, Settings
from gateway_core.contract.replies import Arrival, Callback, Done, Refused, Reply, Unknown, Verdict, Waiting
from gateway_core.engine.hear import hear
from gateway_core.engine.wire import Wire
from gateway_core.model.facts import Fact
from gateway_core.model.life import fold
from gateway_core.model.moments import as_time
from gateway_core.model.payment import Payment
from gateway_core.store import clock, inbox, journal

from .desk import Desk, desk
from .hunting import callbacks, must_hold

SECOND = 1_000_000
ACCOUNT = "w-1"


class Parties(Gateway[Settings]):
    """Look the person up, then pay."""

    name = "parties"
    test_only = True
    capabilities = Capabilities(callbacks=True, ask_after=600.0)

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Look up, pay."""
        person = payment.account.value
        found = yield Ask("lookup", Request("GET", path("parties", person)), callback=f"party {person}")
        if isinstance(found, Refused):
            return found
        key = ctx.new_id("pay")
        done = yield Ask("pay", Request("POST", "/payments", json={"key": key}, key=key), moves_money=True)
        return Paid(key) if isinstance(done, Done) else done

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """The answer comes by callback."""
        if reply.to != "callback":
            return Waiting() if reply.status == 202 else Unknown()
        return Done() if reply.json()["open"] else Refused("no_such_account")

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """It names the person; the trial's rail is authentic."""
        return Callback(f"party {ACCOUNT}", True)


class Later:
    """A lane to a rail that takes every question and answers by callback."""

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        return 202, {}, b""

    async def close(self) -> None:
        """Nothing to drop."""


def _asked_twice(shop: Desk) -> tuple[str, int, int]:
    """A payment whose look-up was refused, and which an officer retried: (its id, first asked at, asked again at)."""
    shop.paymaster._lane = lambda channel: Later()
    channel = shop.speak(Parties(Settings()))
    payroll = shop.approved([shop.invoice(1, ACCOUNT)])
    payment = shop.payment(payroll)
    shop.run(payroll, wait=0)
    _arrives(shop, channel, clock.now_us(), open_=False)
    shop.run(payroll, wait=0)
    assert shop.state(payroll) == "refused"
    shop.paymaster.retry(payment, by="amina", reason="her account was opened")
    shop.run(payroll, wait=0)
    asked = [fact.at for fact in _facts(shop, payment) if fact.kind == "intent"]
    assert len(asked) == 2
    return payment, asked[0], asked[1]


def _facts(shop: Desk, payment: str) -> list[Fact]:
    with shop.paymaster._store.read() as connection:
        return journal.facts_of(connection, payment)


def _arrives(shop: Desk, channel: Channel, at: int, *, open_: bool) -> None:
    """The rail calls back at this time; the driver gets to it now."""
    store = shop.paymaster._store
    body = json.dumps({"open": open_, "sent": at}).encode()
    with clock.stepped(lambda: at), store.write() as connection:
        assert inbox.keep(connection, "dummy", Arrival("POST", "/", {}, body, as_time(at)), f"party {ACCOUNT}", True)
    assert hear(store, lambda name: channel, clock.now_us()) == 1


def _answered(shop: Desk, payment: str) -> str:
    return fold(_facts(shop, payment)).steps["lookup"].verdict


def an_answer_to_the_first_question(folder: Path) -> None:
    """It came in before the second question was asked, and is acted on after that."""
    with desk(folder) as (shop, _):
        payment, first, second = _asked_twice(shop)
        channel = shop.paymaster.configuration.channel("dummy")
        _arrives(shop, channel, (first + second) // 2, open_=True)
        must_hold("8", _answered(shop, payment) == "", "a look-up was answered by what came before it was asked")


def an_answer_to_the_second_question(folder: Path) -> None:
    """And what comes after it was asked does answer it."""
    with desk(folder) as (shop, _):
        payment, _, second = _asked_twice(shop)
        channel = shop.paymaster.configuration.channel("dummy")
        _arrives(shop, channel, second + SECOND, open_=True)
        must_hold("8", _answered(shop, payment) == "done", "a look-up that was asked again hears no answer")


STALE_LOOK_UP = callbacks((an_answer_to_the_first_question, an_answer_to_the_second_question))
