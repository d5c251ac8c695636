"""Pages of lines: their intents, and what becomes of their file told to each. Short transactions, each complete."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from ...model.document import EXECUTING, STEP
from ...model.facts import Fact
from ...model.life import Life, add, fold
from ...model.states import UNSENT
from ...store import Result, Store, Write, document_lines, documents, journal, senders, writes
from ...store.database import Record
from ...store.payments import as_payment
from ..decide import SILENT, Kind, Rules, decide

# Payments per transaction: some 20 ms, so that nobody else's intent waits long.
PAGE = 250
NEVER = documents.NEVER
GONE = "it was given up, or is another sender's by now"
ALONE = "it was sent alone, and its channel sends files now: it cannot be asked about"
WITHDRAWN = "its file was given up before anything of it was sent"


def write_of(case: Life, payment: Record, facts: Sequence[Fact], rules: Rules, now: int, **how: Any) -> Write:
    """The write of new facts, which `case` holds already. What is to be done next is decided from it."""
    move = decide(case, rules, now, payment.id)
    due = move.at if move.kind is Kind.WAIT else 0
    return Write.of(payment.id, payment.payroll, case, case.facts - len(facts), facts, due, **how)


def intend(
    store: Store, sender: int, document: Record, body: dict[str, Any], rules: Rules, now: int, after: int
) -> tuple[int, str]:
    """Write the intents of the next page of lines. Returns the last line's number (0: no more), and why it failed.

    A line that has its intent already is passed over: after a crash it goes on where it was.
    """
    with store.write() as connection:
        # Given up meanwhile by an officer, or taken over: no line of it may begin any more.
        if not documents.stages(connection, document.id, sender):
            return 0, GONE
        rows = document_lines.page(connection, document.id, after, PAGE)
        facts = journal.facts_of_many(connection, [row.id for row in rows])
        todo, lives = [], {}
        for row in rows:
            life = lives[row.id] = fold(facts[row.id])
            if life.money is None or life.money.key != row.key:
                todo.append(row)
        if why := _claimed(connection, sender, todo, now):
            return 0, why
        new = [_intent(row, lives[row.id], sender, body, rules, now) for row in todo]
        results = writes.apply(connection, store, new) if new else []
        if bad := next((result for result in results if result is not Result.OK), None):
            # All or nothing: what was written of this page is undone.
            raise NotAllowed(bad)
    return (rows[-1].n if rows else 0), ""


class NotAllowed(Exception):
    """The store does not allow an intent: the payroll was stopped, the entitlement frozen, or it is another's."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.value)
        self.result = result


def _claimed(connection: Connection, sender: int, rows: Sequence[Record], now: int) -> str:
    """Make them ours. Says why not all of them can go."""
    free = [row.id for row in rows if row.sender is None]
    claimed, refused = senders.claim_these(connection, sender, free, now) if free else ([], {})
    if refused:
        return next(iter(refused.values()))
    mine = {row.id for row in rows if row.sender == sender} | {row.id for row in claimed}
    for row in rows:
        if row.id not in mine or row.state not in UNSENT or row.attempt != row.planned_attempt:
            return f"payment {row.id} is {row.state} by now"
        if as_payment(row).leaf() != row.leaf:
            return f"payment {row.id} differs from what was approved"
    return ""


def _intent(row: Record, life: Life, sender: int, body: dict[str, Any], rules: Rules, now: int) -> Write:
    said = {**body, "line": row.n}
    fact = Fact(life.facts + 1, now, "intent", "sent", attempt=life.attempt, step=STEP, key=row.key, body=said)
    add(life, fact)
    return write_of(life, row, [fact], rules, now, sender=sender, release=True, money_intent=True)


def tell(store: Store, document: str, rules: Rules, now: int) -> bool:
    """Tell the next page of lines what became of their file. False when there is nothing (more) to tell."""
    with store.write() as connection:
        row, _ = documents.look(connection, document)
        if not row.telling:
            return False
        page = document_lines.page(connection, document, row.told, PAGE)
        if not page:
            documents.told(connection, row)
            return False
        facts = journal.facts_of_many(connection, [line.id for line in page])
        new = [
            made for line in page if (made := _told(row, line, facts[line.id], rules, now)) is not None
        ]  # fmt: skip
        must(writes.apply(connection, store, new) if new else [])
        documents.told(connection, row, page[-1].n)
    return True


