"""Verifying payrolls: each column follows from the payroll's own facts, and its lines are those that were approved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from ..model.identity import Root
from ..model.people import normal
from ..model.states import PAYROLL
from . import payrolls, verifying_payments
from . import tables as t
from .database import Record, Store
from .findings import Verification, shown_time
from .journal import rows_of_payroll

PAGE = 500
LOWEST = -(2**63)
# `approved_at` and its fact are timed one after the other, in one transaction.
SAME_TIME = 60_000_000
_r = t.payrolls.c
_p = t.payments.c
Columns = dict[str, object]


def check_payrolls(store: Store, result: Verification, progress: Callable[[int], None]) -> None:
    """Every payroll and every payment of it."""
    for payroll in _ids(store):
        result.payrolls += 1
        try:
            _check_payroll(store, payroll, result, progress)
        except Exception as error:
            result.found(f"payroll {payroll} cannot be read to the end: {type(error).__name__}: {error}")


def _ids(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(sa.select(_r.id).order_by(_r.id)).scalars())


def _check_payroll(store: Store, payroll: str, result: Verification, progress: Callable[[int], None]) -> None:
    with store.read() as connection:
        row = connection.execute(sa.select(t.payrolls).where(_r.id == payroll)).one()
        facts = rows_of_payroll(connection, payroll)
    if not row.complete and not facts:
        result.note(f"payroll {payroll} was never proposed to its end; nobody sees it and nothing of it is paid")
        return
    for sentence in _wrong(store, row, facts):
        result.found(f"payroll {payroll}: {sentence}")
    closures = {body["case"]: (fact, body) for fact, body in _bodies(facts) if fact.kind == "case_closed" and body}
    if row.complete:
        _check_lines(store, row, closures, result, progress)
    else:
        result.note(f"payroll {payroll} was sent back and not proposed anew to its end; nothing of it is paid")


def _bodies(facts: list[Record]) -> Iterator[tuple[Record, Mapping[str, Any]]]:
    for fact in facts:
        yield fact, json.loads(fact.body) if fact.body else {}


def _wrong(store: Store, row: Record, facts: list[Record]) -> Iterator[str]:
    """What the columns and the facts say otherwise than one another."""
    yield from verifying_payments.numbering(row.facts, facts)
    yield from _edges(facts)
    told = _told(facts)
    for column, said in told.items():
        stored = getattr(row, column)
        stored = json.loads(stored) if column == "channels" else stored
        if stored != said:
            yield f"the table says {column} is {_shown(stored)}, its facts say {_shown(said)}"
    proposed = max((fact.no for fact in facts if fact.kind in ("proposed", "sent_back")), default=0)
    agreed = {fact.no for fact in facts if fact.kind == "agreed" and fact.no > proposed}
    for fact, body in _bodies(facts):
        yield from _approval(store, row, fact, body) if fact.kind == "approved" or fact.no in agreed else ()
        yield from _closing(row, body) if fact.kind == "closed" else ()
    yield from _two_people(facts)
    approved_at = max((fact.at for fact in facts if fact.kind == "approved"), default=0)
    if abs(row.approved_at - approved_at) > SAME_TIME:
        stored, said = shown_time(row.approved_at), shown_time(approved_at)
        yield f"the table says it was approved at {stored}, its facts say {said}"


def _edges(facts: list[Record]) -> Iterator[str]:
    state = "draft"
    for fact in facts:
        if fact.value and fact.value != state:
            if fact.value not in PAYROLL.get(state, ()):
                yield f"{state} -> {fact.value} (fact {fact.no}) is no edge of the table of states"
            state = fact.value


# -- columns as told by the facts: one small function per kind ---------------------------------------------------------


def _told(facts: list[Record]) -> Columns:
    """The columns as the facts tell them. None: it stood in a body that was erased, and is not told any more."""
    columns: Columns = {"state": "draft", "complete": True, "paused": "", "reconciled_by": "", "closed_by": ""}
    columns |= {"approved_by": "", "approval_ends": 0, "pay_at": 0}
    for fact, body in _bodies(facts):
        if fact.value:
            columns["state"] = fact.value
        if fact.kind in TELLS:
            columns |= TELLS[fact.kind](fact, body)
    return {column: value for column, value in columns.items() if value is not None}


def _proposed(fact: Record, body: Mapping[str, Any]) -> Columns:
    told: Columns = {"proposed_by": fact.source, "complete": True}
    for name in ("root", "content"):
        told |= {name: bytes.fromhex(body[name])} if name in body else {}
    return told | {name: body[name] for name in ("lines", "total", "channels", "name", "currency") if name in body}


def _approved(fact: Record, body: Mapping[str, Any]) -> Columns:
    ends, channels = body.get("ends"), body.get("channels")
    return {"approved_by": fact.source, "paused": body.get("paused"), "approval_ends": ends, "channels": channels}


def _paused(fact: Record, body: Mapping[str, Any]) -> Columns:
    return {"paused": (body["reason"] or "paused") if "reason" in body else None}


TELLS: dict[str, Callable[[Record, Mapping[str, Any]], Columns]] = {
    "proposed": _proposed,
    # Sent back, and being staged anew: nobody sees it, nothing of it is paid.
    "correcting": lambda fact, body: {"complete": False, "root": b"", "content": b"", "lines": 0, "total": 0},
    "not_corrected": lambda fact, body: {"complete": True, "root": Root().value()},
    "approved": _approved,
    "paused": _paused,
    "scheduled": lambda fact, body: {"pay_at": body.get("at"), "paused": body.get("paused")},
    "unscheduled": lambda fact, body: {"pay_at": 0},
    "due": lambda fact, body: {"pay_at": 0},
    "missed": lambda fact, body: {"pay_at": 0, "paused": body.get("paused")},
    "resumed": lambda fact, body: {"paused": ""},
    "compared": lambda fact, body: {"reconciled_by": body.get("reconciled_by")},
    "paid_out": lambda fact, body: {"reconciled_by": ""},
    "statement": lambda fact, body: {"reconciled_by": ""},
    "cash_counted": lambda fact, body: {"reconciled_by": ""},
    "close_rejected": lambda fact, body: {"reconciled_by": ""},
    "closed": lambda fact, body: {"closed_by": fact.source},
}


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)


# -- approval, closing, people -----------------------------------------------------------------------------------------


def _approval(store: Store, row: Record, fact: Record, body: Mapping[str, Any]) -> Iterator[str]:
    if not body:
        return
    if payrolls.approval_digest(store.identity, row, body["channels"]).hex() != body["digest"]:
        yield f"what stands there is not what {fact.source} approved (fact {fact.no}): the digests differ"


def _closing(row: Record, body: Mapping[str, Any]) -> Iterator[str]:
    parts = list(body.get("by_state", {}).values())
    if parts and (sum(part[0] for part in parts), sum(part[1] for part in parts)) != (row.lines, row.total):
        yield "it was closed with sums that do not add up to what was approved"


def _two_people(facts: list[Record]) -> Iterator[str]:
    """Law 6: who proposed does not approve, who reconciled does not close."""
    did: dict[str, Record] = {}
    for fact in facts:
        did[fact.kind] = fact
        for maker, checker in (("proposed", "approved"), ("compared", "closed")):
            if fact.kind == checker and maker in did and normal(did[maker].source) == normal(fact.source):
                yield f"{fact.source} did both: {maker} and {checker} (facts {did[maker].no} and {fact.no})"
    for fact, body in _bodies([fact for fact in facts if fact.kind == "approved"]):
        people = [normal(by) for by in (*body.get("agreed", ()), fact.source)]
        if len(set(people)) < len(people):
            yield f"{fact.source} approved at two levels (fact {fact.no})"
    if "approved" in did and "proposed" not in did:
        yield "it was approved, but no fact says who proposed it"


# -- lines -------------------------------------------------------------------------------------------------------------


def _check_lines(
    store: Store, row: Record, closures: verifying_payments.Closures, result: Verification,
    progress: Callable[[int], None],
) -> None:  # fmt: skip
    root, total, erased, after = Root(), 0, 0, LOWEST
    query = sa.select(t.payments).where(_p.payroll == row.id).order_by(_p.line).limit(PAGE)
    while True:
        # One picture: a payment's row, its facts and its cases are of the same moment.
        with store.read() as connection:
            rows = list(connection.execute(query.where(_p.line > after)))
            erased += verifying_payments.check_page(connection, row, rows, closures, result) if rows else 0
        if not rows:
            break
        for line in rows:
            root.add(verifying_payments.leaf_of(line))
            total += line.amount
        after = rows[-1].line
        result.payments += len(rows)
        progress(len(rows))
    if erased:
        result.note(
            f"payroll {row.id}: {erased:,} payments have erased facts; their reasons and cases cannot be derived"
        )
    for sentence in _sums(row, root, total):
        result.found(f"payroll {row.id}: {sentence}")


def _sums(row: Record, root: Root, total: int) -> Iterator[str]:
    if (root.count, total) != (row.lines, row.total):
        yield f"it has {root.count} lines over {total}, but {row.lines} over {row.total} (minor units) were proposed"
    if root.value() != row.root:
        yield "its lines are not the lines that were proposed, or not in their order: the roots differ"
