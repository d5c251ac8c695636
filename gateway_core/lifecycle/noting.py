"""Notes: what a person wants to be kept with a payment or a payroll. A fact that changes nothing."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..store import Store, cycles, payments, payrolls, pool_views
from ..store import tables as t

LONGEST = 4000
_p = t.payments.c


def note(store: Store, subject: str, by: str, text: str) -> None:
    """About a payment by its id, an invoice by its id (its latest payment, else in the pool), or a payroll. Raises
    NotFoundError.
    """
    if not text.strip() or len(text) > LONGEST:
        raise WrongState(f"a note has 1 to {LONGEST} characters")
    with store.read() as connection:
        of = _payment(connection, subject)
        # Looking through the pool may take a while: nobody who writes waits for it.
        cycle = _cycle(connection, subject) if of is None else ""
    with store.write() as connection:
        if of is not None:
            payment, payroll = of
            body = {"text": text, "payment": payment} if payment else {"text": text}
            payrolls.record(connection, store, payrolls.get(connection, payroll), "note", by, body)
        else:
            body = {"text": text, "invoice": subject}
            cycles.record(connection, store, cycles.get(connection, cycle), "note", by, body)


def _cycle(connection: Connection, invoice: str) -> str:
    """In which cycle it was generated."""
    if not (generated := pool_views.generated(connection, invoice)):
        raise NotFoundError(f"there is no payment, invoice or payroll {invoice!r}")
    return cycles.address_of(generated[-1])


def _payment(connection: Connection, subject: str) -> tuple[str, str] | None:
    """(payment, its payroll), or ('', payroll)."""
    if (line := payments.get(connection, subject)) is not None:
        return line.payment.id, line.payroll
    try:
        return "", str(payrolls.get(connection, subject).id)
    except NotFoundError:
        latest = sa.select(_p.id, _p.payroll).where(_p.invoice == subject).order_by(_p.number.desc()).limit(1)
        row = connection.execute(latest).first()
        return (row.id, row.payroll) if row is not None else None
