"""After a restored backup: payments whose entitlement lies in another payment, too.

What was lost with the newer store may have withdrawn one of them and paid the other, under a key that this store never
gave out. Asking about the one proves nothing about the other: people look, and withdraw what must not be paid.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.states import WITHDRAWN
from . import tables as t
from .database import Record
from .prepared import Among, Prepared

_p, _r, _f = t.payments.c, t.payrolls.c, t.facts.c
_WHOLE = Prepared(sa.select(t.meta.c.key).where(t.meta.c.key == "restored"))
_MARKED = Among(sa.select(_f.payment).where(_f.kind == "restored"), _f.payment)
# A payment of a closed payroll is frozen: nothing of it can have been sent since.
_BESIDE = Among(
    sa.select(_p.entitlement, _p.id)
    .join(t.payrolls, _r.id == _p.payroll)
    .where(_p.state != "cancelled", *(_r.state != over for over in (*sorted(WITHDRAWN), "reconciled"))),
    _p.entitlement,
)


def rivals(connection: Connection, rows: Sequence[Record]) -> dict[str, str]:
    """{payment: why nothing of it may go} of these, where the store was restored. Nearly always there is nothing."""
    if not _WHOLE.rows(connection):
        known = [row.id for row in rows if row.facts]
        marked = {row.payment for row in _MARKED.run(connection, known)} if known else set()
        rows = [row for row in rows if row.id in marked]
    if not rows:
        return {}
    found: dict[str, list[str]] = {}
    for row in _BESIDE.run(connection, [row.entitlement for row in rows]):
        found.setdefault(row.entitlement, []).append(row.id)
    return {
        row.id: f"the store was restored, and its entitlement lies in payment {others[0]}, too: withdraw one of them"
        for row in rows
        if (others := [one for one in found.get(row.entitlement, ()) if one != row.id])
    }
