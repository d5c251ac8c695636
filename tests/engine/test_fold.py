"""The fold: facts in, state, verdicts and cases out. One row per rule; every edge of the table of states is walked."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from gateway_core.model.facts import BROUGHT, Fact
from gateway_core.model.life import Life, add, fold
from gateway_core.model.states import PAYMENT

from .language import SECOND, answer, copy, dated, hold, intent, late, outcome, plain, release, unsent, word

DOUBLE = "possible_double_payment"
PAID = [intent(), answer("done"), outcome("paid")]
REFUSED = [intent(), answer("refused"), outcome("refused")]
RETRIED = [*REFUSED, plain("retry")]
TWICE = [intent(), word("unknown", "ask"), copy()]
HELD = [intent(), word("unknown", "ask"), hold()]
UNSENT = [intent(), unsent()]

# what the row shows, the facts, the state they fold to, and what else is then true of the Life or its money step
Row = tuple[str, list[Fact], str, dict[str, Any]]
ROWS: list[Row] = [
    # the life of an untroubled payment, and of a refused one
    ("nothing happened yet", [], "planned", {"attempt": 1, "money": None}),
    ("a look-up moves nothing", [intent(False, step="look")], "planned", {"money": None}),
    ("a money intent is sending", [intent()], "sending", {"in_doubt": 1, "copies": 1}),
    ("an answer alone is no outcome", [intent(), answer("done")], "sending", {"verdict": "done"}),
    ("paid", PAID, "paid", {"reference": "R", "cases": []}),
    ("refused", REFUSED, "refused", {"verdict": "refused", "reason": "because", "in_doubt": 0}),
    ("a look-up said no", [intent(False, step="look"), answer("refused", step="look"), outcome("refused")], "refused",
     {"money": None}),
    ("held while sending", [intent(), hold()], "held", {"reason": "people must look"}),
    ("held before sending", [hold()], "held", {"money": None}),
    ("cancelled before sending", [plain("cancelled")], "cancelled", {}),
    ("returned at once", [intent(), answer("returned", reason="closed")], "returned", {"reason": "closed"}),
    # proofs that a copy cannot land
    ("never left", UNSENT, "ready", {"in_doubt": 0, "closed": 1, "same_bytes_released": False}),
    ("not taken", [intent(), answer("not_taken", not_before=9)], "ready", {"in_doubt": 0, "not_before": 9}),
    ("never left, then went", [*UNSENT, copy(), answer("done"), outcome("paid")], "paid", {"copies": 2}),
    ("a lost copy is not closed by one that never left", [*TWICE, unsent()], "unknown", {"in_doubt": 1, "copies": 2}),
    ("a lost copy is not closed by one not taken", [*TWICE, answer("not_taken")], "unknown", {"in_doubt": 1}),
    ("no proof closes a step twice", [*REFUSED, unsent()], "refused", {"closed": 1}),
    # silence, pending, not found: never the end of an attempt
    ("silence", [intent(), word("unknown", "ask")], "unknown", {"asks": 0, "verdict": ""}),
    ("silence of a question", [intent(), word("unknown")], "unknown", {"asks": 1}),
    ("pending", [intent(), word("waiting", "ask", not_before=7)], "pending",
     {"not_before": 7, "waiting_since": 2 * SECOND}),
    ("a link to follow stays", [intent(), word("waiting", "ask", ask_next={"x": 1}), word("waiting")], "pending",
     {"ask_next": {"x": 1}, "waiting_since": 2 * SECOND}),
    ("pending, then nobody knows", [intent(), word("waiting"), word("unknown")], "unknown", {}),
    ("unknown, then pending", [intent(), word("unknown"), word("waiting")], "pending", {}),
    ("not found", [intent(), word("not_found")], "unknown", {"not_found": 1, "first_not_found": 2 * SECOND}),
    ("not found a hundred times kills nothing", [intent(), *[word("not_found")] * 100], "unknown",
     {"attempt": 1, "verdict": "", "not_found": 100}),
    ("a new copy counts not found anew", [*TWICE, word("not_found"), copy()], "sending", {"not_found": 0, "copies": 3}),
    ("pending: the same bytes again", [intent(), word("waiting"), copy()], "sending", {"copies": 2}),
    ("an unauthenticated callback says nothing", [intent(), word("heard", "callback")], "sending", {"last": "heard"}),
    ("a word about another attempt says nothing", [intent(), word("waiting", attempt=7)], "sending", {"last": "sent"}),
    ("a word about a look-up moves nothing", [intent(False, step="look"), word("waiting", step="look")], "planned", {}),
    # refusals in doubt (law 3)
    ("a refusal of the second copy proves nothing", [*TWICE, answer("refused")], "unknown",
     {"verdict": "", "in_doubt": 1}),
    ("a refusal of every copy does", [*TWICE, answer("refused"), answer("refused")], "unknown", {"verdict": "refused"}),
    ("unsent and refused: nothing can land", [*UNSENT, copy(), answer("refused"), outcome("refused")], "refused",
     {"verdict": "refused"}),
    ("a refusal of this key, found by asking, decides", [*TWICE, answer("refused", "find_out")], "sending",
     {"verdict": "refused"}),
    ("so does an authenticated callback", [*TWICE, answer("refused", "callback")], "sending", {"verdict": "refused"}),
    ("a refusal in doubt, then paid", [*TWICE, answer("refused"), answer("done", "find_out"), outcome("paid")], "paid",
     {}),
    ("a look-up refused is refused", [intent(False, step="look"), copy("look"), answer("refused", step="look")],
     "planned", {}),
    # the longest life of a request
    ("not found within the life of a request decides nothing",
     [intent(longest=60), copy(), answer("refused"), late(word("not_found"), 50), late(word("not_found"), 61)],
     "unknown", {"verdict": ""}),
    ("asked twice after it: the refusal stands",
     [intent(longest=60), copy(), answer("refused"), late(word("not_found"), 70), late(word("not_found"), 71)],
     "unknown", {"verdict": "refused"}),
    ("an answer in between: ask twice again",
     [intent(longest=60), copy(), answer("refused"), late(word("not_found"), 70), late(word("unknown"), 71),
      late(word("not_found"), 72)], "unknown", {"verdict": ""}),
    ("it counts from the last copy",
     [intent(longest=60), late(copy(), 40), answer("refused"), late(word("not_found"), 90),
     late(word("not_found"), 91)],
     "unknown", {"verdict": ""}),
    ("without such a promise never",
     [intent(), copy(), answer("refused"), late(word("not_found"), 10**6), late(word("not_found"), 2 * 10**6)],
     "unknown", {"verdict": ""}),
    # contradictions and late answers
    ("done, then refused: contradicted", [intent(), answer("done"), answer("refused", "callback")], "sending",
     {"contradicted": True, "cases": [("contradiction", 1)]}),
    ("refused, then done: contradicted", [intent(), answer("refused"), answer("done", "callback")], "sending",
     {"contradicted": True, "cases": [("contradiction", 1)]}),
    ("the same answer twice contradicts nothing", [intent(), answer("done"), answer("done", "callback")], "sending",
     {"contradicted": False, "cases": []}),
    ("done, then returned is no contradiction", [intent(), answer("done"), answer("returned", "callback")], "returned",
     {"contradicted": False, "cases": []}),
    ("paid, then refused: stays paid, with a case", [*PAID, answer("refused", "callback")], "paid",
     {"cases": [("contradiction", 1)]}),
    ("paid, then returned", [*PAID, answer("returned", "callback", reason="account closed")], "returned",
     {"reason": "account closed", "cases": []}),
    ("paid, then done again", [*PAID, answer("done", "callback")], "paid", {"cases": []}),
    ("returned, then a late done by callback", [*PAID, answer("returned"), answer("done", "callback")], "returned",
     {"cases": []}),
    ("returned, then done when asked: a case", [*PAID, answer("returned"), answer("done", "reconcile")], "returned",
     {"cases": [("contradiction", 1)]}),
    ("refused, then paid after all", [*REFUSED, answer("done", "callback")], "paid", {"cases": [(DOUBLE, 1)]}),
    ("refused, and its money came back: a case", [*REFUSED, answer("returned", "callback")], "refused",
     {"cases": [("contradiction", 1)]}),
    ("refused, its return heard before its payment", [*REFUSED, answer("returned", "callback"),
     answer("done", "callback")], "returned", {"cases": [("contradiction", 1), (DOUBLE, 1)]}),
    ("refused, paid after all, and back", [*REFUSED, answer("done", "callback"), answer("returned", "callback")],
     "returned", {"cases": [(DOUBLE, 1)]}),
    ("cancelled, its return heard before its payment", [intent(), plain("hold"), release("cancelled"),
     answer("returned", "callback"), answer("done", "callback")], "returned",
     {"cases": [("contradiction", 1), (DOUBLE, 1)]}),
    ("the first attempt paid the refused second, and is back", [*RETRIED, intent(attempt=2),
     answer("refused", attempt=2), outcome("refused", 2), answer("done", "callback"), answer("returned", "callback")],
     "returned", {"cases": [(DOUBLE, 1)]}),
    ("the rail carries out what it refused: a case", [*REFUSED, word("waiting", "statement", executing=True)],
     "refused", {"cases": [("contradiction", 1)]}),
    ("the rail carries out what was tried anew: a case", [*RETRIED, word("waiting", "statement", executing=True)],
     "ready", {"cases": [("contradiction", 1)]}),
    ("a late look-up is no money", [*REFUSED, answer("done", "callback", step="look")], "refused", {"cases": []}),
    ("paid, but the rail knows nothing of it", [*PAID, word("not_found", "reconcile")], "paid",
     {"cases": [("paid_but_unknown_to_the_rail", 1)]}),
    ("a word after the end changes nothing", [*PAID, word("waiting"), word("unknown")], "paid", {"cases": []}),
    ("cancelled by release, then paid after all", [*HELD, release("cancelled"), answer("done", "callback")], "paid",
     {"cases": [(DOUBLE, 1)]}),
    # attempts
    ("ended without a money intent", [intent(False, step="look"), plain("ended")], "ready",
     {"attempt": 2, "steps": {}}),
    ("an officer retries", RETRIED, "ready", {"attempt": 2, "money": None, "reason": ""}),
    ("attempt 2 pays", [*RETRIED, intent(attempt=2), answer("done", attempt=2), outcome("paid", 2)], "paid",
     {"cases": []}),
    ("attempt 1 was paid after all, 2 not sent", [*RETRIED, answer("done", "callback")], "held",
     {"cases": [(DOUBLE, 1)]}),
    ("attempt 1 was paid after all, 2 sending", [*RETRIED, intent(attempt=2), answer("done", "callback")], "held",
     {"cases": [(DOUBLE, 1)]}),
    ("attempt 1 was paid after all, 2 paid",
     [*RETRIED, intent(attempt=2), answer("done", attempt=2), outcome("paid", 2),
     answer("done", "callback")], "paid", {"cases": [(DOUBLE, 1)]}),
    ("attempt 1 was paid after all, 2 refused", [*RETRIED, intent(attempt=2), answer("refused", attempt=2),
     outcome("refused", 2), answer("done", "callback")], "paid", {"cases": [(DOUBLE, 1)]}),
    ("a refusal of a dead attempt is old news", [*RETRIED, answer("refused", "callback")], "ready", {"cases": []}),
    # people
    ("held: evidence does not move it", [*HELD, word("waiting")], "held", {}),
    ("held: an answer is kept", [*HELD, answer("done", "callback")], "held", {"verdict": "done"}),
    ("held: returned is kept", [*HELD, answer("returned", "callback")], "held", {"verdict": "returned"}),
    ("released: the same bytes", [*HELD, release("ready")], "ready", {"same_bytes_released": True, "asks": 0}),
    ("released: ask again", [*HELD, release("pending")], "pending", {"same_bytes_released": False}),
    ("released: paid", [*HELD, release("paid", reference="bank-7")], "paid", {"reference": "bank-7", "reason": "seen"}),
    ("released: refused", [*HELD, release("refused")], "refused", {}),
    ("released: returned", [*HELD, release("returned")], "returned", {}),
    ("released: cancelled", [*HELD, release("cancelled")], "cancelled", {}),
    ("released for the same bytes, but the rail had paid", [*HELD, answer("done", "callback"), release("ready")],
     "pending", {"same_bytes_released": False, "verdict": "done"}),
    ("released as refused although the rail had paid", [*HELD, answer("done", "callback"), release("refused")],
     "refused", {"cases": [("contradiction", 1)]}),
    ("nothing was sent: nothing to ask, all checks again", [hold(), release("pending")], "ready", {"money": None}),
    ("a contradiction is released", [intent(), answer("refused"), answer("done", "callback"), hold(),
     release("pending")],
     "pending", {"contradicted": False, "verdict": ""}),
    ("released, and gone", [*HELD, release("ready"), copy()], "sending", {"same_bytes_released": False, "copies": 2}),
    ("released, but word comes first", [*HELD, release("ready"), word("waiting", "callback")], "unknown",
     {"same_bytes_released": False}),
    # the proof that nothing left is contradicted
    ("never left, yet pending", [*UNSENT, word("waiting", "callback")], "unknown", {"in_doubt": 1}),
    ("not taken, yet paid", [intent(), answer("not_taken"), answer("done", "callback"), outcome("paid")], "paid", {}),
    ("never left, yet returned", [*UNSENT, answer("returned", "callback")], "returned", {}),
    ("a forged callback does not undo a proof", [*UNSENT, word("heard", "callback")], "ready", {"in_doubt": 0}),
    # a restored store
    ("restored before anything was sent", [plain("restored")], "planned", {"restored": True}),
    ("restored: its first intent is withheld", [plain("restored"), intent(value="withheld")], "sending",
     {"last": "withheld"}),
    ("restored: a proof of the backup proves nothing now", [*UNSENT, plain("restored")], "unknown",
     {"last": "withheld", "in_doubt": 1}),
    ("restored: a release of the backup is not used again", [*HELD, release("ready"), plain("restored")], "unknown",
     {"same_bytes_released": False, "last": "withheld"}),
    ("restored: what is held stays held", [*HELD, plain("restored")], "held", {"last": "withheld"}),
    ("restored: what is settled stays settled", [*REFUSED, plain("restored")], "refused", {"restored": True}),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "state", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_rule(facts: list[Fact], state: str, expected: dict[str, Any]) -> None:
    life = fold(dated(facts))
    step = life.money
    found = {name: getattr(life, name) if name in attrs.fields_dict(Life) else getattr(step, name) for name in expected}
    assert (life.state, found) == (state, expected)


# Edges that no fact of the payment itself walks.
NOT_FOLDED = {
    ("planned", "ready"): "approving is one row of the payroll; `shown_state` derives it",
    ("planned", "cancelled"): "rejecting or withdrawing is one row of the payroll (a fact does the same to one line)",
    ("pending", "cancelled"): "only on the rail's confirmation, which rails so far give as a refusal by a listed code",
    ("unknown", "cancelled"): "as above",
}
WALKS: list[list[Fact]] = [
    [intent(), word("waiting"), answer("done", "find_out"), outcome("paid")],
    [intent(), word("waiting"), answer("refused", "find_out"), outcome("refused")],
    [intent(), word("waiting"), answer("returned", "find_out")],
    [intent(), word("waiting"), hold()],
    [intent(), word("waiting"), unsent()],
    [intent(), word("unknown"), unsent()],
    [intent(), word("unknown"), answer("refused", "find_out"), outcome("refused")],
    [intent(), word("unknown"), answer("returned", "find_out")],
]


def joined(facts: list[Fact]) -> list[Fact]:
    """Each outcome that follows its own answer, in one fact with it."""
    whole: list[Fact] = []
    for fact in facts:
        last = whole[-1] if whole else None
        if fact.kind == "outcome" and last and last.kind == "answer" and last.value == BROUGHT[fact.value]:
            fact = attrs.evolve(last, kind="outcome", value=fact.value, body={**last.body, **fact.body})
            whole.pop()
        whole.append(fact)
    return whole


def proven(life: Life) -> tuple[str, int] | None:
    return (life.money.verdict, life.money.in_doubt) if life.money else None


PAIRS = [row[:2] for row in ROWS if len(joined(row[1])) < len(row[1])]


@pytest.mark.parametrize("facts", [row[1] for row in PAIRS], ids=[row[0] for row in PAIRS])
def test_an_outcome_that_brings_its_answer_says_what_the_two_say(facts: list[Fact]) -> None:
    two, one = fold(dated(facts)), fold(dated(joined(facts)))
    told = ("state", "attempt", "reference", "reason", "cases", "contradicted", "settled")
    assert [getattr(one, name) for name in told] == [getattr(two, name) for name in told]
    assert proven(one) == proven(two)


def test_an_outcome_whose_answer_is_not_believed_is_none() -> None:
    """A copy that may still land: its refusal proves nothing (law 3), whatever was made of it."""
    life = fold(dated([*TWICE, attrs.evolve(answer("refused"), kind="outcome", value="refused")]))
    assert (life.state, life.money and life.money.verdict) == ("unknown", "")


def walked(facts: list[Fact]) -> set[tuple[str, str]]:
    """The edges that a story walks. `planned` with facts of its own belongs to an approved payroll: it is ready."""
    life, edges = Life(), set()
    for fact in dated(facts):
        before = "ready" if life.state == "planned" else life.state
        add(life, fact)
        if life.state not in (before, "planned"):
            edges.add((before, life.state))
    return edges


def test_every_edge_of_the_table_is_walked_and_no_other() -> None:
    every = {(a, b) for a, after in PAYMENT.items() for b in after}
    edges = set[tuple[str, str]]().union(*(walked(facts) for facts in [*(row[1] for row in ROWS), *WALKS]))
    assert edges == every - set(NOT_FOLDED)
