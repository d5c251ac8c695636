"""Payment points, their managers and their pay lists in the store: each with its own facts in the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.facts import Fact
from ..model.identity import derived_uuid
from . import cash_tables as c
from . import document_lines, journal, recording
from . import document_tables as d
from . import tables as t
from .database import Record, Store, now_us

POINT, MANAGER, DEVICE = "point", "manager", "device"
# By its name a file is known as a pay list, and its money as cash that must be counted.
PREFIX = "PAYLIST-"
SUFFIX = ".json"
# From then on somebody may pay by it.
ISSUED = ("sending", "pending", "unknown", "held", "handed_over", "refused")
_w = c.places.c
_l = c.lists.c
_d = d.documents.c


def say(connection: Connection, store: Store, kind: str, code: str, by: str, body: Mapping[str, Any]) -> None:
    """What a person says of a point or a manager, in place of what was said before."""
    row = connection.execute(sa.select(c.places).where(_w.kind == kind, _w.code == code)).first()
    place = derived_uuid("cash", kind, store.deployment, code)
    facts = 0 if row is None else row.facts
    fact = Fact(facts + 1, now_us(), "said", kind, by, body={"code": code, **body})
    journal.append(connection, store, [(place, "", fact)])
    text = json.dumps(dict(body), sort_keys=True, ensure_ascii=False)
    if row is None:
        connection.execute(sa.insert(c.places).values(id=place, kind=kind, code=code, body=text, facts=1))
        return
    same = sa.update(c.places).where(_w.id == place, _w.facts == facts)
    if connection.execute(same.values(body=text, facts=facts + 1)).rowcount != 1:
        raise WrongState(f"{kind} {code} was changed by someone else just now; look again")


def places(connection: Connection, kind: str) -> dict[str, dict[str, Any]]:
    """{code: what is known} of every point, or every manager, in the order of their codes."""
    rows = connection.execute(sa.select(c.places).where(_w.kind == kind).order_by(_w.code))
    return {row.code: json.loads(row.body) for row in rows}


def place(connection: Connection, kind: str, code: str) -> dict[str, Any] | None:
    """What is known of one; None: nothing."""
    row = connection.execute(sa.select(c.places).where(_w.kind == kind, _w.code == code)).first()
    return None if row is None else json.loads(row.body)


def documents(connection: Connection, payroll: str = "") -> list[Record]:
    """Every file that is an issued pay list, of every payroll or one (its id)."""
    query = sa.select(d.documents).where(_d.name.like(PREFIX + "%"), _d.state.in_(ISSUED), _d.facts > 0)
    query = query.where(_d.payroll == payroll) if payroll else query
    return list(connection.execute(query.order_by(_d.planned_at, _d.payroll, _d.channel, _d.number)))


def find(connection: Connection, name: str) -> Record:
    """An issued pay list by its id on paper, its file's name or its document's id. Raises NotFoundError."""
    named = (name, f"{PREFIX}{name}{SUFFIX}")
    query = sa.select(d.documents).where(
        sa.or_(_d.id == name, _d.name.in_(named)), _d.name.like(PREFIX + "%"), _d.facts > 0, _d.state.in_(ISSUED)
    )
    row = connection.execute(query.order_by(_d.planned_at.desc()).limit(1)).first()
    if row is None:
        raise NotFoundError(f"there is no issued pay list {name!r}; `gateway lists` shows them")
    return row


def said_of(connection: Connection, name: str) -> Record:
    """What was said of a list, by the id on its paper. Raises NotFoundError where nothing was."""
    row = row_of(connection, find(connection, name).id)
    if row is None:
        raise NotFoundError(f"nothing was said of the list {name!r} yet")
    return row


def code_of(document: Record) -> str:
    """A pay list's id as it stands on the paper."""
    return str(document.name).removeprefix(PREFIX).removesuffix(SUFFIX)


def row_of(connection: Connection, document: str) -> Record | None:
    """What was said of a list; None: nothing yet."""
    return connection.execute(sa.select(c.lists).where(_l.document == document)).first()


def record(
    connection: Connection, store: Store, document: str, kind: str, by: str, body: Mapping[str, Any], **columns: Any
) -> None:
    """State a fact about a list and write what follows."""
    row = row_of(connection, document)
    if row is None:
        made = {"document": document, "id": derived_uuid("pay list", document), "facts": 0}
        connection.execute(sa.insert(c.lists).values(**made))
        row = row_of(connection, document)
    assert row is not None
    recording.record(connection, store, c.lists, row, "this list", kind, by, body, **columns)


def sums(connection: Connection, document: str) -> dict[str, tuple[int, int]]:
    """{state: (lines, minor units)} of the lines that are still this list's."""
    return document_lines.states(connection, document)


def point_of(connection: Connection, document: str) -> str:
    """The payment point that pays a list: the account of its first line."""
    query = (
        sa.select(t.payments.c.account)
        .join(d.lines, d.lines.c.payment == t.payments.c.id)
        .where(d.lines.c.document == document)
        .order_by(d.lines.c.n)
        .limit(1)
    )
    return str(connection.execute(query).scalar() or "")
