"""What must hold, one function per law. Nothing here trusts the engine: laws are judged from rows and from the ledger.

`Watch.leaves` judges at the instant a money request leaves; `at_the_end` when nothing more can happen.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from ...engine.wire import Wire, wire
from ...model.facts import Fact
from ...model.life import Life, fold
from ...model.states import SETTLED
from .provider import Transfer
from .rows import Row, rows_of

CLEAR = frozenset({"find_out", "callback", "reconcile"})


class Violation(AssertionError):
    """A law does not hold. `law` is its number or name."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"law {law}: {what}")
        self.law = law


@attrs.define
class Watch:
    """Stands at the wire with its own eyes on the durable store."""

    raw: sqlite3.Connection
    approved: Mapping[str, tuple[str, int]]
    left: Counter[str] = attrs.field(factory=Counter)

    def leaves(self, sent: Wire) -> None:
        """Laws 1, 4 and 5 at the instant a money request leaves: approved so, journaled, this copy, these bytes."""
        if sent.method != "POST" or sent.target != "/payments":
            return
        order = json.loads(sent.body)
        key = order["key"]
        if self.approved.get(order["reference"]) != (order["account"], order["amount"]):
            raise Violation("5", "money left for another account or amount than was approved")
        query = "SELECT payment, step, attempt, body FROM facts WHERE kind = 'intent' AND key = ?"
        intent = self.raw.execute(query, (key,)).fetchone()
        if intent is None:
            raise Violation("1", "a money request left without a durable intent")
        payment, step, attempt, body = intent
        if wire(json.loads(body)["request"], {}) != sent:
            raise Violation("4", "other bytes left than those journaled under this key")
        copies = "SELECT count(*) FROM facts WHERE payment = ? AND step = ? AND attempt = ? AND kind = 'copy'"
        self.left[key] += 1
        if self.left[key] > 1 + int(self.raw.execute(copies, (payment, step, attempt)).fetchone()[0]):
            raise Violation("1", "a copy left that was not written down before")


@attrs.frozen
class End:
    """What is judged at the end. `acked`: (key, body) of callbacks that were answered 2xx."""

    raw: sqlite3.Connection
    ledger: Mapping[str, Transfer]
    acked: list[tuple[str, bytes]]
    careless: frozenset[str]
    quiet: bool


def at_the_end(end: End) -> list[Row]:
    """Every law that can be judged when nothing more happens. Returns the rows for counting."""
    rows = rows_of(end.raw)
    cases = {row[0] for row in end.raw.execute("SELECT payment FROM cases")}
    law_8_stored(end)
    for row in rows:
        life = fold(row.facts)
        law_7_refold(row, life)
        liveness(row, life)
        law_2_one_live_attempt(row)
        law_3_evidence(row)
        if row.id not in end.careless:
            law_3_states_and_money(row, end.ledger, row.id in cases)
        if end.quiet and row.state == "held":
            raise Violation("quiet", f"held without any fault: {row.columns['reason']}")
    law_9_entitlements(rows, end, cases)
    return rows


def law_2_one_live_attempt(row: Row) -> None:
    """A money intent of attempt n+1 exists only after n was dead by positive evidence, copies counted."""
    for place, fact in enumerate(row.facts):
        if fact.kind != "intent" or not fact.body.get("moves_money"):
            continue
        before = row.facts[:place]
        for attempt in range(1, fact.attempt):
            if not is_dead(before, attempt):
                raise Violation("2", f"attempt {fact.attempt} began while attempt {attempt} may still be alive")


def is_dead(facts: Iterable[Fact], attempt: int) -> bool:
    """Judged from the facts alone, and not by the engine's own fold."""
    copies = closed = last_copy = life = 0
    refused = False
    money = ""
    for fact in facts:
        if fact.attempt != attempt:
            continue
        if fact.kind == "intent" and fact.body.get("moves_money"):
            money, copies, last_copy = fact.step, 1, fact.at
            life = int(fact.body.get("longest_request", 0))
        elif fact.kind == "release" and fact.value in ("refused", "cancelled", "returned"):
            return True
        elif fact.step != money or not money:
            continue
        elif fact.kind == "copy":
            copies, last_copy = copies + 1, fact.at
        elif fact.kind == "unsent":
            closed += 1
        elif fact.kind == "answer" and fact.value in ("refused", "not_taken") and fact.source == "ask":
            closed += 1
            refused |= fact.value == "refused"
        elif fact.kind == "answer" and fact.value == "refused" and fact.source in CLEAR:
            return True
        elif fact.value == "not_found":
            outlived = refused and life and fact.at > last_copy + life
            if outlived:
                return True
    return copies == 0 or (refused and closed >= copies)


def law_3_evidence(row: Row) -> None:
    """The flow may say paid only after the rail said done, and refused only of an attempt that is dead."""
    for place, fact in enumerate(row.facts):
        if fact.kind != "outcome":
            continue
        before = row.facts[:place]
        if fact.value == "refused" and not is_dead(before, fact.attempt):
            raise Violation("3", "refused, and a copy may still pay")
        done = any(f.kind == "answer" and f.value == "done" and f.attempt == fact.attempt for f in before)
        if fact.value == "paid" and not done:
            raise Violation("3", "paid, and the rail never said so")


