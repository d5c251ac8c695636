"""What a Paymaster shows: read only, in pages, for people and for other programs."""

from __future__ import annotations

from collections.abc import Iterator

from .gating import Gated
from .store import views
from .store.views import CaseView, EventView, HeldView, PaymentView, PayrollStatus


class Looking(Gated):
    """The reading half of `Paymaster`."""

    def status(self, payroll: str | None = None) -> list[PayrollStatus]:
        """Every payroll (or one) with counts and sums by state."""
        return views.status(self._store, payroll)

    def payments(
        self, payroll: str | None = None, *, state: str = "", after: str = "", size: int = 1000, search: str = ""
    ) -> list[PaymentView]:
        """A page of payments after a cursor (`PaymentView.cursor`), filtered by state or by a text in its ids."""
        return views.payments(self._store, payroll, state, after, size, search)

    def all_payments(self, payroll: str | None = None, *, state: str = "", search: str = "") -> Iterator[PaymentView]:
        """Every payment, page by page: memory stays flat."""
        after = ""
        while page := self.payments(payroll, state=state, after=after, search=search):
            yield from page
            after = page[-1].cursor

    def events(self, subject: str) -> list[EventView]:
        """What happened to a payment, an invoice (from the pool on), a payroll, a cycle or a file, in order."""
        return views.events(self._store, subject)

    def holds(self, payroll: str | None = None) -> list[HeldView]:
        """Payments that only people can release, with the reasons."""
        return views.holds(self._store, payroll)

    def cases(self, payroll: str | None = None) -> list[CaseView]:
        """What people must look at: a possible double payment, a contradiction."""
        return views.cases(self._store, payroll)
