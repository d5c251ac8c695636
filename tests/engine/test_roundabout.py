"""Rails that answer a roundabout way: by links to follow, by callbacks to a question, by a refusal that stops all."""

from __future__ import annotations

from typing import Any

import attrs
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
)  # fmt: skip
from gateway_core.contract.channel import Channel
from gateway_core.engine.decide import LINKS, Kind, Move, Rules, decide
from gateway_core.engine.evidence import Source, fact_of, judged
from gateway_core.model.facts import Fact
from gateway_core.model.life import Life, fold
from gateway_core.model.moments import SECOND

from .language import answer, dated, intent, late, outcome, word

RULES = Rules.of(
    Capabilities(finds_out=True, dedupes=True, dedupe_window=86_400, settle=60, ask_after=5, ask_limit=10, patience=900)
)
LINK: dict[str, Any] = {"ask_next": {"method": "GET", "path": "/transactions/1", "key": "k"}}
OTHER: dict[str, Any] = {"ask_next": {"method": "GET", "path": "/transactions/2", "key": "k"}}


def life(*facts: Fact) -> Life:
    return fold(dated(facts))


def move(*facts: Fact, rules: Rules = RULES, after: int = 0) -> Move:
    known = life(*facts)
    return decide(known, rules, known.last_at + after)


# -- links ----------------------------------------------------------------------------------------------------------


def test_a_link_that_answers_a_question_is_followed_at_once() -> None:
    known = life(intent(), word("unknown", "ask"), word("waiting", **LINK))
    assert decide(known, RULES, known.last_at).kind is Kind.ASK
    assert known.money is not None
    assert known.money.ask_next == LINK["ask_next"]


@pytest.mark.parametrize(
    "said",
    [
        [word("waiting", "ask", **LINK)],  # it was just taken: the rail needs its time
        [word("waiting", "ask", **LINK), word("waiting", **LINK)],  # the same link again says: still pending
        [word("waiting", **LINK), word("unknown")],  # it was followed, in vain
        [word("waiting", **LINK), word("waiting")],
    ],
)
def test_what_is_no_new_link_waits_its_turn(said: list[Fact]) -> None:
    assert move(intent(), *said).kind is Kind.WAIT


def test_a_link_with_a_time_waits_for_it() -> None:
    known = life(intent(), word("waiting", **LINK, not_before=90 * SECOND))
    assert decide(known, RULES, 89 * SECOND).kind is Kind.WAIT
    assert decide(known, RULES, 90 * SECOND).kind is Kind.ASK


def test_a_rail_that_sends_us_in_circles_is_asked_at_its_ordinary_pace() -> None:
    circle = [word("waiting", **(LINK if n % 2 else OTHER)) for n in range(LINKS)]
    assert move(intent(), *circle).kind is Kind.ASK
    assert move(intent(), *circle, word("waiting", **(LINK if LINKS % 2 else OTHER))).kind is Kind.WAIT


def test_a_link_is_no_word_about_pending_when_patience_is_over() -> None:
    begun = [intent(), word("waiting", "ask")]
    assert move(*begun, late(word("waiting"), 1_000)).kind is Kind.HOLD
    assert move(*begun, late(word("waiting", **LINK), 1_000)).kind is Kind.ASK


def test_a_link_found_while_reconciling_is_no_difference() -> None:
    paid = [intent(), answer("done"), outcome("paid")]
    assert life(*paid, word("waiting", "reconcile", **LINK)).cases == []
    assert life(*paid, word("waiting", "reconcile")).cases == [("pending_at_the_rail", 1)]


# -- questions that callbacks answer --------------------------------------------------------------------------------


def test_a_question_that_was_taken_says_nothing_of_the_payment() -> None:
    begun = [intent(), word("waiting", "ask")]
    asked = life(*begun, word("asked"))
    assert (asked.state, life(*begun).state) == ("pending", "pending")
    assert life(intent(), word("unknown", "ask"), word("asked")).state == "unknown"
    assert asked.money is not None
    assert (asked.money.asks, asked.money.last) == (1, "asked")


def test_questions_that_are_never_answered_end_with_people() -> None:
    asked = [word("asked") for _ in range(10)]
    assert move(intent(), *asked[:9]).kind is Kind.WAIT
    assert move(intent(), *asked).kind is Kind.HOLD


def test_not_found_by_callback_counts_like_any_other() -> None:
    gone = [word("asked"), late(word("not_found", "callback"), 10), late(word("asked"), 80)]
    assert move(intent(), *gone).kind is Kind.WAIT
    assert move(intent(), *gone, late(word("not_found", "callback"), 81)).kind is Kind.COPY


def test_paid_here_and_unknown_there_is_a_case_by_callback_too() -> None:
    paid = [intent(), answer("done"), outcome("paid")]
    assert life(*paid, word("not_found", "callback")).cases == [("paid_but_unknown_to_the_rail", 1)]
    assert life(*paid, word("waiting", "callback")).cases == []


# -- what a rail once had --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keeps", "kind"), [(False, Kind.COPY), (True, Kind.HOLD)])
def test_what_was_pending_and_is_not_found_goes_again_only_where_rails_forget(keeps: bool, kind: Kind) -> None:
    rules = attrs.evolve(RULES, keeps_pending=keeps)
    gone = [word("waiting", "ask"), late(word("not_found"), 100), late(word("not_found"), 200)]
    assert move(intent(), *gone, rules=rules).kind is kind
    assert move(intent(), *gone[1:], rules=rules).kind is Kind.COPY


# -- verdicts --------------------------------------------------------------------------------------------------------


class Rail(Gateway[Settings]):
    """Its verdict stands in the body."""

    name = "rail"

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        yield Ask("pay", Request("POST", "/pay", key="k"), moves_money=True)
        return Paid("1")

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        if b"path" in reply.body:
            return Unknown(reply.path)
        said: dict[bytes, Verdict] = {
            b"gone": NotFound(), b"asked": Waiting(by_callback=True), b"stop": Refused("c", "r", stops_channel=True),
            b"dead": Refused("c", "r", stops_channel=True, final=True), b"done": Done(),
        }  # fmt: skip
        return said[reply.body]

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        return Callback("k", True)


CHANNEL = Channel("rail", Rail(Settings()))
ASK = Ask("pay", Request("POST", "/pay", key="k"), moves_money=True)


def stated(body: bytes, source: Source) -> tuple[str, str]:
    verdict, seen = judged(CHANNEL, ASK, (200, {}, body), source, "/somewhere")
    fact = fact_of(verdict, seen, no=1, at=1, attempt=1, step="pay", source=source, money=True)
    return fact.kind, fact.value


@pytest.mark.parametrize(
    ("body", "by_source"),
    [
        (b"gone", {"ask": "unknown", "find_out": "not_found", "callback": "not_found", "reconcile": "not_found"}),
        (b"asked", {"ask": "unknown", "find_out": "asked", "callback": "unknown", "reconcile": "asked"}),
        (b"stop", {"ask": "not_taken", "find_out": "unknown", "callback": "unknown", "reconcile": "unknown"}),
        (b"dead", {"ask": "not_taken", "find_out": "refused", "callback": "refused", "reconcile": "refused"}),
    ],
)
def test_what_a_verdict_states_depends_on_what_it_answers(body: bytes, by_source: dict[Source, str]) -> None:
    assert {source: stated(body, source)[1] for source in by_source} == by_source


def test_a_reply_says_which_request_it_answers() -> None:
    assert judged(CHANNEL, ASK, (200, {}, b"path"), "find_out", "/responses/k")[0] == Unknown("/responses/k")
