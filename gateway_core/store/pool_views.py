"""What is on record of a generated invoice itself: when it was made, and replaced, and what people noted about it."""

from __future__ import annotations

import json
from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.facts import Fact
from . import cycle_tables as c
from . import journal
from . import tables as t
from .database import Record

_c, _i, _p = c.cycles.c, c.invoices.c, t.payments.c


def generated(connection: Connection, invoice: str) -> list[Record]:
    """Every one that was generated under this id: rows of its cycle, with `generation`; the newest last."""
    of = list(connection.execute(sa.select(_p.entitlement).where(_p.invoice == invoice).distinct()).scalars())
    # One that never was in a payroll is looked for by how its body begins. LIKE may take other letters for ours.
    begins = '{"id":' + json.dumps(invoice, ensure_ascii=False) + ","
    where = _i.entitlement.in_(of) if of else _i.body.startswith(begins, autoescape=True)
    query = (
        sa.select(c.cycles, _i.generation, _i.body)
        .join(c.cycles, _c.id == _i.cycle)
        .where(where, _i.generation <= _c.generations)
        .order_by(_i.generation)
    )
    return [row for row in connection.execute(query) if row.body.startswith(begins)]


def facts_of(connection: Connection, invoice: str) -> list[Fact]:
    """In order: the generations that it is in, and the notes about it from before it was in a payroll."""
    made = defaultdict[str, set[int]](set)
    for row in generated(connection, invoice):
        made[row.id].add(row.generation)
    return [
        fact for cycle, generations in made.items() for fact in journal.facts_of_payroll(connection, cycle)
        if fact.body.get("invoice") == invoice
        or (fact.kind == "generated" and fact.body.get("generation") in generations)
    ]  # fmt: skip
