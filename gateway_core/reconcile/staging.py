"""A file that was read becomes one that counts: staged in pages, switched on by one row. All of it, or nothing."""

from __future__ import annotations

import json
from itertools import islice

from sqlalchemy.engine import Connection

from ..model.errors import InvalidPayroll, WrongState
from ..model.identity import Root
from ..store import Store, cases, payrolls, statements
from ..store.database import Record
from ..store.files import Kept
from .taking import Taken

PAGE = 1000
UNKNOWN_LINE, LATE_LINE = "unknown_line", "late_line"


def apply(store: Store, taken: Taken, kept: Kept, by: str, replaces: str = "") -> str:
    """Take it as a person's word, once `refuse` had nothing against it. Returns the statement's id."""
    new = {"kind": taken.kind, "channel": taken.channel, "payroll": taken.payroll, "name": taken.name, "by": by}
    statement = statements.begin(store, {**new, "lines": taken.lines, "replaces": replaces}, kept)
    root, lines, about = Root(), taken.kept(), set[str]()
    while page := list(islice(lines, PAGE)):
        for line in page:
            root.add(line.leaf())
            about |= {line.payroll} - {""}
        statements.stage(store, statement, page)
    _switch_on(store, statement, by, root.value(), sorted(about), taken, replaces)
    return statement


def refuse(taken: Taken, replaces: str) -> None:
    """Before anything is written: raises InvalidPayroll with every mistake, WrongState where it contradicts an earlier
    file that it does not replace.
    """
    if taken.mistakes:
        raise InvalidPayroll(taken.mistakes, taken.more)
    others = sorted({said.earlier for said in taken.contradictions} - {replaces})
    if others:
        first = taken.contradictions[0]
        raise WrongState(
            f"{taken.name} says otherwise than file {others[0]}, {len(taken.contradictions)} times: line {first.line} "
            f"says {first.now}, the earlier file {first.before}; say that it replaces that one, or leave it"
        )


def _switch_on(
    store: Store, statement: str, by: str, root: bytes, about: list[str], taken: Taken, replaces: str
) -> None:
    with store.write() as connection:
        row = statements.staged(connection, statement)
        if replaces:
            _replace(connection, store, row, statements.find(connection, replaces), by)
        body = {
            "kind": row.kind, "channel": row.channel, "payroll": row.payroll, "name": row.name, "sha256": row.sha256,
            "lines": row.lines, "root": root.hex(), "about": about, "replaces": replaces, "counts": dict(taken.counts),
        }  # fmt: skip
        columns = {"state": "applied", "root": root, "about": json.dumps(about)}
        statements.record(connection, store, row, "applied", by, body, **columns)
        touch(connection, store, statement, by)
        _cases(connection, row, taken)


def _replace(connection: Connection, store: Store, row: Record, earlier: Record, by: str) -> None:
    same = (row.kind, row.channel, row.payroll) == (earlier.kind, earlier.channel, earlier.payroll)
    if not same or earlier.state != "applied":
        raise WrongState(f"{earlier.name} is {earlier.state}, or a file about something else: it cannot be replaced")
    _unless_closed(connection, earlier)
    statements.record(connection, store, earlier, "replaced", by, {"replaced_by": row.id}, state="replaced")
    touch(connection, store, earlier.id, by)


def withdraw(store: Store, statement: str, by: str, reason: str) -> None:
    """A person says that a file was given by mistake: it counts no more. What two people confirmed by it stays."""
    if not reason.strip():
        raise WrongState("withdrawing a file needs a reason")
    with store.write() as connection:
        row = statements.find(connection, statement)
        if row.state != "applied":
            raise WrongState(f"{row.name} is {row.state} already")
        _unless_closed(connection, row)
        statements.record(connection, store, row, "withdrawn", by, {"reason": reason}, state="withdrawn")
        touch(connection, store, row.id, by)


def _unless_closed(connection: Connection, row: Record) -> None:
    """A closed payroll was closed with its files: they stay as they were."""
    about = [payrolls.get(connection, payroll) for payroll in statements.payrolls_of(row)]
    if closed := [of.name for of in about if of.state == "reconciled"]:
        raise WrongState(f"payroll {closed[0]!r} was closed with {row.name}: it stays")


def touch(connection: Connection, store: Store, statement: str, by: str) -> None:
    """What was compared before this file is to be compared anew, in every payroll that it is about."""
    for payroll in statements.payrolls_of(statements.staged(connection, statement)):
        of = payrolls.get(connection, payroll)
        if of.state != "reconciled":
            payrolls.record(connection, store, of, "statement", by, {"statement": statement}, reconciled_by="")


def _cases(connection: Connection, row: Record, taken: Taken) -> None:
    if taken.counts.get("unknown") or taken.counts.get("proposed"):
        cases.open_case(connection, row.id, row.payroll, UNKNOWN_LINE)
    if taken.counts.get("late"):
        late = sorted({str(change[17]) for change in taken.scratch.rows("late")})
        for number, payroll in enumerate(late, start=1):
            cases.open_case(connection, row.id, payroll, LATE_LINE, number)
