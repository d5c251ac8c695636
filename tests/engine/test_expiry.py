"""A rail that ends by itself what is expired: what proves that a transfer can no longer happen, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.contract import Ask, Capabilities, Ctx, Done, Gateway, Paid, PayFlow, Payment, Request, Settings
from gateway_core.engine import pace
from gateway_core.engine.decide import Kind, Rules, decide
from gateway_core.engine.evidence import GONE
from gateway_core.engine.lanes import NotSent
from gateway_core.engine.wire import Wire
from gateway_core.model.facts import Fact
from gateway_core.model.life import Life, add, fold

if TYPE_CHECKING:
    from tests.conftest import Shop

SECOND = 1_000_000
SENT, BEFORE, EXPIRES, SETTLE = 1000 * SECOND, 1050 * SECOND, 1180 * SECOND, 30 * SECOND
BODY = {"moves_money": True, "find_out": {"path": "/x"}, "send_before": BEFORE, "expires": EXPIRES, "settle": SETTLE}
RULES = Rules.of(
    Capabilities(finds_out=True, callbacks=True, dedupes=True, dedupe_window=50, settle=30, ask_after=1, ask_limit=20)
)


def said(*words: tuple[str, float] | tuple[str, float, Mapping[str, Any]], body: Mapping[str, Any] = BODY) -> Life:
    """A transfer that was sent, and what the rail said of it: (word, seconds after sending, more of it)."""
    facts = [Fact(1, SENT, "intent", "sent", "", 1, "pay", "k", dict(body))]
    for no, (word, after, *more) in enumerate(words, 2):
        told = dict(more[0]) if more else {}
        facts.append(Fact(no, SENT + int(after * SECOND), "word", word, "callback", 1, "pay", "", told))
    return fold(facts)


def gone(after: float) -> tuple[str, float, Mapping[str, Any]]:
    return ("not_found", after, GONE)


# (what was said, whether the attempt is over)
PROOFS: list[tuple[list[Any], bool]] = [
    ([gone(200), gone(231)], True),
    ([gone(200), ("asked", 201), ("heard", 202), gone(231)], True),
    ([gone(200), gone(210), gone(230)], True),
    # Too early, too close, only once, or by a clock that is behind.
    ([gone(200)], False),
    ([gone(200), gone(229)], False),
    ([gone(100), gone(140), gone(179)], False),
    ([gone(100), gone(200)], False),
    ([gone(200), ("not_found", 240)], False),
    ([("not_found", 200), ("not_found", 240)], False),
    # It turned up in between.
    ([gone(200), ("waiting", 210), gone(240)], False),
    ([gone(200), ("waiting", 210), gone(240), gone(271)], True),
]


@pytest.mark.parametrize(("words", "over"), PROOFS)
def test_law_2_an_expiry_and_two_words_after_it_end_an_attempt(words: list[Any], over: bool) -> None:
    step = said(*words).money
    assert step is not None and (step.verdict == "refused") is over


@pytest.mark.parametrize("words", [words for words, _ in PROOFS])
def test_law_2_without_an_expiry_nothing_does(words: list[Any]) -> None:
    step = said(*words, body={key: value for key, value in BODY.items() if key != "expires"}).money
    assert step is not None and step.verdict == ""


def test_law_2_what_came_after_all_is_a_case() -> None:
    life = said(gone(200), gone(231))
    late = {"moves_money": True}
    add(life, Fact(life.facts + 1, SENT + 900 * SECOND, "answer", "done", "callback", 1, "pay", "", late))
    assert life.contradicted or ("possible_double_payment", 1) in life.cases


def at(life: Life, seconds: float) -> Kind:
    return decide(life, RULES, SENT + int(seconds * SECOND)).kind


def test_the_same_bytes_go_again_only_in_time() -> None:
    twice = said(("not_found", 5), ("not_found", 40))
    assert at(twice, 41) is Kind.COPY
    late = said(("not_found", 5), ("not_found", 49.5))
    assert at(late, 51) in (Kind.ASK, Kind.WAIT), "nor is it held: the rail's own end of it is waited for"
    assert at(late, 5000) is Kind.ASK


def test_what_never_left_begins_anew_when_its_time_is_over() -> None:
    life = said()
    add(life, Fact(2, SENT + SECOND, "unsent", "ConnectError", "ask", 1, "pay"))
    assert at(life, 20) is Kind.COPY
    assert at(life, 51) is Kind.END


class Timed(Gateway[Settings]):
    """Each attempt may leave for a second."""

    name = "timed"
    test_only = True
    capabilities = Capabilities(finds_out=True)

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        key = ctx.new_id("pay")
        until = ctx.now + timedelta(seconds=1)
        pay = Request("POST", "/pay", json={"until": until.isoformat()}, key=key)
        done = yield Ask("pay", pay, moves_money=True, send_before=until, expires=until + timedelta(seconds=9))
        return Paid(key) if isinstance(done, Done) else done


class Unplugged:
    """A lane over which nothing ever leaves."""

    def __init__(self, tried: list[bytes]) -> None:
        self._tried = tried

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        self._tried.append(wire.body)
        raise NotSent("ConnectError")

    async def close(self) -> None:
        """Nothing to drop."""


def test_law_2_an_attempt_that_never_left_is_followed_by_another_and_that_has_a_bound(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "FAILURES", 10_000)
    tried: list[bytes] = []
    shop.paymaster._lane = lambda channel: Unplugged(tried)
    shop.speak(Timed(Settings()))
    payroll = shop.approved([shop.invoice(1, "w-1")])
    shop.run(payroll, wait=30)
    view = shop.paymaster.payments(payroll)[0]
    assert (view.state, len(set(tried))) == ("held", 5), shop.paymaster.events(view.id)


def test_times_belong_to_money_and_have_a_zone(shop: Shop) -> None:
    class Wrong(Timed):
        def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
            naive = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
            yield Ask("pay", Request("POST", "/pay", key="k"), moves_money=True, expires=naive)
            raise AssertionError

    shop.speak(Wrong(Settings()))
    payroll = shop.approved([shop.invoice(1, "w-1")])
    shop.run(payroll, wait=1)
    assert shop.state(payroll) == "held"
