"""A pay list as a table: what the officer fills in is left empty."""

from __future__ import annotations

from ...model.money import amount_text, decimals
from ...printing.table import MONEY, NUMBER, Column, Table
from ..pay_list import PayList

COLUMNS = (
    "line", "payment", "invoice", "beneficiary", "name", "note", "may_be_taken_by", "amount", "currency", "list",
    "status", "code", "paid", "paid_on", "taken_by", "relation", "reason",
)  # fmt: skip
_FILLED_IN = 5
_KINDS = {"amount": MONEY, "line": NUMBER}


def table_of(pay_list: PayList) -> Table:
    """Its rows; every one says whether the list is a DRAFT."""
    rows = (
        (
            str(line.number), line.payment, line.invoice, line.beneficiary, line.name, line.note,
            "; ".join(f"{one.name} ({one.relation})" if one.relation else one.name for one in line.alternates),
            amount_text(line.amount, pay_list.currency), pay_list.currency, pay_list.id, pay_list.status, line.code,
            *[""] * _FILLED_IN,
        )
        for line in pay_list.lines
    )  # fmt: skip
    columns = [Column(name, _KINDS.get(name, "text")) for name in COLUMNS]
    title = f"Pay list {pay_list.number}: {pay_list.point_name or pay_list.point}"
    return Table(title, columns, rows, (pay_list.status,), decimals(pay_list.currency) or 0)
