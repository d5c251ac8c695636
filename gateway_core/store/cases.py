"""Cases: what people must look at. One per subject, kind and attempt, however often it is said."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import tables as t
from .database import now_us
from .prepared import Prepared

_c = t.cases.c
_NEW = ("payment", "payroll", "entitlement", "kind", "attempt", "opened_at")
_THERE = Prepared(
    sa.select(_c.id).where(
        _c.payment == sa.bindparam("w_payment"), _c.kind == sa.bindparam("w_kind"),
        _c.attempt == sa.bindparam("w_attempt"),
    )
)  # fmt: skip
_OPEN = Prepared(sa.insert(t.cases).values({name: sa.bindparam(name) for name in _NEW}))


def open_case(
    connection: Connection, subject: str, payroll: str, kind: str, attempt: int = 1, *, entitlement: str = ""
) -> None:
    """Open a case about a payment, or about a file. Its payroll does not close over it.

    `entitlement`: the payment's, which is frozen; '' of a file, which freezes nobody's.
    """
    if not _THERE.rows(connection, w_payment=subject, w_kind=kind, w_attempt=attempt):
        new = (subject, payroll, entitlement, kind, attempt, now_us())
        _OPEN.run(connection, [dict(zip(_NEW, new, strict=True))])
