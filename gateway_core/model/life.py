"""Fold: the state of a payment as a pure function of its facts (law 7).

Reading guide: `fold` applies one small function per kind of fact, found in the table `APPLY`. The rules that decide
about money are in `_answer` (what kills an attempt, laws 2 and 3) and `late` (what a late answer may still change).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from . import absence, late, line, proof
from .facts import Fact, apart
from .states import SETTLED
from .step import Step as Step


@attrs.define
class Life:
    """What the facts of one payment say together. `cases` are (kind, attempt) pairs that people must look at."""

    state: str = "planned"
    facts: int = 0
    attempt: int = 1
    steps: dict[str, Step] = attrs.field(factory=dict)
    money: Step | None = None
    reference: str = ""
    reason: str = ""
    cases: list[tuple[str, int]] = attrs.field(factory=list)
    contradicted: bool = False
    same_bytes_released: bool = False
    restored: bool = False
    last_at: int = 0
    # What is known of a request to cancel the present attempt: asked, pending, rejected; and the request's document.
    cancelling: str = ""
    request: str = ""
    # Attempts of whose money something was heard that nobody vouches for, and about which the rail was not asked since.
    hints: set[int] = attrs.field(factory=set)
    # Attempts whose money came back before it was known to have left; the one that was paid although it was refused.
    came_back: set[int] = attrs.field(factory=set)
    paid_late: int = 0

    @property
    def former_hints(self) -> set[int]:
        """Those of them that are over."""
        return self.hints - {self.attempt}

    @property
    def settled(self) -> bool:
        """Nothing more happens by itself."""
        return self.state in SETTLED or self.state == "held"

    @property
    def cancel_undecided(self) -> bool:
        """The bank was asked to cancel it, and neither its answer nor a booking has decided that."""
        return self.cancelling in ("asked", "pending") and self.state not in SETTLED

    @property
    def open_step(self) -> Step | None:
        """The step that waits for a definite answer."""
        for step in self.steps.values():
            if not step.verdict:
                return step
        return None


def fold(facts: Iterable[Fact]) -> Life:
    """The life of a payment. Facts come in the order of their numbers; the same facts give the same life."""
    life = Life()
    for fact in facts:
        add(life, fact)
    return life


def add(life: Life, fact: Fact) -> None:
    """Apply the next fact in place: folding on is the same as folding again."""
    life.facts = fact.no
    life.last_at = max(life.last_at, fact.at)
    APPLY[fact.kind](life, fact)


def _set(life: Life, state: str) -> None:
    """Evidence about one copy never moves a payment out of a state that only people or proof may change."""
    if not life.settled:
        life.state = state


def _doubt_again(life: Life, step: Step) -> None:
    """Whatever the rail says of a payment that was about to go (again) makes it ask first: no proof outlives that."""
    if step.moves_money and life.state == "ready":
        step.closed = min(step.closed, step.copies - 1)
        life.state, life.same_bytes_released = "unknown", False


def _current(life: Life, fact: Fact) -> Step | None:
    return life.steps.get(fact.step) if fact.attempt == life.attempt else None


def _intent(life: Life, fact: Fact) -> None:
    step = Step(
        fact.step, fact.key, bool(fact.body.get("moves_money")), fact.body, fact.at, last_at=fact.at,
        copied_at=fact.at, channel=str(fact.body.get("channel", "")), document=str(fact.body.get("document", "")),
    )  # fmt: skip
    life.steps[fact.step] = step
    if step.moves_money:
        life.money = step
        _set(life, "sending")
    if fact.value == "withheld":
        step.last = "withheld"


def _copy(life: Life, fact: Fact) -> None:
    step = life.steps[fact.step]
    step.copies += 1
    step.last, step.last_at, step.copied_at, step.not_before = "sent", fact.at, fact.at, 0
    step.not_found = step.first_not_found = step.gone_since = 0
    life.same_bytes_released = False
    if step.moves_money:
        _set(life, "sending")


def _unsent(life: Life, fact: Fact) -> None:
    step = _current(life, fact)
    if step is None or step.verdict:
        return
    _close_copy(life, step, fact, "unsent")


def _close_copy(life: Life, step: Step, fact: Fact, last: str) -> None:
    """One more copy can move nothing. When none is left in doubt, the same bytes may go again."""
    step.closed, step.closed_copy = step.closed + 1, step.copies
    step.last, step.last_at = last, fact.at
    step.not_before = int(fact.body.get("not_before", 0))
    if step.moves_money:
        _set(life, "ready" if step.in_doubt == 0 else "unknown")


def _answer(life: Life, fact: Fact) -> None:
    if fact.source != "ask":
        life.hints.discard(fact.attempt)
    step = _current(life, fact)
    if step is None or life.state in SETTLED:
        late.answered(life, step, fact)
        return
    if step.verdict == "done" and fact.value == "returned" and step.moves_money:
        _returned(life, step, fact)
        return
    if step.verdict:
        if _of_another_copy(step, fact):
            step.closed += 1
        elif step.moves_money and fact.value != "not_taken" and fact.value != step.verdict:
            life.contradicted = True
            life.cases.append(("contradiction", fact.attempt))
        return
    _doubt_again(life, step)
    if fact.value == "not_taken":
        _close_copy(life, step, fact, "not_taken")
    elif fact.value == "refused" and fact.source == "ask" and step.moves_money:
        step.closed += 1
        # A refusal of one copy proves nothing about another copy that may still land (law 3).
        if step.in_doubt == 0:
            _define(step, fact)
        else:
            step.refused_in_doubt, step.last, step.last_at = fact, "refused", fact.at
            _set(life, "unknown")
    elif fact.value == "returned" and step.moves_money:
        _returned(life, step, fact)
    else:
        _define(step, fact)
        if step.document:
            line.settled(life, fact)


def _of_another_copy(step: Step, fact: Fact) -> bool:
    """One copy was refused, another one paid: no contradiction, whichever of the two is heard first."""
    return step.verdict == "done" and fact.value == "refused" and fact.source == "ask" and step.in_doubt > 1


def _returned(life: Life, step: Step, fact: Fact) -> None:
    _define(step, fact)
    if not life.settled:
        life.state, life.reason = "returned", str(fact.body.get("reason", "returned"))


def _define(step: Step, fact: Fact) -> None:
    step.verdict, step.answer = fact.value, fact
    step.last, step.last_at = fact.value, fact.at


def _word(life: Life, fact: Fact) -> None:
    _hint(life, fact)
    step = _current(life, fact)
    proof.heard(life, step, fact)
    if fact.value == "wrong_amount":
        life.cases.append(("wrong_amount", fact.attempt))
        return
    if fact.body.get("executing"):
        late.carried_out(life, fact)
    if step is None:
        return
    if step.verdict or life.state in SETTLED:
        if fact.source == "reconcile" or (fact.source == "callback" and fact.value == "not_found"):
            _differs(life, fact)
        return
    not_found_at = step.last_at if step.last == "not_found" else 0
    step.last, step.last_at = fact.value, fact.at
    if fact.source in ("find_out", "reconcile"):
        step.polled()
        # "Still pending" answers the question: the rail's patience bounds it, not the number of questions.
        step.waits += fact.value == "waiting"
        step.asks += fact.value != "waiting"
    again = life.state == "ready"
    step.follow = False
    if fact.source == "callback":
        step.said = str(fact.body.get("why") or step.said)
    if fact.value in ("heard", "asked"):
        return
    _doubt_again(life, step)
    if fact.value == "waiting":
        _has_it(step, fact)
        if step.moves_money and not again:
            _set(life, "pending")
        return
    if fact.value == "not_found":
        _has_it_not(step, fact, not_found_at)
    if step.moves_money:
        _set(life, "unknown")


def _has_it(step: Step, fact: Fact) -> None:
    """The rail has this payment, and has not decided."""
    step.not_before = int(fact.body.get("not_before", 0))
    step.taken, step.gone_since = True, 0
    step.refer(fact)
    # A file that was handed over (again) is new to the bank: its patience begins.
    step.waiting_since = fact.at if fact.source == "document" else absence.first(step.waiting_since, fact.at)


def _has_it_not(step: Step, fact: Fact, before: int) -> None:
    """The rail does not know it. `before`: when it said so last, if it said nothing else since; 0: it did not."""
    step.not_found += 1
    step.first_not_found = absence.first(step.first_not_found, fact.at)
    if absence.outlived(step, before):
        _define(step, step.refused_in_doubt or fact)
    elif absence.gone(step, fact):
        step.verdict, step.answer = "refused", fact


def _hint(life: Life, fact: Fact) -> None:
    """What nobody vouches for triggers a question (law 8); "not found", too, answers it."""
    if fact.value == "heard" and fact.body.get("moves_money"):
        life.hints.add(fact.attempt)
    elif fact.value == "not_found" and fact.source in ("find_out", "reconcile"):
        life.hints.discard(fact.attempt)


def _differs(life: Life, fact: Fact) -> None:
    """The rail was asked about a settled payment and does not say the same: people must look. A link says nothing."""
    if fact.value == "not_found" and life.state == "paid":
        life.cases.append(("paid_but_unknown_to_the_rail", fact.attempt))
    elif fact.value == "waiting" and not fact.body.get("ask_next"):
        life.cases.append(("pending_at_the_rail", fact.attempt))


def _outcome(life: Life, fact: Fact) -> None:
    if fact.step:
        answer, fact = apart(fact)
        APPLY["answer"](life, answer)
        step = _current(life, answer)
        if step is None or step.answer is not answer:
            return
    conclude(life, fact)


def conclude(life: Life, fact: Fact) -> None:
    """The flow has ended with this outcome, and what it was made of has counted."""
    life.state = fact.value
    life.reference = str(fact.body.get("reference", ""))
    life.reason = str(fact.body.get("reason", ""))


def _ended(life: Life, fact: Fact) -> None:
    life.attempt, life.steps, life.money = fact.attempt + 1, {}, None
    life.state, life.reason = "ready", ""
    life.same_bytes_released = life.contradicted = False
    life.cancelling = life.request = ""


def _hold(life: Life, fact: Fact) -> None:
    life.state, life.reason = "held", fact.value


def _release(life: Life, fact: Fact) -> None:
    life.state, life.reason, life.contradicted = fact.value, str(fact.body.get("reason", "")), False
    life.reference = str(fact.body.get("reference", life.reference))
    life.hints.clear()
    step = life.money
    life.same_bytes_released = fact.value == "ready" and step is not None and not step.verdict
    if fact.value == "pending" and step is None:
        # Nothing was ever sent, so nothing can be asked: it goes the way of every unsent payment, with all its checks.
        life.state = "ready"
    elif step is not None and step.verdict == "done":
        if fact.value == "ready":
            life.state = "pending"
        elif fact.value in ("refused", "cancelled"):
            life.cases.append(("contradiction", fact.attempt))
    for step in life.steps.values():
        step.asks = step.waits = step.not_found = step.first_not_found = step.not_before = 0
        # Who says that it is to be asked again says that there is patience again, from now on.
        step.waiting_since = fact.at if fact.value == "pending" else 0
        step.last_at = fact.at
        if fact.value in ("ready", "pending"):
            step.channel = ""
            if step.verdict != "done":
                step.verdict, step.answer = "", None


def _cancelled(life: Life, fact: Fact) -> None:
    life.state, life.reason = "cancelled", str(fact.body.get("reason", ""))


def _cancellation(life: Life, fact: Fact) -> None:
    """The bank is asked to cancel it, or says of that what settles nothing."""
    if fact.attempt == life.attempt:
        life.cancelling = fact.value
        life.request = str(fact.body.get("request", life.request))


def _late_fact(life: Life, fact: Fact) -> None:
    """Its payroll was closed before this came: nothing of it changes, and people must look."""
    life.cases.append((proof.late_case(fact.value), fact.attempt))


def _restored(life: Life, fact: Fact) -> None:
    """The store is older than what was sent: a copy that it does not know of may have gone, so ask before all else."""
    life.restored = True
    step = life.money
    if step is None or step.verdict or life.state in SETTLED:
        return
    step.copies += 1
    step.asks = step.not_found = step.first_not_found = step.not_before = step.gone_since = 0
    step.last, step.last_at = "withheld", fact.at
    life.same_bytes_released = False
    if life.state == "ready":
        life.state = "unknown"


APPLY: dict[str, Callable[[Life, Fact], None]] = {
    "intent": _intent,
    "copy": _copy,
    "unsent": _unsent,
    "answer": _answer,
    "word": _word,
    "outcome": _outcome,
    "ended": _ended,
    "retry": _ended,
    "hold": _hold,
    "release": _release,
    "cancelled": _cancelled,
    "cancellation": _cancellation,
    "restored": _restored,
    "late": _late_fact,
}
