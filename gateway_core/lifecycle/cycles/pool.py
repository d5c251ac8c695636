"""The pool: invoices that were generated and lie in no live payroll, also those that came back.

Nothing marks an invoice as free. It is free when no payment for its entitlement stands anywhere: each time it is asked,
the payments say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from ...model.errors import NotFoundError
from ...model.payment import Invoice
from ...store import Store, cycles
from ...store.database import Record
from . import keeping
from .filters import Filter, fields_of
from .terms import Terms


@attrs.frozen
class Pooled:
    """A generated invoice. `payroll` '': it is free; otherwise where it lies, with its payment's `state` there."""

    cycle: str
    invoice: Invoice
    payroll: str
    state: str

    @property
    def free(self) -> bool:
        """Whether a payroll may take it."""
        return not self.payroll


def cycles_in(store: Store, address: str) -> list[tuple[Record, Terms]]:
    """The cycles that an address means ('' all, a programme, one cycle) with the terms that hold in them."""
    programme, name = cycles.split(address)
    with store.read() as connection:
        if address:
            cycles.get(connection, address)
        rows = [row for row in cycles.listed(connection, programme) if row.name and name in ("", row.name)]
        if not rows:
            raise NotFoundError(
                f"there is no cycle{' in ' + repr(address) if address else ''}; `gateway set-cycle` makes one"
            )
        return [(row, keeping.terms_of(connection, cycles.address_of(row))) for row in rows]


def pooled(
    store: Store, row: Record, terms: Terms, where: Sequence[Filter], mine: frozenset[str] = frozenset()
) -> Iterator[Pooled]:
    """A cycle's invoices that fit, in order. What lies in one of the payrolls `mine` counts as free."""
    address = cycles.address_of(row)
    for page in cycles.pages(store, row):
        fit = [(each.entitlement, cycles.as_invoice(each.body)) for each in page]
        if where:
            fit = [(e, i) for e, i in fit if _fits(i, terms, where)]
        with store.read() as connection:
            lies = cycles.live(connection, [entitlement for entitlement, _ in fit]) if fit else {}
        for entitlement, invoice in fit:
            found = lies.get(entitlement)
            if found is None or found.id in mine:
                yield Pooled(address, invoice, "", "")
            else:
                yield Pooled(address, invoice, found.payroll, found.state)


def _fits(invoice: Invoice, terms: Terms, where: Sequence[Filter]) -> bool:
    fields = fields_of(invoice, terms.tags)
    return all(one.fits(fields) for one in where)
