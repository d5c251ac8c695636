"""Verifying what people gave and said: files against their facts, lines against their root, explanations, disputes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import files, journal, statements
from . import statement_tables as s
from .database import Record, Store
from .findings import Verification, miscounted
from .journal import as_fact

FIXED = ("kind", "channel", "payroll", "name", "sha256", "lines", "replaces")
DISPUTED = ("payroll", "payment", "by", "text")


def check_statements(store: Store, result: Verification) -> None:
    """Every file that a person gave, every explanation, every dispute."""
    with store.read() as connection:
        given = statements.listed(connection)
        disputes = list(connection.execute(sa.select(s.disputes).order_by(s.disputes.c.number)))
        explained = list(connection.execute(sa.select(s.explanations)))
    for row in given:
        for sentence in _wrong(store, row):
            result.found(f"file {row.name!r} ({row.id}): {sentence}")
    for row in disputes:
        with store.read() as connection:
            for sentence in _dispute(connection, row):
                result.found(f"dispute {row.number}: {sentence}")
    for sentence in _explanations(store, explained):
        result.found(sentence)


def _wrong(store: Store, row: Record) -> Iterator[str]:
    with store.read() as connection:
        facts = journal.rows_of_payroll(connection, row.id)
    if why := miscounted(row, facts):
        yield why
        return
    told: dict[str, Any] = {"state": "staging", "by": "", "confirmed_by": ""}
    decided: dict[int, tuple[str, str]] = {}
    for fact in facts:
        body = as_fact(fact).body
        told |= {"state": fact.value} if fact.value else {}
        if fact.kind == "applied":
            told |= {"by": fact.source, "root": bytes.fromhex(body["root"]), "about": body["about"]}
            told |= {name: body[name] for name in FIXED}
        elif fact.kind == "confirmed":
            told["confirmed_by"] = fact.source
        elif fact.kind == "line_decided":
            decided[body["line"]] = (body["decided"], fact.source)
    for name, said in told.items():
        stored = json.loads(row.about) if name == "about" else getattr(row, name)
        if stored != said:
            yield f"the table says {name} is {stored!r}, its facts say {said!r}"
    if not files.whole(store, row.sha256):
        yield f"its bytes are gone, or are not those of its digest {row.sha256}"
    yield from _lines(store, row, decided)


def _lines(store: Store, row: Record, decided: dict[int, tuple[str, str]]) -> Iterator[str]:
    count, wrong = 0, list[str]()

    def each() -> Iterator[statements.Line]:
        nonlocal count
        for page in statements.pages(store, row.id):
            for line in page:
                count += 1
                if (line.decided, line.decided_by) != decided.get(line.n, ("", "")):
                    wrong.append(f"line {line.n} was decided otherwise than the table says ({line.decided!r})")
                yield statements.as_line(line)

    if statements.root_of(each()) != row.root:
        yield "its lines are not those that were taken: the roots differ"
    if count != row.lines:
        yield f"it has {count} lines, but {row.lines} were taken"
    yield from wrong[:10]


def _dispute(connection: Connection, row: Record) -> Iterator[str]:
    facts = journal.rows_of_payroll(connection, row.id)
    if why := miscounted(row, facts):
        yield why
        return
    told: dict[str, Any] = {"resolution": "", "resolved_by": ""}
    for fact in facts:
        body = as_fact(fact).body
        told |= {"state": fact.value} if fact.value else {}
        if fact.kind == "opened":
            told |= {name: body[name] for name in (*DISPUTED, "priority", "handler")}
        elif fact.kind == "assigned":
            told |= {name: body[name] for name in ("priority", "handler")}
        elif fact.kind == "resolved":
            told |= {"resolution": body["text"], "resolved_by": fact.source}
        elif fact.kind == "reopened":
            told |= {"resolution": "", "resolved_by": ""}
    for name, said in told.items():
        if getattr(row, name) != said:
            yield f"the table says {name} is {getattr(row, name)!r}, its facts say {said!r}"


def _explanations(store: Store, rows: Sequence[Record]) -> Iterator[str]:
    told: dict[tuple[str, str, str], tuple[int, str, str]] = {}
    for payroll in sorted({row.payroll for row in rows}):
        with store.read() as connection:
            for fact in journal.facts_of_payroll(connection, payroll):
                for subject, kind, delta in fact.body.get("differences", []) if fact.kind == "explained" else []:
                    told[payroll, subject, kind] = (delta, fact.source, fact.body["reason"])
    for row in rows:
        if told.get((row.payroll, row.subject, row.kind)) != (row.delta, row.by, row.reason):
            yield f"payroll {row.payroll}: no fact explains {row.kind} of {row.subject} as the table does"
