"""Closing: only when every cent is explained, and by another person than the one who reconciled (laws 6 and 12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.payment import Invoice
from ..model.people import differ
from ..model.states import SETTLED, shown_state
from ..store import Store, journal, payments, payrolls
from ..store import tables as t
from ..store.database import Record, now_us
from .audit import AGREES, Agreement, open_cases

PAGE = 500
UNPAID = ("refused", "returned", "cancelled")


@attrs.frozen
class Totals:
    """A payroll's partition: count and sum in minor units of each state; `explained` when nothing is open or held."""

    approved: tuple[int, int]
    by_state: dict[str, tuple[int, int]]

    @property
    def explained(self) -> bool:
        """approved = paid + returned + refused + cancelled, with nothing in any other state."""
        parts = [self.by_state.get(state, (0, 0)) for state in SETTLED]
        return set(self.by_state) <= SETTLED and self.approved == tuple(map(sum, zip(*parts, strict=True)))


def totals(store: Store, row: Record) -> Totals:
    """Counts and sums by shown state."""
    by_state: dict[str, tuple[int, int]] = {}
    with store.read() as connection:
        for state, count, amount in payments.counts(connection, row.id):
            shown = shown_state(state, row.state)
            had = by_state.get(shown, (0, 0))
            by_state[shown] = (had[0] + count, had[1] + amount)
    return Totals((row.lines, row.total), by_state)


def reconciled(store: Store, payroll: str, by: str, agreement: Agreement) -> None:
    """State that a person compared the payroll with the rail, and what came of it.

    It counts for closing only when every payment was settled, the rail spoke about each, and every difference has a
    case or is none any more: what the rail says was returned is now returned here too.
    """
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        complete = not (agreement.silent or agreement.unsettled) and _explained(connection, agreement.differing)
        # After the close a comparison is for the record.
        said_by = row.reconciled_by if row.state == "reconciled" else by if complete else ""
        body = {
            "asked": agreement.asked, "agreed": agreement.agreed, "silent": agreement.silent,
            "differing": agreement.differing[:100], "reconciled_by": said_by,
        }  # fmt: skip
        payrolls.record(connection, store, row, "compared", by, body, reconciled_by=said_by)


def _explained(connection: Connection, differing: Sequence[tuple[str, str, str]]) -> bool:
    p, c = t.payments.c, t.cases.c
    for at in range(0, len(differing), PAGE):
        said = {payment: theirs for payment, _, theirs in differing[at : at + PAGE]}
        known = set(connection.execute(sa.select(c.payment).where(c.payment.in_(said))).scalars())
        for row in connection.execute(sa.select(p.id, p.state).where(p.id.in_(said))):
            if row.id not in known and said[row.id] not in AGREES.get(row.state, ()):
                return False
    return True


def close(store: Store, payroll: str, by: str, signature: str = "") -> Totals:
    """Freeze a reconciled payroll. Raises WrongState with what is not explained yet."""
    # Nobody else writes meanwhile: what is judged is what is frozen.
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        sums = _closable(store, row, by)
        body = {"signature": signature, "by_state": {state: list(pair) for state, pair in sums.by_state.items()}}
        payrolls.record(connection, store, row, "closed", by, body, state="reconciled", closed_by=by)
        journal.record_head(connection, store, f"close of {row.id}")
    return sums


def _closable(store: Store, row: Record, by: str) -> Totals:
    if row.state != "awaiting_reconciliation":
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}, not awaiting reconciliation")
    sums = totals(store, row)
    if not sums.explained:
        left = ", ".join(f"{count} {state}" for state, (count, _) in sums.by_state.items() if state not in SETTLED)
        raise WrongState(f"payroll {row.name!r} is not explained to the last unit: {left or 'the sums differ'}")
    if not row.reconciled_by:
        raise WrongState(
            f"payroll {row.name!r} has not been reconciled, or the rail did not speak about every payment; "
            "`gateway reconcile` compares it with the rail"
        )
    differ(row.reconciled_by, by, "reconciled this payroll")
    if cases := open_cases(store, row.id):
        raise WrongState(f"payroll {row.name!r} has {len(cases)} open cases; the first is {cases[0].kind}")
    return sums


def reject_close(store: Store, payroll: str, by: str, reason: str) -> None:
    """Send a payroll back: it must be reconciled anew."""
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        if row.state != "awaiting_reconciliation" or not row.reconciled_by:
            raise WrongState(f"payroll {row.name!r} was not proposed for closing")
        differ(row.reconciled_by, by, "reconciled this payroll")
        payrolls.record(connection, store, row, "close_rejected", by, {"reason": reason}, reconciled_by="")


def close_case(store: Store, case: int, by: str, reason: str) -> None:
    """A person has looked at a case and says what came of it; the entitlement is no longer frozen by it."""
    if not reason.strip():
        raise WrongState("closing a case needs a reason: what was found, and what was done")
    c = t.cases.c
    with store.write() as connection:
        row = connection.execute(sa.select(t.cases).where(c.id == case, c.closed_at == 0)).first()
        if row is None:
            raise NotFoundError(f"there is no open case {case}")
        connection.execute(sa.update(t.cases).where(c.id == case).values(closed_at=now_us(), closed_by=by, why=reason))
        payroll = payrolls.get(connection, row.payroll)
        body = {"case": case, "payment": row.payment, "kind": row.kind, "reason": reason}
        payrolls.record(connection, store, payroll, "case_closed", by, body)


def unpaid(store: Store, payroll: str, *, elsewhere: bool = False) -> Iterator[Invoice]:
    """What stayed unpaid in a payroll whose every payment is settled: its invoices, for a new payroll.

    `elsewhere`: without the channel that each had, so that they go over the new payroll's.
    """
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    if row.state not in ("reconciled", "rejected", "cancelled"):
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; close it first")
    where = [t.payments.c.state.in_(UNPAID)] if row.state == "reconciled" else []
    for page in payments.pages(store.read, row.id, 500, *where):
        for line in page:
            p = payments.as_payment(line)
            yield Invoice(
                id=p.invoice, beneficiary=p.beneficiary, name=p.name, account=p.account, amount=p.amount,
                programme=p.programme, cycle=p.cycle, instalment=p.instalment, reference=p.reference,
                channel="" if elsewhere else p.channel, extra=p.extra,
            )  # fmt: skip
