"""Replay: a flow runs again over the journal and must ask the same; every rule that it can break is broken here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from gateway_core.contract import Account, Ask, Ctx, Done, Gateway, Money, Paid, Payment, Refused, Request, Settings
from gateway_core.contract.channel import Channel
from gateway_core.engine.conversation import STEPS_PER_FLOW, Broken, Conversation, Differs, Intent, answer_body
from gateway_core.model.facts import Fact
from gateway_core.model.life import Life, fold

PAYMENT = Payment(
    id="p", number=1, invoice="i", entitlement="e", beneficiary="b", name="Amina", account=Account("wallet", "w-1"),
    amount=Money(500, "UGX"), programme="", cycle="", instalment="", reference="", channel="c", extra={},
)  # fmt: skip
NOW = 1_795_000_000_000_000
Flow = Callable[[Payment, Ctx], Any]


def channel(flow: Flow) -> Channel:
    class Acme(Gateway[Settings]):
        name = "acme"
        flow_version = 3

        def execute_payment(self, payment: Payment, ctx: Ctx) -> Any:
            return flow(payment, ctx)

    return Channel("c", Acme(Settings()))


def talk(flow: Flow, attempt: int = 1) -> Conversation:
    return Conversation(channel(flow), PAYMENT, "deployment", attempt, NOW)


def look(name: str = "look") -> Ask:
    return Ask(name, Request("GET", "/look"))


def pay(ctx: Ctx, ask: str = "pay", **body: Any) -> Ask:
    key = ctx.new_id("pay")
    return Ask(ask, Request("POST", "/pay", json=body, key=key), True, Request("GET", "/pay/" + key))


def good(payment: Payment, ctx: Ctx) -> Any:
    found = yield look()
    if isinstance(found, Refused):
        return found
    done = yield pay(ctx, name=found.body["name"], at=ctx.now.isoformat())
    return Paid(done.body["reference"]) if isinstance(done, Done) else done


DONE_LOOK = Done({"name": "A. Mina"})
DONE_PAY = Done({"reference": "R-1"})


def journal(flow: Flow, *answers: Done | Refused, attempt: int = 1) -> Life:
    """The life after the flow asked and was answered so: what the driver writes."""
    facts = [Fact(n, NOW, "ended", "differs", attempt=n) for n in range(1, attempt)]
    for n, answer in enumerate(answers):
        said = talk(flow, attempt).advance(fold(facts))
        assert isinstance(said, Intent)
        body = answer_body(answer, said.ask.moves_money)
        value = "done" if isinstance(answer, Done) else "refused"
        facts += [
            Fact(len(facts) + 1, NOW + n, "intent", "sent", "driver", attempt, said.ask.name, said.key, said.body),
            Fact(len(facts) + 2, NOW + n + 1, "answer", value, "ask", attempt, said.ask.name, "", body),
        ]
    return fold(facts)


def test_a_flow_from_its_first_ask_to_its_end() -> None:
    said = talk(good).advance(Life())
    assert isinstance(said, Intent)
    assert (said.ask.name, said.body["flow_version"], said.body.get("moves_money")) == ("look", 3, None)
    said = talk(good).advance(journal(good, DONE_LOOK))
    assert isinstance(said, Intent)
    assert (said.ask.name, said.body["moves_money"], said.body["request"]["json"]["name"]) == ("pay", True, "A. Mina")
    assert said.key == said.body["request"]["key"] != ""
    assert said.body["find_out"]["path"].endswith(said.key)
    assert talk(good).advance(journal(good, DONE_LOOK, DONE_PAY)) == Paid("R-1")


def test_law_4_two_runs_over_the_same_answers_ask_the_same() -> None:
    life = journal(good, DONE_LOOK)
    assert talk(good).advance(life) == talk(good).advance(life)


def test_a_kept_conversation_and_a_replay_agree() -> None:
    kept = talk(good)
    kept.advance(Life())
    assert kept.advance(journal(good, DONE_LOOK)) == talk(good).advance(journal(good, DONE_LOOK))


def test_law_2_another_attempt_has_another_key() -> None:
    keys = set()
    for attempt in (1, 2, 3):
        said = talk(good, attempt).advance(journal(good, DONE_LOOK, attempt=attempt))
        assert isinstance(said, Intent)
        keys.add(said.key)
    assert len(keys) == 3


def test_a_refused_look_up_ends_the_flow() -> None:
    assert talk(good).advance(journal(good, Refused("no_account", "nobody"))) == Refused("no_account", "nobody")


def test_a_refused_money_ask_ends_the_flow() -> None:
    said = talk(good).advance(journal(good, DONE_LOOK, Refused("limit")))
    assert said == Refused("limit", "limit")


def test_time_is_the_journal_s() -> None:
    seen: list[Any] = []

    def flow(payment: Payment, ctx: Ctx) -> Any:
        seen.append(ctx.now)
        yield look()
        seen.append(ctx.now)
        yield pay(ctx)

    life = journal(flow, DONE_LOOK)
    seen.clear()
    Conversation(channel(flow), PAYMENT, "deployment", 1, NOW + 10**9).advance(life)
    first, second = seen
    assert (second - first).microseconds == 1


# -- the journal and the flow differ ----------------------------------------------------------------------------------


def renamed(payment: Payment, ctx: Ctx) -> Any:
    yield look("search")


def elsewhere(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("look", Request("GET", "/other"))


def keyed(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("look", Request("GET", "/look", key="k"))


def headed(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("look", Request("GET", "/look", headers={"X": "1"}))


def ended(payment: Payment, ctx: Ctx) -> Any:
    return Refused("never")
    yield


@pytest.mark.parametrize("flow", [renamed, elsewhere, keyed, headed, ended])
def test_a_flow_that_asks_differently_from_the_journal_sends_nothing(flow: Flow) -> None:
    with pytest.raises(Differs):
        talk(flow).advance(journal(good, DONE_LOOK))


def test_random_ids_are_found_out() -> None:
    drawn = iter("abcdef")

    def careless(payment: Payment, ctx: Ctx) -> Any:
        yield Ask("quote", Request("POST", "/quote", json={"id": next(drawn)}))
        yield pay(ctx)

    with pytest.raises(Differs):
        talk(careless).advance(journal(careless, Done()))


# -- rules that a plugin may break ------------------------------------------------------------------------------------


def twice(payment: Payment, ctx: Ctx) -> Any:
    yield pay(ctx)
    yield pay(ctx, "pay again")


def goes_on(payment: Payment, ctx: Ctx) -> Any:
    yield pay(ctx)
    yield look()


def same_name(payment: Payment, ctx: Ctx) -> Any:
    yield look()
    yield look()


def keyless(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("pay", Request("POST", "/pay"), moves_money=True)


def climbing(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("look", Request("GET", "/a/../b"))


def bad_question(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("pay", Request("POST", "/pay", key="k"), True, Request("GET", "https://elsewhere/"))


def not_json(payment: Payment, ctx: Ctx) -> Any:
    yield Ask("look", Request("POST", "/look", json={"amount": payment.amount}))


def raises_at_once(payment: Payment, ctx: Ctx) -> Any:
    raise KeyError("name")
    yield


def no_generator(payment: Payment, ctx: Ctx) -> Any:
    return Paid("1")


def yields_a_request(payment: Payment, ctx: Ctx) -> Any:
    yield Request("GET", "/look")


def returns_nothing(payment: Payment, ctx: Ctx) -> Any:
    yield look()


def returns_true(payment: Payment, ctx: Ctx) -> Any:
    return True
    yield


def raises_later(payment: Payment, ctx: Ctx) -> Any:
    found = yield look()
    yield pay(ctx, name=found.body["nome"])


def endless(payment: Payment, ctx: Ctx) -> Any:
    for n in range(100):
        yield look(f"look {n}")


BROKEN: list[tuple[Flow, list[Done | Refused], str]] = [
    (twice, [Done()], "two asks of one attempt move money"),
    (goes_on, [Refused("limit")], "went on after its money ask was refused"),
    (same_name, [Done()], "two asks are named look"),
    (keyless, [], "moves money without a key"),
    (climbing, [], "dot segments"),
    (bad_question, [], "find_out"),
    (not_json, [], "look"),
    (raises_at_once, [], "KeyError"),
    (no_generator, [], "must be a generator"),
    (yields_a_request, [], "yielded Request, not Ask"),
    (returns_nothing, [Done()], "returned NoneType, not Paid or Refused"),
    (returns_true, [], "returned bool"),
    (raises_later, [Done({"name": "A"})], "KeyError: 'nome'"),
    (endless, [Done()] * STEPS_PER_FLOW, "more than 20 asks"),
]


@pytest.mark.parametrize(("flow", "answers", "why"), BROKEN, ids=[row[0].__name__ for row in BROKEN])
def test_law_10_a_broken_rule_is_told_and_nothing_is_sent(flow: Flow, answers: list[Done | Refused], why: str) -> None:
    with pytest.raises(Broken, match=why) as caught:
        talk(flow).advance(journal(flow, *answers))
    assert not isinstance(caught.value, Differs)


def test_a_step_without_an_answer_is_not_replayed() -> None:
    said = talk(good).advance(Life())
    assert isinstance(said, Intent)
    life = fold([Fact(1, NOW, "intent", "sent", step="look", body=said.body)])
    with pytest.raises(Broken, match="no definite answer"):
        talk(good).advance(life)


def test_what_is_journaled_of_an_answer_is_what_the_flow_reads() -> None:
    life = journal(good, DONE_LOOK, DONE_PAY)
    assert life.money is not None
    assert life.money.answer is not None
    assert life.money.answer.body == {"body": {"reference": "R-1"}, "moves_money": True}
    assert attrs.asdict(Refused("a")).keys() == {"code", "reason", "stops_channel", "final"}
