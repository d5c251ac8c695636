"""What is exported of a store: the list to fill in, a payroll, its reconciliation, a history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from ...model.money import amount_text, decimals
from ...model.states import shown_state
from ...printing.table import MONEY, NUMBER, TEXT, Column, Table
from ...store import Store, payments, payrolls, statements
from ...store.database import Record
from .. import history as past
from ..report import Difference, Report, every

PAGE = 500


def _columns(*names: str) -> list[Column]:
    kinds = dict.fromkeys(("amount", "paid_amount", "fee", "delta", "paid"), MONEY) | {"line": NUMBER}
    return [Column(name, kinds.get(name, TEXT)) for name in names]


LIST = (
    "payment", "invoice", "beneficiary", "name", "account", "amount", "currency", "state", "paid", "receipt",
    "paid_amount", "fee", "paid_on", "reason",
)  # fmt: skip
PAYROLL = (
    "line", "payment", "invoice", "beneficiary", "name", "account_type", "account", "amount", "currency", "programme",
    "cycle", "channel", "state", "reference", "reason", "attempt",
)  # fmt: skip
RECONCILIATION = ("kind", "subject", "invoice", "state", "delta", "currency", "about", "explained_by", "why")
HISTORY = (
    "payroll", "payment", "invoice", "beneficiary", "name", "channel", "account", "amount", "currency", "state",
    "reference", "reason", "attempts", "proofs", "cases", "carried_to",
)  # fmt: skip


def a_list(store: Store, payroll: str) -> Table:
    """The list that officers fill in: what was sent of a payroll, with five empty columns."""
    row = _payroll(store, payroll)
    rows = (
        (
            r.id, r.invoice, r.beneficiary, r.name, r.account, amount_text(r.amount, r.currency), r.currency, state,
            *[""] * 6,
        )
        for r, state in _payments(store, row)
        if state not in ("planned", "ready", "cancelled")
    )  # fmt: skip
    columns = [attrs.evolve(c, kind=TEXT) if c.name == "paid" else c for c in _columns(*LIST)]
    return Table(row.name, columns, rows, (), decimals(row.currency) or 0)


def of_payroll(store: Store, payroll: str) -> Table:
    """Every payment of a payroll with what became of it."""
    row = _payroll(store, payroll)
    rows = (
        (
            str(r.line), r.id, r.invoice, r.beneficiary, r.name, r.account_type, r.account,
            amount_text(r.amount, r.currency), r.currency, r.programme, r.cycle, r.channel, state,
            r.outcome_reference, r.reason, str(r.attempt),
        )
        for r, state in _payments(store, row)
    )  # fmt: skip
    notes = (f"{row.lines:,} payments, {amount_text(row.total, row.currency)} {row.currency}", row.state)
    return Table(row.name, _columns(*PAYROLL), rows, notes, decimals(row.currency) or 0)


def of_reconciliation(store: Store, payroll: str, report: Report) -> Table:
    """The zero-sum report: its sums as notes and first rows, then every difference."""
    row = _payroll(store, payroll)

    def money(minor: int) -> str:
        return amount_text(minor, row.currency)

    def rows() -> Iterator[Sequence[str]]:
        for what, count, amount in sums(report):
            yield "sum", what, "", "" if count is None else f"{count:,}", money(amount), row.currency, "", "", ""
        with store.read() as connection:
            known = statements.explanations(connection, row.id)
        for one in every(store, row.id):
            why = known.get((one.subject, one.kind))
            holds = why is not None and why.delta == one.delta
            yield _difference(one, money(one.delta), row.currency, why if holds else None)

    return Table(f"Reconciliation of {row.name}", _columns(*RECONCILIATION), rows(), (), decimals(row.currency) or 0)


def sums(report: Report) -> Iterator[tuple[str, int | None, int]]:
    """(what, how many, minor units) of a report, in the order in which people read it."""
    yield "approved", *report.approved
    for state, (count, amount) in report.ours.items():
        yield state, count, amount
    yield "ours", None, report.ours_net
    yield "gateway", None, report.gateway_net
    if report.statement_net is not None:
        yield "statement", None, report.statement_net
        yield "fees", None, report.fees


def _difference(one: Difference, delta: str, currency: str, why: Any) -> Sequence[str]:
    by, reason = (why.by, why.reason) if why is not None else (one.explained_by, one.why)
    return one.kind, one.subject, one.invoice, one.state, delta, currency, one.about, by, reason


def of_history(store: Store, beneficiary: str, invoice: str) -> Table:
    """A beneficiary's or an invoice's payments over all payrolls."""
    rows = (
        (
            p.payroll_name, p.payment, p.invoice, p.beneficiary, p.name, p.channel, p.account, p.amount, p.currency,
            p.state, p.reference, p.reason, "; ".join(f"{a.attempt}: {', '.join(a.answers)}" for a in p.attempts),
            "; ".join(p.proofs), "; ".join(p.cases), p.carried_to,
        )
        for p in past.history(store, beneficiary, invoice)
    )  # fmt: skip
    return Table(f"Payments of {beneficiary or invoice}", _columns(*HISTORY), rows, (), 2)


def _payroll(store: Store, payroll: str) -> Record:
    with store.read() as connection:
        return payrolls.get(connection, payroll)


def _payments(store: Store, row: Record) -> Iterator[tuple[Record, str]]:
    for page in payments.pages(store.read, row.id, PAGE):
        for r in page:
            yield r, shown_state(r.state, row.state)
