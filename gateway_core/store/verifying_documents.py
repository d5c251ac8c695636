"""Verifying files: their columns against their facts, their bytes against their digest, their lines against intents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model import document as documents
from ..model.identity import Root, digest
from . import document_lines, files
from . import document_tables as d
from . import tables as t
from .answer_facts import contradictions
from .database import Record, Store
from .documents import fixed
from .findings import Verification, miscounted
from .journal import as_fact, facts_of_payroll, rows_of_payroll

PAGE = 500
_d = d.documents.c
_l = d.lines.c
_a = d.answers.c
_f = t.facts.c
FOLDED = ("state", "reason", "reference")


def check_documents(store: Store, result: Verification) -> None:
    """Every file that goes to a bank, and every one that came from one."""
    with store.read() as connection:
        ids = list(connection.execute(sa.select(_d.id).where(_d.facts > 0).order_by(_d.id)).scalars())
        kept = connection.execute(sa.select(d.answers).order_by(_a.id)).all()
    for document in ids:
        for sentence in _wrong(store, document):
            result.found(f"document {document}: {sentence}")
    for answer in kept:
        for sentence in _wrong_answer(store, answer):
            result.found(f"the file {answer.name!r} from a bank ({answer.id}) {sentence}")


def _wrong_answer(store: Store, row: Record) -> Iterator[str]:
    with store.read() as connection:
        facts = facts_of_payroll(connection, row.id)
    if not files.whole(store, row.sha256):
        yield "is gone, or its bytes were changed"
    yield from contradictions(row, facts)


def _wrong(store: Store, document: str) -> Iterator[str]:
    with store.read() as connection:
        row = connection.execute(sa.select(d.documents).where(_d.id == document)).one()
        rows = rows_of_payroll(connection, document)
        cases = set(connection.execute(sa.select(t.cases.c.kind).where(t.cases.c.payment == document)).scalars())
    if why := miscounted(row, rows):
        yield why
        return
    yield from _planned(row, rows)
    life = documents.fold(as_fact(fact) for fact in rows)
    for name in FOLDED:
        if getattr(row, name) != getattr(life, name):
            yield f"the table says {name} is {getattr(row, name)!r}, its facts say {getattr(life, name)!r}"
    if missing := {kind for kind, _ in life.cases} - cases:
        yield f"its cases {', '.join(sorted(missing))} are gone from the table of cases"
    if not files.whole(store, row.sha256):
        yield f"its bytes are gone, or are not those of its digest {row.sha256}"
    yield from _lines(store, row)


def _planned(row: Record, rows: Sequence[Record]) -> Iterator[str]:
    """What was fixed before anything left is what stands there, and what the put-intent says."""
    for fact in rows:
        body: dict[str, Any] = json.loads(fact.body or "{}")
        if fact.kind == "planned":
            now = fixed(row)
            if changed := sorted(name for name in now if body.get(name) != now[name]):
                yield f"the table says another {', '.join(changed)} than when it was planned"
        elif fact.kind == "intent" and body.get("sha256") != row.sha256:
            yield f"its put-intent is of {body.get('sha256')}, the table says {row.sha256}"


def _lines(store: Store, row: Record) -> Iterator[str]:
    """Its lines are those that were planned, in order, and add up to it; each has its intent once it may go."""
    root, total, after, count = Root(), 0, 0, 0
    while True:
        with store.read() as connection:
            page = document_lines.page(connection, row.id, after, PAGE)
            intents = _intents(connection, [line.id for line in page])
        if not page:
            break
        for line in page:
            root.add(digest([line.n, line.id, line.planned_attempt, line.key, line.amount]))
            total, count, after = total + line.amount, count + 1, line.n
            if row.state not in ("planned", "withdrawn") and (row.id, line.id, line.key) not in intents:
                yield f"line {line.n} (payment {line.id}) has no intent, although the file is {row.state}"
    if (count, total) != (row.lines, row.total):
        yield f"it has {count} lines over {total}, but {row.lines} over {row.total} were planned"
    elif root.value() != row.allocation:
        yield "its lines are not those that were planned"


def _intents(connection: Connection, payments: Sequence[str]) -> set[tuple[str, str, str]]:
    """(document, payment, key) of the intents of these payments."""
    query = sa.select(_f.payment, _f.key, _f.body).where(_f.payment.in_(payments), _f.kind == "intent")
    found = connection.execute(query) if payments else ()
    return {(json.loads(row.body or "{}").get("document", ""), row.payment, row.key) for row in found}


def nowhere(connection: Connection, facts: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """{payment: what is wrong} of those with an intent in a document that is not there, or does not hold them."""
    said = {
        (json.loads(fact.body)["document"], payment, fact.attempt, fact.key)
        for payment, its in facts.items()
        for fact in its
        if fact.kind == "intent" and fact.body and "document" in fact.body
    }
    if not said:
        return {}
    query = sa.select(_l.document, _l.payment, _l.attempt, _l.key).where(_l.payment.in_({one[1] for one in said}))
    there = {tuple(row) for row in connection.execute(query)}
    return {
        payment: f"attempt {attempt} went as a line of document {document}, which does not hold it"
        for document, payment, attempt, _ in said - there
    }
