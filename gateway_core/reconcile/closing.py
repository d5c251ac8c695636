"""Closing: only when every cent is explained, and by another person than the one who reconciled (laws 6 and 12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.payment import Invoice
from ..model.people import differ
from ..model.states import SETTLED, UNPAID, shown_state
from ..store import Store, answers, disputes, journal, payments, payrolls, statements
from ..store import tables as t
from ..store.database import Record, now_us
from ..store.rivals import refuse_if_restored
from .audit import AGREES, Agreement, open_cases
from .report import Report, report

PAGE = 500


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
    case or is none any more: what the rail says was returned is now returned here too; and every difference with the
    gateway and the statements is explained, to the smallest unit.
    """
    compared = report(store, payroll, 0)
    with store.write() as connection:
        row = payrolls.get(connection, payroll)
        complete = not (agreement.silent or agreement.unsettled) and _explained(connection, agreement.differing)
        complete = complete and compared.explained and same_as(compared, connection, row)
        # After the close a comparison is for the record.
        said_by = row.reconciled_by if row.state == "reconciled" else by if complete else ""
        body = {
            "asked": agreement.asked, "agreed": agreement.agreed, "silent": agreement.silent,
            "differing": agreement.differing[:100], "differences": compared.count, "reconciled_by": said_by,
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


def close(store: Store, payroll: str, by: str, *, despite_disputes: bool = False) -> Totals:
    """Freeze a reconciled payroll. Raises WrongState with what is not explained yet.

    `despite_disputes`: open disputes about it do not keep it open.
    """
    compared = report(store, payroll, 1)
    # Nobody else writes meanwhile: what is judged is what is frozen.
    with store.write() as connection:
        refuse_if_restored(connection)
        row = payrolls.get(connection, payroll)
        sums = _closable(store, row, by)
        _compared(connection, row, by, compared)
        if not despite_disputes:
            _undisputed(connection, row)
        body = {"by_state": {state: list(pair) for state, pair in sums.by_state.items()}}
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


def same_as(compared: Report, connection: Connection, row: Record) -> bool:
    """Whether nothing that the report looked at has changed since."""
    ours: dict[str, tuple[int, int]] = {}
    for state, count, amount in payments.counts(connection, row.id):
        had = ours.get(shown_state(state, row.state), (0, 0))
        ours[shown_state(state, row.state)] = (had[0] + count, had[1] + amount)
    return row.facts == compared.facts and ours == compared.ours


def _compared(connection: Connection, row: Record, by: str, compared: Report) -> None:
    """The three columns agree, or every difference is explained, and by others than who closes."""
    if not same_as(compared, connection, row):
        raise WrongState(f"payroll {row.name!r} changed just now; try again")
    if not compared.explained:
        first = compared.differences[0].kind.replace("_", " ") if compared.differences else "the sums differ"
        raise WrongState(
            f"payroll {row.name!r} has {compared.unexplained} differences that nobody explained, such as: {first}; "
            "`gateway report` lists them"
        )
    for file in statements.about(connection, row.id):
        differ(file.by, by, f"gave {file.name}, by which this payroll was reconciled")
    for why in statements.explanations(connection, row.id).values():
        differ(why.by, by, "explained a difference of this payroll")


def _undisputed(connection: Connection, row: Record) -> None:
    if open_ := disputes.blocking(connection, row.id):
        raise WrongState(f"payroll {row.name!r} has {len(open_)} open disputes; the first is {open_[0].number}")


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
        body = {"case": case, "payment": row.payment, "kind": row.kind, "reason": reason}
        if row.payroll:
            payrolls.record(connection, store, payrolls.get(connection, row.payroll), "case_closed", by, body)
        else:
            _case_of_a_file(connection, store, row.payment, by, body)


def _case_of_a_file(connection: Connection, store: Store, subject: str, by: str, body: dict[str, Any]) -> None:
    """About a file that is about no payroll of ours, or about several: a bank's, or one that a person gave."""
    given = statements.by_id(connection, subject)
    if given is not None:
        statements.record(connection, store, given, "case_closed", by, body)
    else:
        answers.record(connection, store, answers.get(connection, subject), "case_closed", by, body)


def unpaid(store: Store, payroll: str, *, elsewhere: bool = False) -> Iterator[Invoice]:
    """What stayed unpaid in a payroll whose every payment is settled: its invoices, for a new payroll.

    `elsewhere`: without the channel that each had, so that they go over the new payroll's.
    """
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    if row.state not in ("reconciled", "rejected", "cancelled"):
        raise WrongState(f"payroll {row.name!r} is {row.state.replace('_', ' ')}; close it first")
    where = [t.payments.c.state.in_(UNPAID)] if row.state == "reconciled" else []
    query = sa.select(t.payments.c.line).where(t.payments.c.payroll == row.id, *where).limit(1)
    with store.read() as connection:
        if connection.execute(query).first() is None:
            raise WrongState(f"payroll {row.name!r} left nobody unpaid: there is nothing to carry over")
    for page in payments.pages(store.read, row.id, 500, *where):
        for line in page:
            p = payments.as_payment(line)
            yield Invoice(
                id=p.invoice, beneficiary=p.beneficiary, name=p.name, account=p.account, amount=p.amount,
                programme=p.programme, cycle=p.cycle, instalment=p.instalment, reference=p.reference,
                channel="" if elsewhere else p.channel, extra=p.extra,
            )  # fmt: skip
