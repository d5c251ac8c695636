"""The life of a document: what its facts say together.

Its put is one step that moves money, folded by the same rules as a payment's (`life`); what comes before the put, what
people and the bank say of the file as a whole, and the approval of one that the bank parks, is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from . import life as lives
from .facts import Fact
from .life import Life

STEP = "put"
PARKED = "parked"
ALTERED = "altered_document"
EXECUTING = "executing"


@attrs.define
class DocumentLife:
    """`put` is the life of its one step. `cases` are those of the put, and of the file."""

    put: Life = attrs.field(factory=Life)
    complete: bool = False
    withdrawn: bool = False
    # When the bank last got it, as far as is known: its patience counts from then. UTC microseconds.
    handed_at: int = 0
    # A file of the bank's has named one of its lines.
    heard: bool = False
    # The bank's reference of it while it parks it, and the one that it was told to carry out, how often; of those, how
    # often it was provably not told.
    parked: str = ""
    approved: str = ""
    approvals: int = 0
    untold: int = 0
    # Two people have decided about it; they have said that the bank surely has none of it.
    released: bool = False
    absent: bool = False
    # Of a request to cancel: the bank does not cancel the file as a whole.
    not_cancelled: bool = False
    # The bank carries out some of it, or all: it cannot be refused as a whole any more.
    executing: bool = False
    # The bank booked, and returned, the file in one entry: its references of these entries ("" where it gave none).
    bookings: set[str] = attrs.field(factory=set)
    returns: set[str] = attrs.field(factory=set)

    @property
    def state(self) -> str:
        """One of states.DOCUMENT."""
        if self.withdrawn:
            return "withdrawn"
        if self.put.state == "planned":
            return "ready" if self.complete else "planned"
        return self.put.state

    @property
    def facts(self) -> int:
        """How many it was folded from."""
        return self.put.facts

    @property
    def reason(self) -> str:
        """Why it is held, refused or withdrawn."""
        return self.put.reason

    @property
    def reference(self) -> str:
        """The bank's own for it."""
        return self.put.reference

    @property
    def cases(self) -> list[tuple[str, int]]:
        """(kind, attempt) pairs that people must look at."""
        return self.put.cases

    @property
    def may_be_withdrawn(self) -> bool:
        """No copy of it can be, or come, to the bank."""
        money = self.put.money
        return not self.withdrawn and (money is None or (not money.verdict and money.in_doubt == 0))


def fold(facts: Iterable[Fact]) -> DocumentLife:
    """The life of a document, from its facts in order."""
    life = DocumentLife()
    for fact in facts:
        add(life, fact)
    return life


def add(life: DocumentLife, fact: Fact) -> None:
    """Apply the next fact in place."""
    OWN.get(fact.kind, _of_the_put)(life, fact)
    life.put.facts, life.put.last_at = fact.no, max(life.put.last_at, fact.at)


def _of_the_put(life: DocumentLife, fact: Fact) -> None:
    lives.add(life.put, fact)
    if life.put.state == "paid":
        # The bank has a file that two people had called refused: its lines are a case each, once it speaks of them.
        life.put.state = "refused"


def _hold(life: DocumentLife, fact: Fact) -> None:
    if life.state not in ("refused", "withdrawn"):
        lives.add(life.put, fact)


def _intent(life: DocumentLife, fact: Fact) -> None:
    lives.add(life.put, fact)
    if fact.value == "withheld":
        life.put.restored, life.released = True, False


def _word(life: DocumentLife, fact: Fact) -> None:
    """The bank's own file names a line of it: so it has the file. No answer to the put could say more."""
    if fact.source == "statement":
        life.heard = True
        life.executing |= fact.value == EXECUTING
    elif fact.value == PARKED:
        _parked(life, fact)
    else:
        lives.add(life.put, fact)


def _parked(life: DocumentLife, fact: Fact) -> None:
    """The bank has it, and waits to be told. It may have been told already, and not have heard it yet."""
    lives.add(life.put, attrs.evolve(fact, value="waiting"))
    money = life.put.money
    if money is not None and not money.verdict:
        money.last, life.parked = PARKED, str(fact.body.get("reference", ""))
        life.untold += bool(fact.body.get("untold"))


