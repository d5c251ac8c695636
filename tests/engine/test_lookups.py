"""Rails whose every answer comes by callback: look-ups under a person's key, questions that are asked again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import (
    Arrival,
    Ask,
    Callback,
    Capabilities,
    Ctx,
    Done,
    Gateway,
    NotFound,
    Paid,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Request,
    Settings,
    Unknown,
    Verdict,
    Waiting,
    path,
)
from gateway_core.contract.channel import Channel
from gateway_core.engine.hear import hear
from gateway_core.engine.wire import Wire
from gateway_core.model.life import fold
from gateway_core.model.moments import as_time
from gateway_core.store import clock, inbox, journal

if TYPE_CHECKING:
    from tests.conftest import Shop

SECOND = 1_000_000
WORDS: dict[str, Verdict] = {"open": Done(), "none": Refused("no_account"), "unknown": NotFound()}


class Parties(Gateway[Settings]):
    """Look the person up, then pay; all is answered by callback."""

    name = "parties"
    test_only = True
    capabilities = Capabilities(finds_out=True, callbacks=True, ask_after=600.0, settle=0.0)

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        person, key = payment.account.value, ctx.new_id("pay")
        found = yield Ask("lookup", Request("GET", path("parties", person)), callback=f"party {person}")
        if isinstance(found, Refused):
            return found
        pay = Request("POST", "/payments", json={"key": key}, key=key)
        done = yield Ask("pay", pay, moves_money=True, find_out=Request("GET", path("payments", key)))
        return Paid(key) if isinstance(done, Done) else done

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.to == "callback":
            return WORDS[reply.json()["word"]]
        return Waiting(by_callback=reply.to == "find_out") if reply.status == 202 else Unknown()

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        return Callback(json.loads(arrival.body)["key"], True)


class Later:
    """A lane to a rail that takes every question."""

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        return 202, {}, b""

    async def close(self) -> None:
        """Nothing to drop."""


@pytest.fixture
def channel(shop: Shop) -> Channel:
    shop.paymaster._lane = lambda channel: Later()
    return shop.speak(Parties(Settings()))


def arrives(shop: Shop, channel: Channel, key: str, word: str, at: int = 0) -> int:
    """The rail calls back at this time, and the driver gets to it. How many arrivals it acted on."""
    store, at = shop.paymaster._store, at or clock.now_us()
    body = json.dumps({"key": key, "word": word}).encode()
    with clock.stepped(lambda: at), store.write() as connection:
        assert inbox.keep(connection, "dummy", Arrival("PUT", "/", {}, body, as_time(at)), key, True)
    return hear(store, lambda name: channel, clock.now_us())


def life_of(shop: Shop, payroll: str, number: int = 0) -> Any:
    with shop.paymaster._store.read() as connection:
        return fold(journal.facts_of(connection, shop.paymaster.payments(payroll)[number].id))


def looked_up(shop: Shop, *lines: Any, name: str = "payroll") -> str:
    payroll = shop.approved(lines, name)
    shop.run(payroll, wait=0)
    return payroll


def test_law_8_two_payments_that_look_the_same_person_up_both_hear_the_answer(shop: Shop, channel: Channel) -> None:
    payroll = looked_up(
        shop, shop.invoice(1, "w-same"), shop.invoice(2, "w-same", beneficiary="ben-1", cycle="2026-12")
    )
    assert arrives(shop, channel, "party w-same", "open") == 1
    assert [life_of(shop, payroll, number).steps["lookup"].verdict for number in (0, 1)] == ["done", "done"]


def test_law_8_a_later_look_up_takes_the_same_words_and_none_from_before(shop: Shop, channel: Channel) -> None:
    first = looked_up(shop, shop.invoice(1, "w-same"))
    assert arrives(shop, channel, "party w-same", "none") == 1
    shop.run(first, wait=0)
    assert shop.state(first) == "refused"
    earlier = clock.now_us()
    second = looked_up(shop, shop.invoice(2, "w-same", beneficiary="ben-1", cycle="2026-12"), name="next")
    assert life_of(shop, second).steps["lookup"].verdict == ""
    assert arrives(shop, channel, "party w-same", "open", earlier) == 1
    assert life_of(shop, second).steps["lookup"].verdict == "", "answered by what came before it was asked"
    # The same bytes as last month's.
    assert arrives(shop, channel, "party w-same", "none") == 1
    assert life_of(shop, second).steps["lookup"].verdict == "refused"


def test_law_8_bytes_that_are_only_sent_twice_are_counted(shop: Shop, channel: Channel) -> None:
    payroll = looked_up(shop, shop.invoice(1, "w-1"))
    assert [arrives(shop, channel, "party w-1", "none") for _ in range(5)] == [1, 0, 0, 0, 0]
    shop.run(payroll, wait=0)
    assert arrives(shop, channel, "party w-1", "none", clock.now_us() + 60 * SECOND) == 0, "nobody asks any more"
    assert shop.select("SELECT times FROM arrivals") == [(6,)]


def test_law_3_equal_answers_to_two_questions_are_two_answers(shop: Shop, channel: Channel) -> None:
    payroll = looked_up(shop, shop.invoice(1, "w-1"))
    arrives(shop, channel, "party w-1", "open")
    shop.run(payroll, wait=0)
    key = life_of(shop, payroll).money.key
    for count in (1, 2, 3):
        assert arrives(shop, channel, key, "unknown", clock.now_us() + count * SECOND) == 1
        assert life_of(shop, payroll).money.not_found == count


@pytest.mark.parametrize("others", [1, 5])
def test_each_of_many_that_ask_at_once_hears_it(shop: Shop, channel: Channel, others: int) -> None:
    lines = [shop.invoice(n, "w-same", beneficiary="ben-1", cycle=f"2026-{n:02d}") for n in range(1, others + 2)]
    payroll = looked_up(shop, *lines)
    arrives(shop, channel, "party w-same", "none")
    shop.run(payroll, wait=0)
    assert set(shop.states(payroll).values()) == {"refused"}
