"""Notes: what a person wants to be kept with a payment or a payroll. A fact that changes nothing."""

from __future__ import annotations

import sqlalchemy as sa

from ..model.errors import NotFoundError, WrongState
from ..store import Store, payments, payrolls
from ..store import tables as t

LONGEST = 4000
_p = t.payments.c


def note(store: Store, subject: str, by: str, text: str) -> None:
    """About a payment by its id, an invoice by its id (its latest payment), or a payroll. Raises NotFoundError."""
    if not text.strip() or len(text) > LONGEST:
        raise WrongState(f"a note has 1 to {LONGEST} characters")
    with store.write() as connection:
        line = payments.get(connection, subject)
        found = line.payment.id if line is not None else ""
        payroll = line.payroll if line is not None else subject
        if line is None:
            latest = sa.select(_p.id, _p.payroll).where(_p.invoice == subject).order_by(_p.number.desc()).limit(1)
            try:
                payrolls.get(connection, subject)
            except NotFoundError:
                row = connection.execute(latest).first()
                if row is None:
                    raise NotFoundError(f"there is no payment, invoice or payroll {subject!r}") from None
                found, payroll = row.id, row.payroll
        body = {"text": text, "payment": found} if found else {"text": text}
        payrolls.record(connection, store, payrolls.get(connection, payroll), "note", by, body)