def _approve(life: DocumentLife, fact: Fact) -> None:
    """The intent to tell the bank that it carry it out: from now on it may."""
    life.approved, life.approvals = fact.value, life.approvals + 1
    if life.put.money is not None:
        life.put.money.last, life.put.money.last_at = "sent", fact.at


def _differs(life: DocumentLife, fact: Fact) -> None:
    """The bank's file says of the whole document what cannot be: people must look, nothing is settled by it."""
    life.put.cases.append((fact.value, 1))
    life.not_cancelled |= bool(fact.body.get("whole"))


def _complete(life: DocumentLife, fact: Fact) -> None:
    life.complete = True


def _withdrawn(life: DocumentLife, fact: Fact) -> None:
    life.withdrawn, life.put.reason = True, str(fact.value)


def _altered(life: DocumentLife, fact: Fact) -> None:
    life.put.state, life.put.reason = "held", "the bytes on disk are not those that were planned"
    life.put.cases.append((ALTERED, 1))


def _outcome(life: DocumentLife, fact: Fact) -> None:
    """What the bank's own file proves counts whatever we knew: the put needs no answer of its own any more."""
    if fact.source == "statement":
        life.heard = True
        _in_one_entry(life, fact)
        if fact.value == "handed_over" and life.state in ("refused", "withdrawn"):
            # It stays what it was called, and each line is told what the bank did: people must look.
            life.put.cases.append(("contradiction", 1))
            return
        if life.put.money is not None and not life.put.money.verdict:
            life.put.money.verdict, life.put.money.answer = "done", fact
    # It stands alone: no answer of the put came with it.
    lives.add(life.put, attrs.evolve(fact, step=""))
    if fact.value == "handed_over":
        life.handed_at = fact.at


def _in_one_entry(life: DocumentLife, fact: Fact) -> None:
    entries = {"paid": life.bookings, "returned": life.returns}.get(str(fact.body.get("all", "")))
    if entries is not None:
        entries.add(str(fact.body.get("entry", "")))


def _release(life: DocumentLife, fact: Fact) -> None:
    """`ready`: two people know that the bank has none of it: the same bytes go again, whatever was answered before."""
    money = life.put.money
    life.released, life.approvals, life.untold = True, 0, 0
    life.absent = fact.value == "ready"
    if money is not None and money.last == PARKED:
        # Whether it still is: it is asked about first.
        money.last = "waiting"
    if fact.value == "ready":
        # What was told is gone with the file: what is put now gets a reference of its own.
        life.approved = life.parked = ""
    if fact.value == "withdrawn":
        _withdrawn(life, attrs.evolve(fact, value=str(fact.body.get("reason", ""))))
        return
    if fact.value in ("ready", "pending") and money is None:
        life.put.state, life.put.reason = "planned", ""
        return
    if fact.value in ("ready", "refused") and money is not None:
        money.verdict, money.answer = "", None
    # It stands alone: no answer of the put came with it.
    lives.add(life.put, attrs.evolve(fact, step=""))
    if fact.value == "handed_over":
        life.handed_at = fact.at
    verdict = {"handed_over": "done", "refused": "refused"}.get(fact.value, "")
    if verdict and money is not None:
        money.verdict, money.answer = verdict, fact


def _restored(life: DocumentLife, fact: Fact) -> None:
    """One that was handed over stays so; any other may be with the bank, whatever this older store knows of it."""
    if life.state not in ("handed_over", "refused", "withdrawn"):
        lives.add(life.put, fact)
        life.released = life.absent = False


def _nothing(life: DocumentLife, fact: Fact) -> None:
    """It says what is fixed, and changes no state."""


OWN: dict[str, Callable[[DocumentLife, Fact], None]] = {
    "planned": _nothing,
    "intent": _intent,
    "word": _word,
    "approve": _approve,
    "differs": _differs,
    "complete": _complete,
    "withdrawn": _withdrawn,
    "altered": _altered,
    "hold": _hold,
    "outcome": _outcome,
    "release": _release,
    "restored": _restored,
}


def note(life: DocumentLife, at: int, kind: str, value: str = "", source: str = "driver", **body: Any) -> Fact:
    """The next fact of a document, added to its life."""
    fact = Fact(life.facts + 1, at, kind, value, source, 1, STEP, "", body)
    add(life, fact)
    return fact
