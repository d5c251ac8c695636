"""Deciding: one row per rule, and a bound for every branch: whatever a rail does, each payment comes to an end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core.contract.gateway import Capabilities
from gateway_core.engine.decide import COPIES, HARMLESS_COPIES, Kind, Rules, decide
from gateway_core.model.facts import Fact
from gateway_core.model.life import Life, add, fold
from gateway_core.model.moments import SECOND

NOW = 1_000 * SECOND
ASKABLE = Rules.of(
    Capabilities(
        finds_out=True, callbacks=True, dedupes=True, dedupe_window=86_400, settle=60, ask_after=5, ask_at_most=600,
        ask_limit=10, patience=7 * 86_400,
    )
)  # fmt: skip
NO_DEDUPE = attrs.evolve(ASKABLE, dedupes=False)
LISTENS = attrs.evolve(ASKABLE, finds_out=False)
DEAF = attrs.evolve(LISTENS, callbacks=False)


def fact(kind: str, value: str = "", source: str = "driver", *, ago: float = 0, step: str = "pay", **body: Any) -> Fact:
    return Fact(0, NOW - int(ago * SECOND), kind, value, source, 1, step, "k", body)


def intent(ago: float = 100, *, money: bool = True, find_out: bool = True, value: str = "sent") -> Fact:
    body: dict[str, Any] = ({"find_out": {"method": "GET"}} if find_out else {}) | (
        {"moves_money": True} if money else {}
    )
    return fact("intent", value, ago=ago, **body)


def life(*facts: Fact) -> Life:
    return fold(attrs.evolve(fact, no=no) for no, fact in enumerate(facts, 1))


def not_found(*agos: float) -> list[Fact]:
    return [fact("word", "not_found", "find_out", ago=ago) for ago in agos]


SILENT = fact("word", "unknown", "ask", ago=90)
WAITING = fact("word", "waiting", "ask", ago=90)
GONE = not_found(80, 10)

# what the row shows, the facts, the rules, the move, and whether it is to be made now (None: no matter)
ROWS: list[tuple[str, list[Fact], Rules, Kind, bool | None]] = [
    ("nothing asked yet: let the flow begin", [], ASKABLE, Kind.CONTINUE, True),
    ("answered: let the flow go on", [intent(), fact("answer", "done", "ask")], ASKABLE, Kind.CONTINUE, True),
    ("paid: stop", [intent(), fact("answer", "done", "ask"), fact("outcome", "paid", step="")], ASKABLE, Kind.STOP,
     None),
    ("paid, said by its answer: stop", [intent(), fact("outcome", "paid", "ask")], ASKABLE, Kind.STOP, None),
    ("held: stop", [intent(), fact("hold", "why")], ASKABLE, Kind.STOP, None),
    ("two answers that contradict: hold", [intent(), fact("answer", "refused", "ask"),
     fact("answer", "done", "callback")], ASKABLE, Kind.HOLD, None),
    # an intent without an answer is asked about, never sent again at once
    ("crashed after the intent: ask", [intent(100)], ASKABLE, Kind.ASK, True),
    ("crashed just now: not yet", [intent(1)], ASKABLE, Kind.WAIT, False),
    ("silence: ask", [intent(), SILENT], ASKABLE, Kind.ASK, True),
    ("silence just now: not yet", [intent(), fact("word", "unknown", "ask", ago=1)], ASKABLE, Kind.WAIT, False),
    ("pending: ask", [intent(), WAITING], ASKABLE, Kind.ASK, True),
    ("pending, asked not to ask before: wait", [intent(), fact("word", "waiting", "ask", ago=90,
     not_before=NOW + SECOND)], ASKABLE, Kind.WAIT, False),
    ("a callback that proves nothing: ask at once", [intent(1), fact("word", "heard", "callback")], ASKABLE, Kind.ASK,
     True),
    ("withheld after a restore: ask first", [intent(0, value="withheld")], ASKABLE, Kind.ASK, True),
    ("a refusal in doubt: ask", [intent(), SILENT, fact("copy", ago=80), fact("answer", "refused", "ask", ago=70)],
     ASKABLE, Kind.ASK, True),
    ("pending beyond patience, but the sender was away: ask before giving up",
     [intent(8 * 86_400), fact("word", "waiting", "ask", ago=7 * 86_400 + 1)], ASKABLE, Kind.ASK, True),
    ("pending, and pending still after patience was over: hold",
     [intent(8 * 86_400), fact("word", "waiting", "ask", ago=7 * 86_400 + 1),
     fact("word", "waiting", "find_out", ago=0)],
     ASKABLE, Kind.HOLD, None),
    ("pending, asked often: patience decides, not the number of questions",
     [intent(), *[fact("word", "waiting", "find_out", ago=50)] * 10], ASKABLE, Kind.WAIT, False),
    ("asked too often: hold", [intent(), *[fact("word", "unknown", "find_out", ago=50)] * 10], ASKABLE, Kind.HOLD,
     None),
    ("pending for long, released to be asked again: patience begins anew",
     [intent(8 * 86_400), fact("word", "waiting", "ask", ago=8 * 86_400), fact("hold", ago=99),
      fact("release", "pending", ago=90)], ASKABLE, Kind.ASK, True),
    ("cannot be asked, released to wait again: listen",
     [intent(8 * 86_400), fact("hold", ago=99), fact("release", "pending", ago=90)], LISTENS, Kind.WAIT, False),
    # not found
    ("not found once: wait for it to settle", [intent(), *not_found(10)], ASKABLE, Kind.WAIT, False),
    ("not found twice, too near: wait", [intent(), *not_found(30, 10)], ASKABLE, Kind.WAIT, False),
    ("not found twice, settled: the same bytes", [intent(), *GONE], ASKABLE, Kind.COPY, True),
    ("not found twice, settled, then silence: ask", [intent(), *GONE, fact("word", "unknown", "find_out", ago=9)],
     ASKABLE, Kind.WAIT, False),
    ("without dedupe: hold", [intent(), *GONE], NO_DEDUPE, Kind.HOLD, None),
    ("outside the window: hold", [intent(2 * 86_400), *GONE], ASKABLE, Kind.HOLD, None),
    ("after so many copies: ask only", [intent(500), *[fact("copy", ago=400)] * (COPIES - 1), *GONE], ASKABLE,
     Kind.WAIT, False),
    # provably nothing landed
    ("never left: the same bytes after a while", [intent(), fact("unsent", "ConnectError", "ask", ago=50)], NO_DEDUPE,
     Kind.COPY, True),
    ("never left, just now: not yet", [intent(), fact("unsent", "ConnectError", "ask")], NO_DEDUPE, Kind.WAIT, False),
    ("not taken, retry after: wait", [intent(), fact("answer", "not_taken", "ask", ago=50, not_before=NOW + 5)],
     NO_DEDUPE, Kind.WAIT, False),
    ("one never left, one is in doubt: ask",
     [intent(), SILENT, fact("copy", ago=50), fact("unsent", "x", "ask", ago=40)],
     ASKABLE, Kind.ASK, True),
    ("released by two people: the same bytes", [intent(), SILENT, fact("hold"), fact("release", "ready")], DEAF,
     Kind.COPY, True),
    # a rail that cannot be asked
    ("cannot be asked, calls back: listen", [intent(), SILENT], LISTENS, Kind.WAIT, False),
    ("listened long enough: hold", [intent(8 * 86_400)], LISTENS, Kind.HOLD, None),
    ("neither: hold", [intent(), SILENT], DEAF, Kind.HOLD, None),
    ("no question for this ask: hold", [intent(find_out=False), SILENT], attrs.evolve(ASKABLE, callbacks=False),
     Kind.HOLD, None),
    ("a link to follow can be asked", [intent(find_out=False), fact("word", "waiting", "ask", ago=90,
     ask_next={"x": 1})],
     DEAF, Kind.ASK, True),
    # a step that moves nothing
    ("a silent look-up: the same question", [intent(money=False), SILENT], NO_DEDUPE, Kind.COPY, True),
    ("a pending look-up: ask", [intent(money=False), WAITING], ASKABLE, Kind.ASK, True),
    ("a look-up silent for ever: hold", [intent(money=False), *[fact("copy", ago=50)] * (COPIES - 1)], ASKABLE,
     Kind.HOLD, None),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "rules", "kind", "at_once"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_rule(facts: list[Fact], rules: Rules, kind: Kind, at_once: bool | None) -> None:
    move = decide(life(*facts), rules, NOW)
    assert move.kind is kind
    assert at_once is None or (move.at <= NOW) is at_once
    assert kind is not Kind.HOLD or move.why


def test_waiting_is_computed_from_facts_so_that_a_restart_does_not_begin_anew() -> None:
    known = life(intent(), SILENT)
    assert decide(known, ASKABLE, NOW, "p").at == decide(known, ASKABLE, NOW + SECOND, "p").at


def test_payments_do_not_ask_in_step() -> None:
    assert len({decide(life(intent(1)), ASKABLE, NOW, f"payment {n}").at for n in range(50)}) > 25


# -- every branch ends ------------------------------------------------------------------------------------------------

ALL_RULES = [
    attrs.evolve(ASKABLE, finds_out=finds_out, callbacks=callbacks, dedupes=dedupes, dedupe_window=window * SECOND)
    for finds_out, callbacks, dedupes, window in product((True, False), (True, False), (True, False), (60, 10**7))
]
ON_SEND = ("unsent", "unknown", "waiting", "not_taken", "refused", "crash")
ON_ASK = ("unknown", "waiting", "not_found")
# Copies that harm nobody, questions, copies in doubt, and the patience with a pending one: nothing else repeats.
BOUND = 3 * (HARMLESS_COPIES + ASKABLE.ask_limit + COPIES + ASKABLE.patience // ASKABLE.ask_at_most)


def end_of(rules: Rules, find_out: bool, money: bool, choose: Callable[[tuple[str, ...]], str]) -> tuple[Kind, int]:
    """Follow `decide` with the answers that `choose` gives; (last move, how many moves it took). Time flies."""
    now, facts, known = NOW, 0, Life()

    def note(fact: Fact) -> None:
        nonlocal facts
        facts += 1
        add(known, attrs.evolve(fact, no=facts, at=now))

    note(attrs.evolve(intent(0, find_out=find_out, money=money), at=now))
    said(note, choose(ON_SEND), "ask")
    for moves in range(BOUND):
        move = decide(known, rules, now)
        if move.kind is Kind.WAIT:
            assert move.at > now, "a wait that is over is no wait"
            now = move.at
        elif move.kind is Kind.COPY:
            now += 1000
            note(fact("copy"))
            said(note, choose(ON_SEND), "ask")
        elif move.kind is Kind.ASK:
            now += 1000
            said(note, choose(ON_ASK), "find_out")
        else:
            return move.kind, moves
    raise AssertionError(f"no end after {BOUND} moves")


def said(note: Callable[[Fact], None], value: str, source: str) -> None:
    if value == "unsent":
        note(fact("unsent", "ConnectError", source))
    elif value in ("not_taken", "refused"):
        note(fact("answer", value, source))
    elif value != "crash":
        note(fact("word", value, source))


@pytest.mark.parametrize("rules", ALL_RULES, ids=str)
def test_the_same_answer_for_ever_comes_to_an_end(rules: Rules) -> None:
    for find_out, money, on_send, on_ask in product((True, False), (True, False), ON_SEND, ON_ASK):
        always = {ON_SEND: on_send, ON_ASK: on_ask}
        kind, _ = end_of(rules, find_out, money, always.__getitem__)
        assert kind in (Kind.HOLD, Kind.CONTINUE), (find_out, money, on_send, on_ask)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(ALL_RULES), st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_any_mixture_of_bad_answers_comes_to_an_end(rules: Rules, find_out: bool, money: bool, chance: Any) -> None:
    kind, _ = end_of(rules, find_out, money, chance.choice)
    assert kind in (Kind.HOLD, Kind.CONTINUE)


def test_without_dedupe_a_copy_in_doubt_is_never_joined_by_another() -> None:
    """The worst for a rail that pays a repeated key twice: nothing goes again while anything can still land."""
    for rules in ALL_RULES:
        if not rules.dedupes:
            for facts in ([intent()], [intent(), SILENT], [intent(), *GONE], [intent(), WAITING, *GONE]):
                assert decide(life(*facts), rules, NOW).kind is not Kind.COPY
