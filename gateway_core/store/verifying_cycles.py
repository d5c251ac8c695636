"""Verifying programmes and cycles: columns against facts, invoices against the root of their generation, and which
cycles each payroll is in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from ..model.identity import Root
from . import cycle_tables as c
from . import cycles
from . import tables as t
from .database import Record, Store
from .findings import Verification, miscounted
from .journal import as_fact, rows_of_payroll

_i, _p = c.invoices.c, t.payments.c
_of = c.payroll_cycles.c
PAGE = 500


def check_cycles(store: Store, result: Verification, progress: Callable[[int], None]) -> None:
    """Every programme, cycle and generated invoice, and what payrolls are in."""
    with store.read() as connection:
        rows = cycles.listed(connection)
    for row in rows:
        kind = "cycle" if row.name else "programme"
        for sentence in _wrong(store, row, progress):
            result.found(f"{kind} {cycles.address_of(row)}: {sentence}")
    for sentence in _payrolls(store):
        result.found(sentence)


def _wrong(store: Store, row: Record, progress: Callable[[int], None]) -> Iterator[str]:
    with store.read() as connection:
        facts = rows_of_payroll(connection, row.id)
    if why := miscounted(row, facts):
        yield why
        return
    told: dict[str, Any] = {"state": "active", "suspended_by": "", "why": "", "generations": 0}
    roots: dict[int, Record] = {}
    for fact in facts:
        body = as_fact(fact).body
        told |= _TELLS[fact.kind](fact, body) if fact.kind in _TELLS else {}
        if fact.kind == "generated":
            roots[int(body["generation"])] = body
    for name, said in told.items():
        stored = json.loads(row.terms) if name == "terms" else getattr(row, name)
        if stored != said:
            yield f"the table says {name} is {stored!r}, its facts say {said!r}"
    for generation, body in roots.items():
        yield from _generation(store, row, generation, body, progress)


_TELLS: dict[str, Callable[[Record, Any], dict[str, Any]]] = {
    "made": lambda fact, body: {name: body[name] for name in ("programme", "name", "terms")},
    "changed": lambda fact, body: {"terms": body["terms"]},
    "suspended": lambda fact, body: {"state": "suspended", "suspended_by": fact.source, "why": body["reason"]},
    "activated": lambda fact, body: {"state": "active", "suspended_by": "", "why": ""},
    "generated": lambda fact, body: {"generations": body["generation"]},
}


def _generation(
    store: Store, row: Record, generation: int, body: Any, progress: Callable[[int], None]
) -> Iterator[str]:
    """The invoices of one generation are those that were generated, in their order, and none is hidden or doubled."""
    root, total, wrong = Root(), 0, list[str]()
    for page in _pages(store, row, generation):
        for each in page:
            invoice = cycles.as_invoice(each.body)
            known = (invoice.entitlement, invoice.amount.minor, invoice.amount.currency, cycles.leaf_of(invoice))
            if known != (each.entitlement, each.amount, each.currency, each.leaf):
                wrong.append(f"invoice {each.n} of generation {generation} differs from what was generated")
            root.add(each.leaf)
            total += each.amount
        wrong += _replaced(store, row, page)
        progress(len(page))
    yield from wrong[:10]
    if (root.value().hex(), root.count) != (body["root"], body["fresh"] + body["replaced"]) or total != body["total"]:
        yield f"the invoices of generation {generation} are not those that were generated: the roots differ"


def _pages(store: Store, row: Record, generation: int) -> Iterator[list[Record]]:
    after = 0
    while True:
        query = sa.select(c.invoices).where(_i.cycle == row.id, _i.generation == generation, _i.n > after)
        with store.read() as connection:
            rows = list(connection.execute(query.order_by(_i.n).limit(PAGE)))
        if not rows:
            return
        yield rows
        after = rows[-1].n


def _replaced(store: Store, row: Record, page: list[Record]) -> list[str]:
    """One that was replaced has another in its place, of the generation that it says."""
    gone = [each for each in page if each.until and each.until <= row.generations]
    if not gone:
        return []
    query = sa.select(_i.entitlement, _i.generation).where(
        _i.cycle == row.id, _i.entitlement.in_([each.entitlement for each in gone])
    )
    with store.read() as connection:
        there = {tuple(found) for found in connection.execute(query)}
    return [
        f"invoice {each.n} of generation {each.generation} was replaced by nothing"
        for each in gone
        if each.until <= each.generation or (each.entitlement, each.until) not in there
    ]


def _payrolls(store: Store) -> Iterator[str]:
    """A payroll that has lines of a programme of ours says so: otherwise a suspension would not reach it."""
    r = t.payrolls.c
    ours = _p.programme.in_(sa.select(c.cycles.c.programme))
    lines = sa.select(_p.payroll, _p.programme, _p.cycle).where(ours).distinct().subquery()
    query = (
        sa.select(lines.c.payroll, lines.c.programme, lines.c.cycle)
        .join(t.payrolls, sa.and_(r.id == lines.c.payroll, r.complete))
        .outerjoin(
            c.payroll_cycles,
            sa.and_(
                _of.payroll == lines.c.payroll, _of.programme == lines.c.programme, _of.cycle == lines.c.cycle
            ),
        )
        .where(_of.payroll.is_(None))
    )  # fmt: skip
    with store.read() as connection:
        for row in connection.execute(query.limit(20)):
            yield f"payroll {row.payroll} has lines in {row.programme}/{row.cycle}, and the table of its cycles has not"
