"""Verifying cash: points, lists and decisions about proofs against the facts that people stated. See also
verifying_proofs: what came from phones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ..model.identity import derived_uuid
from ..model.people import normal
from . import cash_tables as c
from .database import Record, Store
from .findings import Verification, miscounted
from .journal import as_fact, rows_of_payroll

PAGE = 500
_q = c.proofs.c
COUNTED = ("how", "handed_out", "returned", "reason")
DECISIONS = ("accepted", "rejected")
# {proof: (decision, by whom, why, the flags as they were then)}
Said = dict[str, tuple[str, str, str, str]]


def check_cash(store: Store, result: Verification) -> None:
    """Every payment point and manager, every list of which something was said, every decision about a proof."""
    with store.read() as connection:
        places = list(connection.execute(sa.select(c.places).order_by(c.places.c.id)))
        lists = list(connection.execute(sa.select(c.lists).order_by(c.lists.c.id)))
    for row in places:
        with store.read() as connection:
            for sentence in _place(row, rows_of_payroll(connection, row.id)):
                result.found(f"{row.kind} {row.code}: {sentence}")
    for row in lists:
        for sentence in _list(store, row):
            result.found(f"pay list {row.document}: {sentence}")
    with store.read() as connection:
        of_none = sa.select(_q.id).where(_q.decision != "", _q.document.not_in(sa.select(c.lists.c.document)))
        for row in connection.execute(of_none.limit(PAGE)):
            result.found(f"proof {row.id}: it was decided about, but no fact says so")


def _place(row: Record, facts: Sequence[Record]) -> Iterator[str]:
    if why := miscounted(row, facts):
        yield why
    said = dict(as_fact(facts[-1]).body) if facts else {}
    kind, who = (facts[-1].value, facts[-1].source) if facts else ("", "anybody")
    if said != {"code": row.code, **json.loads(row.body)} or kind != row.kind:
        yield f"the table says otherwise of it than {who} did last"


def _list(store: Store, row: Record) -> Iterator[str]:
    with store.read() as connection:
        facts = rows_of_payroll(connection, row.id)
    if why := miscounted(row, facts):
        yield why
    if row.id != derived_uuid("pay list", row.document):
        yield "what was said is of another list"
    told: dict[str, Any] = {"state": "open", "counted_by": "", "sealed_by": "", "how": "", "reason": ""}
    decided: Said = {}
    for fact in facts:
        body = as_fact(fact).body
        told |= {"state": fact.value} if fact.value else {}
        if fact.kind == "counted":
            told |= {name: body[name] for name in COUNTED if name in body} | {"sealed_by": ""}
            told["counted_by"] = fact.source
        elif fact.kind == "sealed":
            told["sealed_by"] = fact.source
            if normal(told["counted_by"]) == normal(fact.source):
                yield f"{fact.source} did both: counted and sealed"
        elif fact.kind in DECISIONS:
            flags = body.get("flags", {})
            decided |= {
                proof: (fact.kind, fact.source, body["reason"], flags.get(proof, ""))
                for proof in body.get("proofs", ())
            }
    for name, said in told.items():
        if getattr(row, name) != said:
            yield f"the table says {name} is {getattr(row, name)!r}, its facts say {said!r}"
    yield from _proofs(store, row.document, decided)


def _proofs(store: Store, document: str, decided: Said) -> Iterator[str]:
    after, seen = "", 0
    while True:
        query = sa.select(_q.id, _q.decision, _q.decided_by, _q.why, _q.flags)
        query = query.where(_q.document == document, _q.decision != "")
        with store.read() as connection:
            page = list(connection.execute(query.where(_q.id > after).order_by(_q.id).limit(PAGE)))
        if not page:
            break
        after, seen = page[-1].id, seen + len(page)
        for row in page:
            if decided.get(row.id) != (row.decision, row.decided_by, row.why, row.flags):
                yield f"the table says that proof {row.id} was {row.decision} by {row.decided_by}, its facts do not"
    if seen != len(decided):
        yield f"{len(decided)} proofs were decided about, the table has {seen}"
