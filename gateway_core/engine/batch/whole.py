"""What a bank's file says of a whole document: it has it, it refuses all of it, it booked all of it in one entry.

Such a word is spread over the lines only where it can be true of each: a refusal not once a line was booked or carried
out, nor where it is of fewer lines than the file has; a booking only with our count and our sum. Otherwise it is for
people, and no line is touched. A booking is told to every line, also to one that was refused, or has been tried anew:
what the line's own facts make of it (a case, a freeze) is the same as if the bank had named it.
"""

from __future__ import annotations

from ...contract.batch import LineFact
from ...contract.batch_channel import NAME
from ...contract.replies import Done, Refused, Returned, Unknown, Waiting
from ...model.document import EXECUTING, DocumentLife, note
from ...model.facts import Fact
from ...store import Store, answers, document_lines, documents
from ...store.database import Record
from ..evidence import plain
from .cancelling import of_whole
from .judging import REASON, REFERENCE, stray
from .lines import AGAIN
from .matching import Applied, evident

BOOKED = frozenset({"paid", "returned"})


def apply(store: Store, channel: str, answer: Record, line: tuple[int, LineFact], applied: Applied, now: int) -> bool:
    """One such word, in one transaction. What its lines are to be told is told afterwards, page by page.

    False: they still have to be told an earlier one first, which another process has brought.
    """
    n, said = line
    with store.write() as connection:
        if answers.get(connection, answer.id).done >= n:
            # Another process was before us.
            return True
        row = documents.by_name(connection, channel, said.document) if NAME.fullmatch(said.document) else None
        row = None if row is not None and row.cancels else row
        why = "no file of ours has this name"
        if row is not None:
            known, unasked = of_whole(connection, store, said, row, answer, now)
            if known:
                applied.payrolls.add(row.payroll)
                return True
            why = unasked or _partial(said, row)
        if row is None or why or isinstance(said.verdict, Unknown):
            answers.keep_strays(connection, answer.id, [stray(n, said, why or "the gateway does not understand it")])
            answers.count(connection, answer, 0, 0, 1, 1)
            applied.ours_unmatched = True
            return True
        if row.telling:
            applied.telling.add(row.id)
            return False
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
    return True


def _partial(said: LineFact, row: Record) -> str:
    """Why it does not end all lines of the file, though it seems to; ''."""
    ends = isinstance(said.verdict, Refused) or bool(said.cancellation)
    if not ends or said.lines in (None, row.lines):
        return ""
    return f"it is of {said.lines} of the file's {row.lines} lines, and does not say which"


def _stated(
    said: LineFact, row: Record, life: DocumentLife, states: dict[str, tuple[int, int]], answer: str, now: int
) -> tuple[Fact | None, dict[str, object]]:
    """The fact, noted in `life`, and the columns that tell its lines; None when it says nothing new."""
    match said.verdict:
        case Refused() if row.state == "refused":
            return None, {}
        case Refused() if BOOKED & set(states) or life.bookings or life.executing:
            return note(life, now, "differs", "contradiction", "statement", answer=answer), {}
        case Refused():
            reason = plain(f"{said.verdict.code}: {said.verdict.reason}", REASON)
            return note(life, now, "outcome", "refused", "statement", answer=answer, reason=reason), {}
        case Done() | Returned() if _differs(said, row):
            return note(life, now, "differs", "wrong_amount", "statement", answer=answer), {}
        case Done():
            return _told(life, "paid", plain(said.entry, REFERENCE), life.bookings, answer, now)
        case Returned():
            return _told(life, "returned", plain(said.entry, REFERENCE), life.returns, answer, now)
        case Waiting() if said.executing and not life.executing:
            telling: dict[str, object] = {"telling": EXECUTING} if row.state == "refused" else {}
            return note(life, now, "word", EXECUTING, "statement", answer=answer), telling
        case Waiting() | Unknown():
            return None, {}


def _differs(said: LineFact, row: Record) -> bool:
    """One booking of a whole file says nothing of its lines unless count and sum are ours."""
    if said.lines != row.lines or said.amount is None:
        return True
    return (said.amount.minor, said.amount.currency) != (row.total, row.currency)


def _told(
    life: DocumentLife, state: str, entry: str, known: set[str], answer: str, now: int
) -> tuple[Fact | None, dict[str, object]]:
    """`known`: the references of such entries before. Where one of both has none, they are taken for the same."""
    if known and (not entry or known & {entry, ""}):
        return None, {}
    telling = AGAIN if known and state == "paid" else state
    fact = note(life, now, "outcome", "handed_over", "statement", answer=answer, all=state, entry=entry)
    return fact, {"telling": telling}