def must(results: Sequence[Result]) -> None:
    """Read and written in one transaction: nothing can have come between."""
    if any(result is not Result.OK for result in results):
        raise AssertionError(f"lines cannot be told: {sorted({result.value for result in results})}")


def _told(document: Record, line: Record, facts: Sequence[Fact], rules: Rules, now: int) -> Write | None:
    """What a line is told; None where it has an answer of its own, or is in another file by now.

    That the bank moved the money of all lines is told to each, also where it contradicts what was known of it.
    """
    life = fold(facts)
    step, known = life.money, len(life.cases)
    waits = step is not None and step.key == line.key and not step.verdict and not life.settled
    if not waits and document.telling in CONTRARY:
        return _moved(document, line, life, facts, rules, now)
    body = {"document": document.id, "reason": document.reason, "reference": document.reference}
    kind, value = SAYS[document.telling]
    if not waits or (kind == "word" and life.state == document.telling):
        return None
    attempt = life.attempt
    if kind == "ended":
        fact = Fact(life.facts + 1, now, kind, WITHDRAWN, attempt=attempt, body=body)
    else:
        fact = Fact(life.facts + 1, now, kind, value, "document", attempt, STEP, body=body)
    add(life, fact)
    ended = attempt if kind == "ended" else 0
    return write_of(life, line, [fact], rules, now, ended_attempt=ended, cases=tuple(life.cases[known:]))


def _moved(
    document: Record, line: Record, life: Life, facts: Sequence[Fact], rules: Rules, now: int
) -> Write | None:  # fmt: skip
    """The bank booked, returned or carries out the whole file, and this line is decided, or was tried anew."""
    again, executing = document.telling == AGAIN, document.telling == EXECUTING
    (kind, value), attempt, known = SAYS[document.telling], line.planned_attempt, len(life.cases)
    said = (
        fact.value for fact in facts
        if fact.kind == kind and fact.attempt == attempt and fact.source in BANKS
        and bool(fact.body.get("executing")) == executing
    )  # fmt: skip
    if not again and value in said:
        return None
    body = {"document": document.id, "reason": document.reason}
    body |= {"again": True} if again else {"executing": True} if executing else {}
    fact = Fact(life.facts + 1, now, kind, value, "document", attempt, STEP, body=body)
    add(life, fact)
    return write_of(life, line, [fact], rules, now, cases=tuple(life.cases[known:]))


# Whose words of a line are the bank's: of the line itself, or of its file.
BANKS = frozenset({"statement", "document"})
# The file was booked before, and once more.
AGAIN = "paid again"
# What is told to each line, also where it contradicts what was known of it.
CONTRARY = frozenset({"paid", "returned", AGAIN, EXECUTING})
# By what the lines become (`documents.TELLS`, and what a bank's file says of a whole document).
SAYS = {
    "pending": ("word", "waiting"),
    "unknown": ("word", "unknown"),
    "ready": ("ended", ""),
    "refused": ("answer", "refused"),
    "paid": ("answer", "done"),
    "returned": ("answer", "returned"),
    AGAIN: ("answer", "done"),
    EXECUTING: ("word", "waiting"),
}


def overdue(store: Store, payroll: str, channel: str, rules: Rules, now: int) -> int:
    """Decide about the next page of payments that are due at the bank. Returns how many there were."""
    with store.write() as connection:
        rows = document_lines.due(connection, payroll, channel, now, PAGE)
        facts = journal.facts_of_many(connection, [row.id for row in rows])
        new = []
        for row in rows:
            life, said = fold(facts[row.id]), list[Fact]()
            move = decide(life, rules, now, row.id)
            if move.kind is Kind.DOUBT:
                word = {"why": SILENT}
                said = [Fact(life.facts + 1, now, "word", "unknown", attempt=life.attempt, step=STEP, body=word)]
                add(life, said[0])
            elif move.kind not in (Kind.WAIT, Kind.STOP):
                said = [Fact(life.facts + 1, now, "hold", ALONE, attempt=life.attempt)]
                add(life, said[0])
            new.append(write_of(life, row, said, rules, now))
        must(writes.apply(connection, store, new) if new else [])
    return len(rows)


def all_of(page: Callable[[], bool]) -> None:
    """Page after page, in this thread."""
    while page():
        pass
