"""What a bank's file says of a whole document: it has it, it refuses all of it, it booked all of it in one entry.

Such a word is spread over the lines only where it can be true of each: a refusal not once a line was booked, a booking
only with our count and our sum. Otherwise it is a case, and no line is touched.
"""

from __future__ import annotations

from ...contract.batch import LineFact
from ...contract.batch_channel import NAME
from ...contract.replies import Done, Refused, Returned, Unknown, Waiting
from ...model.document import DocumentLife, note
from ...model.facts import Fact
from ...store import Store, answers, document_lines, documents
from ...store.database import Record
from ..evidence import plain
from .cancelling import of_whole
from .judging import REASON, REFERENCE, stray
from .matching import Applied, evident

BOOKED = frozenset({"paid", "returned"})


def apply(store: Store, channel: str, answer: Record, line: tuple[int, LineFact], applied: Applied, now: int) -> None:
    """One such word, in one transaction. What its lines are to be told is told afterwards, page by page."""
    n, said = line
    with store.write() as connection:
        if answers.get(connection, answer.id).done >= n:
            # Another process was before us.
            return
        row = documents.by_name(connection, channel, said.document) if NAME.fullmatch(said.document) else None
        row = None if row is not None and row.cancels else row
        if row is not None and of_whole(connection, store, said, row, answer, now):
            applied.payrolls.add(row.payroll)
            return
        if row is None or isinstance(said.verdict, Unknown):
            why = "no file of ours has this name" if row is None else "the gateway does not understand it"
            answers.keep_strays(connection, answer.id, [stray(n, said, why)])
            answers.count(connection, answer, 0, 0, 1, 1)
            applied.ours_unmatched = True
            return
        evident(connection, store, row.id, answer.id, now)
        row, life = documents.look(connection, row.id)
        states = document_lines.states(connection, row.id)
        fact, telling = _stated(said, row, life, states, answer.id, now)
        if fact is not None:
            documents.tell(connection, store, row, life, [fact], **telling)
        answers.count(connection, answer, int(fact is not None), int(fact is None), 0, 1)
        applied.payrolls.add(row.payroll)
        applied.documents.add(row.id)
        applied.telling.add(row.id)


def _stated(
    said: LineFact, row: Record, life: DocumentLife, states: dict[str, tuple[int, int]], answer: str, now: int
) -> tuple[Fact | None, dict[str, object]]:
    """The fact, noted in `life`, and the columns that tell its lines; None when it says nothing new."""
    reference = plain(said.reference, REFERENCE)
    match said.verdict:
        case Refused() if row.state == "refused":
            return None, {}
        case Refused() if BOOKED & set(states):
            return note(life, now, "differs", "contradiction", "statement", answer=answer), {}
        case Refused():
            reason = plain(f"{said.verdict.code}: {said.verdict.reason}", REASON)
            return note(life, now, "outcome", "refused", "statement", answer=answer, reason=reason), {}
        case Done() | Returned() if _differs(said, row):
            return note(life, now, "differs", "wrong_amount", "statement", answer=answer), {}
        case Done():
            return _told(life, "paid", reference, states, answer, now)
        case Returned():
            return _told(life, "returned", reference, states, answer, now)
        case Waiting() | Unknown():
            return None, {}


def _differs(said: LineFact, row: Record) -> bool:
    """One booking of a whole file says nothing of its lines unless count and sum are ours."""
    if said.lines != row.lines or said.amount is None:
        return True
    return (said.amount.minor, said.amount.currency) != (row.total, row.currency)


def _told(
    life: DocumentLife, state: str, reference: str, states: dict[str, tuple[int, int]], answer: str, now: int
) -> tuple[Fact | None, dict[str, object]]:
    if set(states) <= {state}:
        return None, {}
    fact = note(life, now, "outcome", "handed_over", "statement", answer=answer, reference=reference, all=state)
    return fact, {"telling": state}
