"""Lines of documents: pages of them, and whether a file with them may go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import document_tables as d
from . import tables as t
from .database import Record
from .documents import Place
from .prepared import Among, Prepared

# Databases take so many parameters of a statement.
MANY = 500
_l = d.lines.c
_p = t.payments.c
_f = t.facts.c
_NEW = ("document", "n", "payment", "attempt", "key")
_INSERT = Prepared(sa.insert(d.lines).values({name: sa.bindparam(name) for name in _NEW}))
_named = (_l.n, _l.attempt.label("planned_attempt"), _l.key)
_PAGE = Prepared(
    sa.select(t.payments, *_named)
    .join(d.lines, _l.payment == _p.id)
    .where(_l.document == sa.bindparam("w_document"), _l.n > sa.bindparam("w_after"))
    .order_by(_l.n)
    .limit(sa.bindparam("w_size"))
)
_current = (
    sa.select(_p.state, sa.func.count().label("lines"), sa.func.sum(_p.amount).label("amount"))
    .join(d.lines, _l.payment == _p.id)
    .where(_l.document == sa.bindparam("w_document"), _l.attempt == _p.attempt)
    .group_by(_p.state)
)
_STATES = Prepared(_current)
_c = t.cases.c
_FROZEN = Prepared(
    sa.select(_c.id)
    .join(t.payments, _p.entitlement == _c.entitlement)
    .join(d.lines, _l.payment == _p.id)
    .where(_l.document == sa.bindparam("w_document"), sa.text("cases.closed_at = 0"), _c.entitlement != "")
    .limit(1)
)
_DUE = Prepared(
    sa.select(t.payments)
    .where(
        _p.payroll == sa.bindparam("w_payroll"), _p.channel == sa.bindparam("w_channel"), _p.open, _p.sender.is_(None),
        _p.due <= sa.bindparam("w_now"), _p.state != "planned", _p.state != "ready",
    )
    .order_by(_p.due, _p.line)
    .limit(sa.bindparam("w_size"))
)  # fmt: skip
# That the key is not empty is said for the index, which holds no others.
_some_key = sa.text("facts.key <> ''")
_KEYS = Among(sa.select(_f.payment, _f.attempt, _f.key).where(_some_key, _f.kind == "intent"), _f.key)
_REFERENCES = Among(
    sa.select(_f.payment, _f.attempt, _f.key).where(_some_key, _f.source == "statement").distinct(), _f.key
)
_ROWS = Among(sa.select(t.payments), _p.id)
_ABOUT = Among(sa.select(_p.id, _p.payroll, _p.channel, _p.amount, _p.currency), _p.id)
_OF = Among(
    sa.select(_l.payment, d.documents.c.name, d.documents.c.number)
    .join(d.documents, d.documents.c.id == _l.document)
    .where(d.documents.c.facts > 0)
    .order_by(d.documents.c.number),
    _l.payment,
)


def write(connection: Connection, document: str, lines: Sequence[Place]) -> None:
    """Say which payments are these lines of a document."""
    _INSERT.run(
        connection,
        [{"document": document, "n": x.n, "payment": x.payment, "attempt": x.attempt, "key": x.key} for x in lines],
    )


def page(connection: Connection, document: str, after: int, size: int) -> list[Record]:
    """The payments of the next lines after line `after`, each with its `n`, `planned_attempt` and `key`."""
    return list(_PAGE.rows(connection, w_document=document, w_after=after, w_size=size))


def states(connection: Connection, document: str) -> dict[str, tuple[int, int]]:
    """{state: (how many, sum in minor units)} of the payments that are lines of it in their present attempt."""
    return {row.state: (row.lines, int(row.amount)) for row in _STATES.rows(connection, w_document=document)}


def frozen(connection: Connection, document: str) -> bool:
    """Whether an open case is about somebody in it."""
    return bool(_FROZEN.rows(connection, w_document=document))


def due(connection: Connection, payroll: str, channel: str, now: int, size: int) -> list[Record]:
    """Payments that are with the bank and of which something is to be decided now."""
    return list(_DUE.rows(connection, w_payroll=payroll, w_channel=channel, w_now=now, w_size=size))


def by_key(connection: Connection, keys: Collection[str]) -> dict[str, tuple[str, int]]:
    """{line key: (payment, attempt)} of those that we ever wrote into a file."""
    found = _KEYS.run(connection, sorted(keys)) if keys else []
    return {row.key: (row.payment, row.attempt) for row in found}


def by_reference(connection: Connection, references: Collection[str]) -> dict[str, list[tuple[str, int]]]:
    """{the bank's reference: the lines to which it gave it before}."""
    found: dict[str, list[tuple[str, int]]] = {}
    for row in _REFERENCES.run(connection, sorted(references)) if references else ():
        found.setdefault(row.key, []).append((row.payment, row.attempt))
    return found


def payments(connection: Connection, ids: Collection[str]) -> Mapping[str, Any]:
    """Rows of payments by id."""
    return {row.id: row for row in _ROWS.run(connection, sorted(ids))} if ids else {}


def about(connection: Connection, ids: Collection[str]) -> Mapping[str, Any]:
    """Of payments by id: payroll, channel, amount, currency."""
    return {row.id: row for row in _ABOUT.run(connection, sorted(ids))} if ids else {}


def names(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """{payment: the name of the last file it was written into}."""
    return {
        row.payment: row.name
        for at in range(0, len(ids), MANY)
        for row in _OF.run(connection, ids[at : at + MANY])
    }  # fmt: skip
