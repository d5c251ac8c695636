"""After a restored backup: payments whose entitlement lies in another payment, too.

What was lost with the newer store may have withdrawn one of them and paid the other, under a key that this store never
gave out. Asking about the one proves nothing about the other: people look, and withdraw what must not be paid. For the
same reason nobody withdraws anything alone there, and no payroll is closed: what looks unsent, or refused, may be paid
already, and its entitlement would be free for another payment.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import WrongState
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
# Why nothing is withdrawn or closed there.
LOST = (
    "the store was restored from a backup, and what was lost may have paid what is not paid here: run it, so that the"
    " rail is asked; two people release what is held, or say that all is known again (`gateway restored --over`)"
)


def refuse_if_restored(connection: Connection) -> None:
    """Raise WrongState where the store was restored, until two people said that what was lost is known."""
    if _WHOLE.rows(connection):
        raise WrongState(LOST)


def rivals(connection: Connection, rows: Sequence[Record]) -> dict[str, str]:
    """{payment: why nothing of it may go} of these, where the store was restored. Nearly always there is nothing."""
    if not rows:
        return {}
    if not _WHOLE.rows(connection):
        known = [row.id for row in rows if row.facts]
        marked = {row.payment for row in _MARKED.run(connection, known)} if known else set()
        rows = [row for row in rows if row.id in marked]
    found: dict[str, list[str]] = {}
    for row in _BESIDE.run(connection, [row.entitlement for row in rows]) if rows else ():
        found.setdefault(row.entitlement, []).append(row.id)
    return {
        row.id: f"the store was restored, and its entitlement lies in payment {others[0]}, too: withdraw one of them"
        for row in rows
        if (others := [one for one in found.get(row.entitlement, ()) if one != row.id])
    }
