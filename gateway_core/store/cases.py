"""Cases: what people must look at. One per subject, kind and attempt, however often it is said."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import tables as t
from .database import now_us

_c = t.cases.c


def open_case(
    connection: Connection, subject: str, payroll: str, kind: str, attempt: int = 1, *, entitlement: str = ""
) -> None:
    """Open a case about a payment, or about a file. Its payroll does not close over it.

    `entitlement`: the payment's, which is frozen; '' of a file, which freezes nobody's.
    """
    there = sa.select(_c.id).where(_c.payment == subject, _c.kind == kind, _c.attempt == attempt)
    if connection.execute(there).first() is None:
        new = {"payment": subject, "payroll": payroll, "entitlement": entitlement, "kind": kind, "attempt": attempt}
        connection.execute(sa.insert(t.cases).values(opened_at=now_us(), **new))