def law_3_states_and_money(row: Row, ledger: Mapping[str, Transfer], case: bool) -> None:
    """Paid: exactly one transfer. Refused or cancelled: none. Where the rail itself lied, what it told counts."""
    mine = [transfer for transfer in ledger.values() if transfer.order["reference"] == row.id]
    moved = sum(transfer.moved for transfer in mine)
    if any(transfer.lied for transfer in mine):
        _rail_lied(row, case)
    elif case:
        raise Violation("3", "a case was opened although the rail told no lie: we believed something too early")
    elif row.state == "paid" and moved != 1:
        raise Violation("3", f"paid, and {moved} transfers")
    elif row.state in SETTLED - {"paid"} and moved:
        raise Violation("3", f"{row.state}, but money left")


def _rail_lied(row: Row, case: bool) -> None:
    """The rail told two stories: both heard about one attempt, and people must have been told."""
    told: dict[int, set[str]] = {}
    for fact in row.facts:
        if fact.kind == "answer" and fact.value in ("done", "refused") and fact.body.get("moves_money", True):
            told.setdefault(fact.attempt, set()).add(fact.value)
    if row.state == "held" or any(fact.kind == "release" for fact in row.facts):
        return
    last = told.get(row.attempt, set())
    # Not heard by the fold are refusals in doubt: they are no story about the money.
    if any("done" in said for said in told.values()) and row.state != "paid":
        raise Violation("3", f"the rail said paid, the payment is {row.state}, not held")
    if row.state == "paid" and "done" not in last and not case:
        raise Violation("3", "paid, though the rail never said so")
    if row.state == "refused" and "refused" not in last:
        raise Violation("3", "refused, though the rail never said so")


def law_7_refold(row: Row, life: Life) -> None:
    """Throw the states away, fold again, get the same."""
    folded = {
        "state": life.state, "attempt": life.attempt, "facts": life.facts, "outcome_reference": life.reference,
        "reason": life.reason, "open": int(not life.settled),
    }  # fmt: skip
    for name, value in folded.items():
        if row.columns[name] != value:
            raise Violation("7", f"{name} is stored as {row.columns[name]!r}, folded {value!r}")
    if [fact.no for fact in row.facts] != list(range(1, len(row.facts) + 1)):
        raise Violation("7", "a fact is missing")


def law_8_stored(end: End) -> None:
    """Every callback that was answered 2xx is in the store, and somebody has acted on it."""
    query = "SELECT a.key, b.body FROM arrivals a JOIN blobs b ON b.digest = a.blob"
    stored = {(key, bytes(body)) for key, body in end.raw.execute(query)}
    for key, body in end.acked:
        if (key, body) not in stored:
            raise Violation("8", "a callback was answered 2xx and is not in the store")
    waiting = end.raw.execute("SELECT count(*) FROM arrivals WHERE state = 'new'").fetchone()[0]
    if waiting:
        raise Violation("8", f"{waiting} callbacks were stored and nobody acted on them")
    lost = "SELECT count(*) FROM arrivals WHERE state = 'unmatched' AND key IN (SELECT key FROM facts WHERE key <> '')"
    if end.raw.execute(lost).fetchone()[0]:
        raise Violation("8", "a callback about a key of ours was put away as unmatched")


def law_9_entitlements(rows: list[Row], end: End, cases: set[str]) -> None:
    """Money moves once per entitlement, whatever the keys."""
    of = {row.id: row for row in rows}
    moved: Counter[str] = Counter()
    for transfer in end.ledger.values():
        moved[transfer.order["entitlement"]] += transfer.moved
        if transfer.order["reference"] not in of:
            raise Violation("9", "a transfer that no payment of ours asked for")
    for row in rows:
        if moved[row.entitlement] > 1 and not _excused(row, end, cases):
            raise Violation("9", f"{row.entitlement} was paid {moved[row.entitlement]} times")


def _excused(row: Row, end: End, cases: set[str]) -> bool:
    """Two people released it without looking; or an officer retried what the rail refused and then paid after all."""
    if row.id in end.careless:
        return True
    lied = [key for key in row.keys if key in end.ledger and end.ledger[key].lied]
    retried = any(fact.kind == "retry" for fact in row.facts)
    told = {key for key, body in end.acked if json.loads(body)["status"] == "paid"}
    return bool(lied and retried) and (row.id in cases or not told.issuperset(lied))


def liveness(row: Row, life: Life) -> None:
    """In the end everything is settled, or people have it."""
    if not life.settled:
        raise Violation("11", f"still {row.state or life.state} when nothing more happens")
    # A dead sender's claim on what an officer settled meanwhile harms nobody: the next sender's start frees it.
    if row.columns["open"]:
        raise Violation("11", "settled, and still open to senders")
