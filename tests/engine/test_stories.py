"""Any story that could happen: facts as driver, rail, callbacks, reconciling and officers may state them, at random."""

from __future__ import annotations

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.contract.gateway import Capabilities
from gateway_core.engine.decide import Kind, Rules, decide
from gateway_core.model.facts import Fact
from gateway_core.model.life import Life, add, fold
from gateway_core.model.states import PAYMENT, SETTLED

from .language import SECOND, answer, copy, hold, intent, outcome, plain, release, unsent, word

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
