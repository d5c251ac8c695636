"""Disputes in the store: complaints about a payment or a payroll, each with its own facts in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError
from ..model.identity import derived_uuid
from . import recording
from . import statement_tables as s
from .database import Record, Store, now_us

_d = s.disputes.c
PRIORITIES = ("low", "normal", "high", "urgent")
OPEN = ("open", "answered")


@attrs.frozen
class DisputeView:
    """A complaint. `by` '': anonymous; `state` is open, answered or resolved; `at` in UTC microseconds."""

    number: int
    state: str
    priority: str
    payroll: str
    payment: str
    by: str
    handler: str
    text: str
    resolution: str
    resolved_by: str
    at: int


def new(connection: Connection, store: Store, about: Mapping[str, str], kept_by: str) -> int:
    """Note a complaint. Returns its number. `kept_by`: who took it down."""
    number = int(connection.execute(sa.select(sa.func.max(_d.number))).scalar() or 0) + 1
    dispute = derived_uuid("dispute", store.deployment, store.identity, number)
    at = now_us()
    connection.execute(sa.insert(s.disputes).values(id=dispute, number=number, at=at, **about))
    record(connection, store, get(connection, number), "opened", kept_by, dict(about), state="open")
    return number


def get(connection: Connection, number: int) -> Record:
    """One by its number. Raises NotFoundError."""
    row = connection.execute(sa.select(s.disputes).where(_d.number == number)).first()
    if row is None:
        raise NotFoundError(f"there is no dispute {number}; `gateway disputes` lists them")
    return row


def record(
    connection: Connection, store: Store, row: Record, kind: str, by: str, body: Mapping[str, Any], **columns: Any
) -> None:
    """State a fact about it and write what follows."""
    recording.record(connection, store, s.disputes, row, f"dispute {row.number}", kind, by, body, **columns)


def listed(
    connection: Connection, payroll: str = "", payment: str = "", state: str = "", after: int = 0, size: int = 1000
) -> list[DisputeView]:
    """A page of them, by number."""
    query = sa.select(s.disputes).where(_d.number > after).order_by(_d.number).limit(size)
    for column, value in ((_d.payroll, payroll), (_d.payment, payment), (_d.state, state)):
        query = query.where(column == value) if value else query
    return [
        DisputeView(*(getattr(row, field.name) for field in attrs.fields(DisputeView)))
        for row in connection.execute(query)
    ]


def blocking(connection: Connection, payroll: str) -> list[Record]:
    """Open ones about a payroll, or about a payment of it."""
    query = sa.select(s.disputes).where(_d.payroll == payroll, _d.state.in_(OPEN)).order_by(_d.number)
    return list(connection.execute(query))
