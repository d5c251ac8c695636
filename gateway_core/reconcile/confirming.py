"""A second person agrees with a file: what the rail cannot tell is settled by two people, payment by payment.

Where the rail can be asked, a file settles nothing, whoever agrees (`model/ranks.py`). A payment is settled only by its
whole amount; a part of it is a difference for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy.engine import Connection

from ..model.errors import WrongState
from ..model.facts import Fact
from ..model.life import Life, add, fold
from ..model.people import differ
from ..model.ranks import Rank, settles
from ..model.states import SENDS
from ..store import Result, Store, Write, document_lines, journal, payrolls, statements, writes
from ..store.database import Record, now_us
from . import weighing
from .weighing import OPEN, Weight

PAGE = 200


@attrs.define
class Confirmed:
    """`settled` payments by it, `left` to the rail, to a part payment's people, or as they were."""

    settled: int = 0
    left: int = 0


def confirm(
    store: Store, statement: str, by: str, reason: str, asks: Callable[[str], bool], signature: str = ""
) -> Confirmed:
    """Agree with every line of a file, as far as the rail is not the one to ask. Can be repeated after a crash."""
    if not reason.strip():
        raise WrongState("confirming a file needs a reason: what was compared, and with what")
    with store.write() as connection:
        row = statements.find(connection, statement)
        if row.state != "applied":
            raise WrongState(f"{row.name} is {row.state}; only a file that stands is confirmed")
        differ(row.by, by, "gave this file")
        body = {"reason": reason, "signature": signature}
        statements.record(connection, store, row, "confirmed", by, body, confirmed_by=by)
        statement = row.id
    done, after = Confirmed(), 0
    while True:
        with store.write() as connection:
            page = statements.lines(connection, statement, after, PAGE)
            if not page:
                return done
            _page(connection, store, page, by, reason, asks, done)
            after = page[-1].n


def _page(
    connection: Connection, store: Store, page: Sequence[Record], by: str, reason: str, asks: Callable[[str], bool],
    done: Confirmed,
) -> None:  # fmt: skip
    ids = {line.payment for line in page if line.payment}
    standing = statements.standing(connection, ids)
    rows = document_lines.payments(connection, ids)
    facts = journal.facts_of_many(connection, sorted(standing)) if standing else {}
    given = statements.staged(connection, page[0].statement)
    for payment, lines in standing.items():
        mine = [line for line in lines if line.statement == given.id]
        sheets, lists = weighing.of_sources(lines)
        says = outcome(weighing.weigh(sheets or lists), rows[payment].amount)
        said = {"file": given.id, "line": mine[0].n, "first": given.by, "second": by, "reason": reason} if mine else {}
        life = fold(facts[payment])
        new = _facts(life, says, _decides(rows[payment], life, asks), by, said, _reference(mine, says))
        if said and new and _may(connection, rows[payment]):
            _write(connection, store, rows[payment], life, new)
            done.settled += 1
        else:
            done.left += 1


def outcome(weight: Weight, owed: int) -> str:
    """What files say became of a whole payment: paid, returned, refused; '' where they do not say that of all of it."""
    if weight.net >= owed and weight.paid:
        return "paid"
    if weight.returned >= owed and weight.net <= 0:
        return "returned"
    return "refused" if weight.refused and not weight.paid and not weight.returned else ""


def _decides(row: Record, life: Life, asks: Callable[[str], bool]) -> bool:
    """Whether two people may settle it: the rail cannot be asked, or was, and people hold what came of it."""
    return life.state == "held" or settles(Rank.PEOPLE, asks(row.channel))


def _may(connection: Connection, row: Record) -> bool:
    return payrolls.get(connection, row.payroll).state in SENDS


def _reference(lines: Sequence[Any], says: str) -> str:
    return next((line.reference for line in lines if line.verdict == says and line.reference), "")


def _facts(
    life: Life, says: str, decides: bool, by: str, said: Mapping[str, Any], reference: str
) -> list[Fact]:  # fmt: skip
    """The facts that settle it, from its present state; none where it is settled so, or not theirs to settle."""
    at, source = now_us(), f"officer {by}"
    if not says or not decides or life.money is None:
        return []
    if life.state in OPEN:
        body = {**said, "reference": reference or life.reference}
        hold = Fact(0, at, "hold", "two people decide by a file", source, life.attempt, body=dict(said))
        release = Fact(0, at, "release", says, source, life.attempt, body=body)
        return [release] if life.state == "held" else [hold, release]
    if (life.state, says) in AFTERWARDS:
        value = {"returned": "returned", "paid": "done"}[says]
        body = {**said, "reference": reference, "moves_money": True}
        return [Fact(0, at, "answer", value, "confirmed", life.attempt, life.money.name, reference, body)]
    return []


# What may still be learnt of a settled payment: it came back; it was paid after all, which opens a case.
AFTERWARDS = {("paid", "returned"), ("refused", "paid"), ("cancelled", "paid")}


def _write(connection: Connection, store: Store, row: Record, life: Life, facts: Sequence[Fact]) -> None:
    known, before, numbered = len(life.cases), life.facts, list[Fact]()
    for fact in facts:
        numbered.append(attrs.evolve(fact, no=life.facts + 1))
        add(life, numbered[-1])
    write = Write.of(row.id, row.payroll, life, before, numbered, cases=tuple(life.cases[known:]))
    if writes.apply(connection, store, [write]) != [Result.OK]:
        raise WrongState(f"payment {row.id} is being worked on just now; confirm again")
    payrolls.paid_out(connection, store, row.payroll)


def decide_line(store: Store, statement: str, n: int, accept: bool, by: str, reason: str) -> None:
    """A person decides about a line that names none of ours, or is only proposed: it is that payment's, or none's."""
    if not reason.strip():
        raise WrongState("deciding about a line needs a reason")
    with store.write() as connection:
        row = statements.find(connection, statement)
        line = next(iter(statements.lines(connection, row.id, n - 1, 1)), None)
        if line is None or line.n != n or (line.payment and line.how != "proposed"):
            raise WrongState(f"line {n} of {row.name} is none that a person decides about")
        if accept and not line.payment:
            raise WrongState(f"line {n} of {row.name} names no payment: {line.why}")
        decided = "accepted" if accept else "declined"
        if row.state != "applied":
            raise WrongState(f"{row.name} is {row.state}")
        body = {"line": n, "decided": decided, "payment": line.payment, "reason": reason}
        statements.record(connection, store, row, "line_decided", by, body)
        statements.decide(connection, row.id, n, decided, by)
        if line.payroll:
            of = payrolls.get(connection, line.payroll)
            if of.state != "reconciled":
                payrolls.record(connection, store, of, "statement", by, {"statement": row.id}, reconciled_by="")
