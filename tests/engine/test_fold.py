"""The fold: facts in, state, verdicts and cases out. One row per rule; every edge of the table of states is walked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.contract.gateway import Capabilities
from gateway_core.engine.decide import Kind, Rules, decide
from gateway_core.model.facts import Fact
from gateway_core.model.life import Life, add, fold
from gateway_core.model.states import PAYMENT, SETTLED

SECOND = 1_000_000


# -- a small language for stories -------------------------------------------------------------------------------------


def intent(money: bool = True, *, value: str = "sent", step: str = "pay", attempt: int = 1, longest: int = 0) -> Fact:
    body: dict[str, Any] = {"request": {}, "find_out": {"method": "GET"}}
    if money:
        body |= {"moves_money": True, "longest_request": longest * SECOND}
    return Fact(0, 0, "intent", value, attempt=attempt, step=step, key=f"{step}-{attempt}", body=body)


def copy(step: str = "pay") -> Fact:
    return Fact(0, 0, "copy", step=step)


def unsent(step: str = "pay") -> Fact:
    return Fact(0, 0, "unsent", "ConnectError", "ask", step=step)


def answer(value: str, source: str = "ask", *, attempt: int = 1, step: str = "pay", **body: Any) -> Fact:
    return Fact(0, 0, "answer", value, source, attempt, step, body={"moves_money": step == "pay", **body})


def word(value: str, source: str = "find_out", *, attempt: int = 1, step: str = "pay", **body: Any) -> Fact:
    return Fact(0, 0, "word", value, source, attempt, step, body=body)


def outcome(value: str, attempt: int = 1) -> Fact:
    return Fact(0, 0, "outcome", value, "flow", attempt, body={"reference": "R", "reason": "because"})


def hold() -> Fact:
    return Fact(0, 0, "hold", "people must look")


def release(value: str, **body: Any) -> Fact:
    return Fact(0, 0, "release", value, "officer", body={"reason": "seen", **body})


def plain(kind: str, attempt: int = 1) -> Fact:
    return Fact(0, 0, kind, "why", attempt=attempt)


def dated(parts: Iterable[Fact]) -> list[Fact]:
    """Numbered from 1, a second apart unless a part has a time of its own."""
    facts, at = [], 0
    for no, part in enumerate(parts, 1):
        at = part.at or at + SECOND
        facts.append(attrs.evolve(part, no=no, at=at))
    return facts


def late(fact: Fact, seconds: int) -> Fact:
    return attrs.evolve(fact, at=seconds * SECOND)


# -- one row per rule -------------------------------------------------------------------------------------------------

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
    ("never left", UNSENT, "ready", {"in_doubt": 0, "unsent": 1, "same_bytes_released": False}),
    ("not taken", [intent(), answer("not_taken", not_before=9)], "ready", {"in_doubt": 0, "not_before": 9}),
    ("never left, then went", [*UNSENT, copy(), answer("done"), outcome("paid")], "paid", {"copies": 2}),
    ("a lost copy is not closed by one that never left", [*TWICE, unsent()], "unknown", {"in_doubt": 1, "copies": 2}),
    ("a lost copy is not closed by one not taken", [*TWICE, answer("not_taken")], "unknown", {"in_doubt": 1}),
    ("no proof closes a step twice", [*REFUSED, unsent()], "refused", {"unsent": 0}),
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


# -- any story that could happen --------------------------------------------------------------------------------------

RULES = Rules.of(Capabilities(finds_out=True, callbacks=True, dedupes=True, dedupe_window=10**6, settle=1, ask_limit=4))
BY_ASKING = ["unknown", "waiting", "not_found", "done", "refused", "returned", "silence"]
BY_SENDING = ["unsent", "unknown", "waiting", "done", "refused", "not_taken", "returned", "crash"]
BY_CALLBACK = ["done", "refused", "returned", "waiting", "heard", "unknown"]
RELEASES = ["ready", "pending", "paid", "refused", "returned", "cancelled"]
DEFINITE = {"done", "refused", "returned", "not_taken"}


class Story:
    """Facts as the driver, the rail, callbacks, reconciling and officers may state them; a tape of numbers chooses."""

    def __init__(self, tape: list[int]) -> None:
        self.tape, self.life, self.facts, self.now = tape, Life(), list[Fact](), 0
        self.sent: list[tuple[int, str]] = []

    def choose(self, among: list[str]) -> str:
        return among[self.tape.pop(0) % len(among)] if self.tape else among[0]

    def state(self, fact: Fact) -> None:
        """One more fact; it must walk an edge of the table, whatever it says."""
        before = self.life.state
        fact = attrs.evolve(fact, no=len(self.facts) + 1, at=self.now)
        self.facts.append(fact)
        cases = list(self.life.cases)
        add(self.life, fact)
        shown = "ready" if before == "planned" else before
        assert self.life.state in (before, shown) or self.life.state in PAYMENT[shown], (shown, self.life.state, fact)
        assert self.life.cases[: len(cases)] == cases
        step = self.life.money
        assert step is None or 0 <= step.closed <= step.copies

    def said(self, value: str, source: str, attempt: int, step: str) -> None:
        if value == "unsent":
            self.state(attrs.evolve(unsent(step), attempt=attempt))
        elif value in DEFINITE:
            self.state(answer(value, source, attempt=attempt, step=step))
        elif value not in ("crash", "silence"):
            self.state(word(value, source, attempt=attempt, step=step))

    def turn(self) -> None:
        self.now += SECOND * (1 + (self.tape.pop(0) % 100 if self.tape else 1))
        actor = self.choose(["driver", "driver", "driver", "callback", "officer", "reconcile", "restored"])
        getattr(self, actor)()

    def driver(self) -> None:
        life = self.life
        move = decide(life, RULES, self.now)
        if move.kind is Kind.CONTINUE:
            self.flow()
        elif move.kind is Kind.COPY:
            self.state(attrs.evolve(copy(move.step), attempt=life.attempt))
            self.said(self.choose(BY_SENDING), "ask", life.attempt, move.step)
        elif move.kind is Kind.ASK:
            self.said(self.choose(BY_ASKING), "find_out", life.attempt, move.step)
        elif move.kind is Kind.HOLD:
            self.state(attrs.evolve(hold(), attempt=life.attempt))

    def flow(self) -> None:
        """look, then pay, then the end, as the driver writes them; a broken plugin is held."""
        life = self.life
        verdicts = {name: step.verdict for name, step in life.steps.items()}
        if "look" not in verdicts:
            self.send("look")
        elif verdicts["look"] == "refused":
            self.state(outcome("refused", life.attempt))
        elif "pay" not in verdicts:
            self.send("pay")
        elif self.choose(["good"] * 5 + ["broken"]) == "broken":
            self.state(attrs.evolve(hold(), attempt=life.attempt))
        else:
            self.state(outcome("paid" if verdicts["pay"] in ("done", "returned") else "refused", life.attempt))

    def send(self, step: str) -> None:
        withheld = step == "pay" and self.life.restored
        attempt = self.life.attempt
        self.state(intent(step == "pay", value="withheld" if withheld else "sent", step=step, attempt=attempt))
        self.sent.append((attempt, step))
        if not withheld:
            self.said(self.choose(BY_SENDING), "ask", attempt, step)

    def callback(self) -> None:
        if self.sent:
            attempt, step = self.sent[int(self.choose([str(n) for n in range(len(self.sent))]))]
            self.said(self.choose(BY_CALLBACK), "callback", attempt, step)

    def officer(self) -> None:
        life = self.life
        if life.state == "held":
            self.state(attrs.evolve(release(self.choose(RELEASES)), attempt=life.attempt))
        elif life.state == "refused":
            self.state(plain("retry", life.attempt))
        elif life.state in ("planned", "ready") and life.money is None:
            self.state(plain("cancelled", life.attempt))

    def reconcile(self) -> None:
        if self.life.state in SETTLED and self.life.money is not None:
            self.said(self.choose(BY_ASKING), "reconcile", self.life.attempt, "pay")

    def restored(self) -> None:
        if self.life.state not in SETTLED - {"refused"}:
            self.state(plain("restored", self.life.attempt))


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 10**6), max_size=120))
def test_any_story_folds_along_the_edges_and_the_same_by_pieces(tape: list[int]) -> None:
    """Law 7: the fold is total, walks only edges of the table, and folding on is folding again."""
    story = Story(tape)
    while story.tape:
        story.turn()
    assert fold(story.facts) == story.life
    assert story.life.facts == len(story.facts)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 10**6), max_size=120))
def test_paid_is_never_called_anything_else_but_returned(tape: list[int]) -> None:
    story, was_paid = Story(tape), False
    while story.tape:
        story.turn()
        was_paid |= story.life.state == "paid"
        assert not was_paid or story.life.state in ("paid", "returned")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 10**6), max_size=120))
def test_a_done_that_came_is_never_quietly_called_failed(tape: list[int]) -> None:
    """Wherever the rail ever said that money moved, the end is paid or returned, or people have a case or a hold."""
    story = Story(tape)
    while story.tape:
        story.turn()
    life = story.life
    moved = [fact for fact in story.facts if fact.kind == "answer" and fact.value == "done" and fact.step == "pay"]
    if moved and life.state in ("refused", "cancelled"):
        assert life.cases
