"""Who tried what they may not do: refused, and recorded with the payroll or the file that it was about (law 6).

Where it was about none that is on record, it stands in the book "desk".
"""

from __future__ import annotations

from ..model.errors import NotFoundError, NotPermitted
from . import books, documents, payments, payrolls, statements
from .database import Store


def note(store: Store, what: str, by: str, subject: str, error: NotPermitted) -> None:
    """State it as a fact. `subject`: a payroll, a payment, a file that goes to a bank, or one that a person gave."""
    body = {"what": what, "why": str(error)}
    with store.write() as connection:
        if (given := statements.by_id(connection, subject)) is not None:
            statements.record(connection, store, given, "refused_to", by, body)
            return
        line = payments.get(connection, subject)
        body |= {"payment": subject} if line is not None else {}
        payroll = line.payroll if line is not None else subject
        try:
            row = payrolls.get(connection, payroll)
        except NotFoundError:
            try:
                row = payrolls.get(connection, documents.find(connection, subject).payroll)
            except NotFoundError:
                books.record(connection, store, books.DESK, "refused_to", by, body | {"subject": subject[:200]})
                return
        payrolls.record(connection, store, row, "refused_to", by, body)
