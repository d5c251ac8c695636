"""Verify a store: is it what was written, and does every state follow from its facts? For an auditor, read only.

    chains     each session's rows are linked, numbered, and as they were written      verifying_chains
    heads      what was exported earlier is still there, unchanged                     verifying_chains, heads
    payrolls   columns, sums, root and approvals against the payroll's facts           verifying_payrolls
    payments   content against its leaf, state against its facts folded again          verifying_payments
    files      columns and lines against facts, bytes against their digest             verifying_documents
    cycles     columns and generated invoices against facts                            verifying_cycles
    cash       points, lists and decisions about proofs against facts                  verifying_cash
    proofs     records against their arrivals, photographs against facts and digest    verifying_proofs
    people     lists, statements, explanations and disputes against facts              verifying_statements
    books      what is about none of these: numbered without a gap; stopped channels   books, stops

It reads in pages, each in a short transaction of its own: memory stays flat and a sender is not kept waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..model.errors import StoreError, StoreUncertain
from . import book_tables as b
from . import books, cycle_tables, stops
from . import cash_tables as cash
from . import document_tables as d
from . import statement_tables as s
from . import tables as t
from .database import Store
from .findings import Verification
from .heads import export_heads as export_heads
from .verifying_cash import check_cash
from .verifying_chains import check_chains, check_exported, check_recorded
from .verifying_cycles import check_cycles
from .verifying_documents import check_documents
from .verifying_payrolls import check_payrolls
from .verifying_proofs import Whole, check_proofs
from .verifying_statements import check_statements

# Laws 2 and 9 are kept by these; without them the database would let a second payment through.
GUARDS = {
    t.payments: "one_live_payment_per_entitlement",
    t.attempts: "one_live_attempt",
    t.facts: "facts_of",
    cycle_tables.invoices: "one_invoice_per_entitlement",
}  # fmt: skip
SHOWN = 20


def verify(
    store: Store,
    heads: Path | None = None,
    public_key: Ed25519PublicKey | None = None,
    progress: Callable[[int], None] = lambda count: None,
    photograph: Whole | None = None,
) -> Verification:
    """Check everything that can be checked. `heads` is a file made by `export_heads`; `progress` gets counts of rows.

    With a `public_key`, only heads that it signed are trusted. `photograph` says of a digest whether that photograph is
    there, unchanged. Raises StoreError when there is no such file.
    """
    if heads is not None and not heads.is_file():
        raise StoreError(f"there is no file of heads at {heads}")
    result = Verification()
    _guarded("the journal", result, lambda: check_chains(store, result, progress))
    _guarded("the table of heads", result, lambda: check_recorded(store, result, public_key))
    if heads is None:
        result.note(
            "no exported head was given: nothing outside this store vouches for it, and who can write to it could have "
            "rewritten all of it; export its heads regularly and keep the file where nobody can alter both"
        )
    else:
        _guarded("the exported heads", result, lambda: check_exported(store, heads, result, public_key))
    _guarded("the tables", result, lambda: _check_tables(store, result))
    _guarded("the payrolls and payments", result, lambda: check_payrolls(store, result, progress))
    _guarded("the cycles", result, lambda: check_cycles(store, result, progress))
    _guarded("the files", result, lambda: check_documents(store, result))
    _guarded("what people gave", result, lambda: check_statements(store, result))
    _guarded("the books", result, lambda: _check_books(store, result))
    _guarded("the cash", result, lambda: check_cash(store, result))
    _guarded("the proofs", result, lambda: check_proofs(store, result, photograph))
    return result


def _guarded(what: str, result: Verification, check: Callable[[], None]) -> None:
    """A damaged file or a value of a foreign type is a finding, too; the other checks still run."""
    try:
        check()
    except StoreUncertain:
        raise
    except Exception as error:
        result.found(f"{what} cannot be read to the end: {type(error).__name__}: {error}")


def _check_books(store: Store, result: Verification) -> None:
    for sentence in (*books.wrong(store), *stops.wrong(store)):
        result.found(sentence)


def _check_tables(store: Store, result: Verification) -> None:
    with store.read() as connection:
        inspector = sa.inspect(connection)
        for table, guard in GUARDS.items():
            if not any(index["name"] == guard and index["unique"] for index in inspector.get_indexes(table.name)):
                result.found(f"the unique index {guard} is gone from the table {table.name}: a law is not enforced")
        for sentence, query in _orphans():
            for row in connection.execute(query.limit(SHOWN)):
                result.found(sentence.format(*row))


def _orphans() -> list[tuple[str, sa.Select[tuple[str, str]]]]:
    """What belongs to a payment or payroll that is not there."""
    f, p, r = t.facts.c, t.payments.c, t.payrolls.c
    a, c = t.attempts.c, t.cases.c
    no_payment, no_payroll = p.id.is_(None), r.id.is_(None)
    of = t.payments
    # Files have facts and cases of their own, in the places of payrolls and payments.
    known = sa.union_all(
        *(sa.select(of.c.id) for of in (d.documents, d.answers, s.statements, s.disputes)),
        *(sa.select(of.c.id) for of in (cash.places, cash.lists, cycle_tables.cycles, b.books)),
    ).scalar_subquery()
    return [
        ("payment {0} of payroll {1} has facts, but is gone from the table of payments",
         sa.select(f.payment, f.payroll).distinct().outerjoin(of, p.id == f.payment)
         .where(f.payment != "", no_payment)),
        ("payroll {0} has facts, but is gone from the table of payrolls",
         sa.select(f.payroll, f.payment).distinct().outerjoin(t.payrolls, r.id == f.payroll)
         .where(f.payment == "", no_payroll, f.payroll.not_in(known))),
        ("payment {0} is of payroll {1}, which is gone from the table of payrolls",
         sa.select(p.id, p.payroll).outerjoin(t.payrolls, r.id == p.payroll).where(no_payroll)),
        ("an attempt is recorded of payment {0}, which is gone from the table of payments",
         sa.select(a.payment, a.payment).outerjoin(of, p.id == a.payment).where(no_payment)),
        ("a case ({1}) is recorded of payment {0}, which is gone from the table of payments",
         sa.select(c.payment, c.kind).outerjoin(of, p.id == c.payment).where(no_payment, c.payment.not_in(known))),
    ]  # fmt: skip
