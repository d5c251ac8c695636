"""What must hold when nothing more can happen, one function per law, named by its number.

Nothing here trusts the engine: laws are judged from the rows and from the provider's ledger. What is judged at the
instant a request leaves is in `watch`.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping

import attrs

from ...model.facts import Fact
from ...model.life import Life, fold
from ...model.states import SETTLED
from .provider import Transfer
from .rows import Row, rows_of
from .watch import Violation as Violation
from .watch import Watch as Watch

# What a callback says that nobody vouches for (forged, or signed long ago by our clock): law 8 takes no word of it.
HINT = "a hint"
CLEAR = frozenset({"find_out", "callback", "reconcile"})


@attrs.frozen
class End:
    """What is judged at the end. `acked`: (key, body, what it says, or HINT) of callbacks that were answered 2xx.

    `careless`: payments that people released without looking. `quiet`: nothing went otherwise than quietly.
    `restored`: an old backup was put in place: keys that went out after it was made are known to the rail alone.
    `askable`: the rail can be asked what became of a payment.
    """

    raw: sqlite3.Connection
    ledger: Mapping[str, Transfer]
    acked: list[tuple[str, bytes, str]]
    careless: frozenset[str]
    quiet: bool
    restored: bool = False
    askable: bool = True

    def lost(self, row: Row) -> bool:
        """Whether the rail knows a key of this payment that the store has lost for good."""
        keys = (key for key, transfer in self.ledger.items() if transfer.order.reference == row.id)
        return self.restored and any(key not in row.keys for key in keys)

    def lied_about(self, row: Row) -> bool:
        """Whether the rail ever told an untruth about this payment."""
        return any(transfer.lied for transfer in self.ledger.values() if transfer.order.reference == row.id)


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
        law_6_two_people(row)
        if row.id not in end.careless and not end.lost(row):
            law_3_states_and_money(row, end.ledger, row.id in cases)
        if end.quiet and row.state == "held":
            raise Violation("quiet", f"held without any fault: {row.columns['reason']}")
    law_9_entitlements(rows, end, cases)
    law_12_closed(rows, end, cases)
    return rows


def law_2_one_live_attempt(row: Row) -> None:
    """A money intent of attempt n+1 exists only after n was dead by positive evidence, copies counted."""
    said = row.said
    for place, fact in enumerate(said):
        if fact.kind != "intent" or not fact.body.get("moves_money"):
            continue
        before = said[:place]
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
    said = row.said
    for place, fact in enumerate(said):
        if fact.kind != "outcome":
            continue
        before = said[:place]
        if fact.value == "refused" and not is_dead(before, fact.attempt):
            raise Violation("3", "refused, and a copy may still pay")
        done = any(f.kind == "answer" and f.value == "done" and f.attempt == fact.attempt for f in before)
        if fact.value == "paid" and not done:
            raise Violation("3", "paid, and the rail never said so")


def law_3_states_and_money(row: Row, ledger: Mapping[str, Transfer], case: bool) -> None:
    """Paid: exactly one transfer. Refused or cancelled: none. Where the rail itself lied, what it told counts."""
    mine = [transfer for transfer in ledger.values() if transfer.order.reference == row.id]
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
    for fact in row.said:
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


def law_6_two_people(row: Row) -> None:
    """What was held is released by two different people."""
    for fact in row.facts:
        if fact.kind == "release" and fact.body.get("first") == fact.body.get("second"):
            raise Violation("6", "one person released a payment alone")


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
    for key, body, _ in end.acked:
        if (key, body) not in stored:
            raise Violation("8", "a callback was answered 2xx and is not in the store")
    waiting = end.raw.execute("SELECT count(*) FROM arrivals WHERE state = 'new'").fetchone()[0]
    if waiting:
        raise Violation("8", f"{waiting} callbacks were stored and nobody acted on them")
    lost = "SELECT count(*) FROM arrivals WHERE state = 'unmatched' AND key IN (SELECT key FROM facts WHERE key <> '')"
    # To a restored store its own lost keys are a stranger's, until it has asked about them.
    if end.raw.execute(lost).fetchone()[0] and not end.restored:
        raise Violation("8", "a callback about a key of ours was put away as unmatched")


def law_9_entitlements(rows: list[Row], end: End, cases: set[str]) -> None:
    """Money moves once per entitlement, whatever the keys."""
    of = {row.id: row for row in rows}
    moved: Counter[str] = Counter()
    for transfer in end.ledger.values():
        moved[transfer.order.entitlement] += transfer.moved
        if transfer.order.reference not in of:
            raise Violation("9", "a transfer that no payment of ours asked for")
    for entitlement, times in moved.items():
        mine = [row for row in rows if row.entitlement == entitlement]
        if times > 1 and not any(_excused(row, end, cases, len(mine)) for row in mine):
            raise Violation("9", f"{entitlement} was paid {times} times")


def _excused(row: Row, end: End, cases: set[str], payments: int) -> bool:
    """Two people released it without looking; or the rail refused it, it was tried again (or in another payroll), and
    the rail paid it after all: that was told, and people must have been shown it.
    """
    if row.id in end.careless or (end.lost(row) and end.lied_about(row)):
        return True
    lied = [key for key in row.keys if key in end.ledger and end.ledger[key].lied]
    again = payments > 1 or any(fact.kind == "retry" for fact in row.facts)
    told = {key for key, _, says in end.acked if says == "paid"}
    return bool(lied and again) and (row.id in cases or not told.issuperset(lied))


def law_12_closed(rows: list[Row], end: End, cases: set[str]) -> None:
    """A payroll is closed only when every cent is explained: all settled, sums agree, and people saw what differs."""
    query = "SELECT id, lines, total FROM payrolls WHERE state = 'reconciled'"
    for payroll, lines, total in end.raw.execute(query).fetchall():
        mine = [row for row in rows if row.columns["payroll"] == payroll]
        if any(row.state not in SETTLED for row in mine):
            raise Violation("12", "closed with a payment that is not settled")
        if (len(mine), sum(row.columns["amount"] for row in mine)) != (lines, total):
            raise Violation("12", "closed, and the parts are not the whole")
        for row in mine:
            moved = sum(end.ledger[key].moved for key in row.keys if key in end.ledger)
            differs = moved != (row.state == "paid")
            unknowable = end.lost(row) or (end.lied_about(row) and not end.askable)
            if differs and row.id not in cases and row.id not in end.careless and not unknowable:
                raise Violation("12", f"closed as {row.state}, but money left {moved} times and nobody was told")


def liveness(row: Row, life: Life) -> None:
    """In the end everything is settled, or people have it."""
    if not life.settled:
        raise Violation("11", f"still {row.state or life.state} when nothing more happens")
    # A dead sender's claim on what an officer settled meanwhile harms nobody: the next sender's start frees it.
    if row.columns["open"]:
        raise Violation("11", "settled, and still open to senders")
