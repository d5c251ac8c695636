"""A request that the bank cancel a file, or lines of it: a file of its own, without lines, that goes the same way.

    planned     bytes and lines are fixed: one row, one fact, with the two people who asked
    asked       each line's payment says so, page by page; then it is complete
    put         with the intent before it, the three outcomes and the question whether it is there, as every file

It moves nothing. A payment is decided by what the bank says of it; until then it lives on, and nobody pays it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from ...contract.batch import LineFact
from ...contract.cancelling import REJECTED
from ...contract.replies import Refused
from ...model.document import DocumentLife, note
from ...model.facts import Fact
from ...model.life import Life, add, fold
from ...model.states import SENDS
from ...store import Store, answers, document_lines, documents, journal, payrolls, writes
from ...store.database import Record
from ..decide import Rules
from ..evidence import plain
from .lines import PAGE, must, write_of

# Of these a cancellation is still asked for.
OPEN = frozenset({"pending", "unknown", "held"})
REFUSED = "cancellation_refused"
WITHDRAWN = "withdrawn"
NOT_ASKED = "it cancels the whole file, and nobody asked for that"
NOT_ALL_ASKED = "it cancels the whole file, and only some of its lines were asked for"
DECIDED = "all that it was to cancel is decided by now"


def keys_of(facts: Sequence[Fact]) -> Sequence[str]:
    """The line keys that a request is about; none: the whole file."""
    return next((tuple(fact.body.get("keys", ())) for fact in facts if fact.kind == "planned"), ())


def asked(store: Store, request: str, rules: Rules, now: int) -> bool:
    """Tell the next page of payments that the bank is asked to cancel them. At the end the request is complete: False.

    One that is decided by now, or about which the bank was asked before, is passed over.
    """
    with store.write() as connection:
        row, life = documents.look(connection, request)
        if life.complete or life.withdrawn:
            return False
        facts = journal.facts_of_payroll(connection, request)
        page = document_lines.page(connection, row.cancels, row.told, PAGE)
        if not page:
            documents.tell(connection, store, row, life, [note(life, now, "complete")], told=0)
            return False
        keys, plan = set(keys_of(facts)), next(fact for fact in facts if fact.kind == "planned")
        lines = [line for line in page if line.key in keys or not keys]
        known = journal.facts_of_many(connection, [line.id for line in lines])
        new = [
            _asked(line, case, row, plan, rules, now)
            for line in lines
            if stands(line, case := fold(known[line.id])) and not undecided(connection, case)
        ]
        must(writes.apply(connection, store, new) if new else [])
        documents.told_to(connection, row, page[-1].n)
    return True


def stands(line: Record, case: Life) -> bool:
    """Whether the payment is still this line of the file, and open."""
    return line.attempt == line.planned_attempt and case.state in OPEN


def _asked(line: Record, case: Life, request: Record, plan: Fact, rules: Rules, now: int) -> Any:
    body = {name: plan.body[name] for name in ("code", "reason", "first", "second")} | {"request": request.id}
    fact = Fact(case.facts + 1, now, "cancellation", "asked", plan.source, case.attempt, body=body)
    add(case, fact)
    return write_of(case, line, [fact], rules, now)


def hindrance(connection: Connection, row: Record, fingerprint: str) -> tuple[bool, str]:
    """(whether it is over, why it may not be put now). A paused payroll does not keep it: it sends no money."""
    if payrolls.get(connection, row.payroll).state not in SENDS:
        return True, "its payroll is closed"
    if row.fingerprint != fingerprint:
        return False, "the channel is configured otherwise than when it was asked for"
    keys = set(keys_of(journal.facts_of_payroll(connection, row.id)))
    after = 0
    while page := document_lines.page(connection, row.cancels, after, PAGE):
        if any(
            line.state in OPEN and line.attempt == line.planned_attempt for line in page if not keys or line.key in keys
        ):
            return False, ""
        after = page[-1].n
    return True, DECIDED


def answered(said: LineFact, case: Life, attempt: int, answer: str, n: int, now: int) -> Fact | None:
    """What the bank says of a request about this line, where that settles nothing; None of anything else."""
    if not said.cancellation or isinstance(said.verdict, Refused) or not case.request or attempt != case.attempt:
        return None
    body = {"answer": answer, "line": n, "text": plain(said.text, 300)}
    return Fact(case.facts + 1, now, "cancellation", said.cancellation, "statement", attempt, body=body)


def refused(connection: Connection, store: Store, request: str, answer: str, now: int, *, whole: bool = False) -> None:
    """The bank does not cancel: one case for the request, however many of its lines that is about."""
    row, life = documents.look(connection, request)
    if (REFUSED, 1) not in life.cases or (whole and not life.not_cancelled):
        told = {"whole": True} if whole else {}
        fact = note(life, now, "differs", REFUSED, "statement", answer=answer, **told)
        documents.tell(connection, store, row, life, [fact])


def of_whole(
    connection: Connection, store: Store, said: LineFact, row: Record, answer: Record, now: int
) -> tuple[bool, str]:
    """An answer about a whole file. (Whether it settles nothing of a request on record, why it is for people.)

    That the bank cancels the whole file is believed where two people asked for that. Where they asked for some of its
    lines, and it is of as many, each of these is told by a word of its own.
    """
    if not said.cancellation:
        return False, ""
    requests = documents.cancelling(connection, row.id)
    if isinstance(said.verdict, Refused):
        asked = [keys_of(journal.facts_of_payroll(connection, one.id)) for one in requests if one.state != WITHDRAWN]
        if not all(asked):
            return False, ""
        if said.lines not in [len(keys) for keys in asked]:
            return False, NOT_ASKED if not asked else NOT_ALL_ASKED
    elif not requests:
        return False, ""
    if said.cancellation == REJECTED:
        refused(connection, store, requests[-1].id, answer.id, now, whole=True)
    answers.count(connection, answer, 1, 0, 0, 1)
    return True, ""


def undecided(connection: Connection, case: Life) -> bool:
    """Whether the bank still may cancel this payment, as it was asked to."""
    if not case.cancel_undecided or not case.request:
        return False
    life: DocumentLife = documents.look(connection, case.request)[1]
    return not (life.not_cancelled or life.state in ("refused", "withdrawn"))
