"""The cash of a pay list: handed out = paid + returned, to the smallest unit, or its payroll does not close."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from sqlalchemy.engine import Connection

from ..store import cash, proofs
from ..store.database import Record

OPEN = ("pending", "unknown")
NOT_SEALED, DIFFERS = "list_not_sealed", "cash_differs"


@attrs.frozen
class Account:
    """One list's cash, in minor units. `left`: owed to people of whom nothing is proven; `undecided` proofs.

    `state` is open, counted or sealed. `missing`: handed out, and neither paid nor returned; known once it is counted.
    """

    document: str
    name: str
    point: str
    currency: str
    state: str
    how: str
    total: int
    handed_out: int
    returned: int
    paid: int
    left: int
    held: int
    undecided: int
    counted_by: str
    sealed_by: str
    reason: str

    @property
    def missing(self) -> int:
        """What nobody can account for; below zero: more came back, or was paid, than was handed out."""
        return self.handed_out - self.paid - self.returned


def account(connection: Connection, document: Record) -> Account:
    """How the cash of an issued list is accounted for by now."""
    row, sums = cash.row_of(connection, document.id), cash.sums(connection, document.id)
    amount = {state: minor for state, (_, minor) in sums.items()}
    counted = ("open", "", 0, 0, "", "", "") if row is None else (
        row.state, row.how, row.handed_out, row.returned, row.counted_by, row.sealed_by, row.reason
    )  # fmt: skip
    state, how, handed_out, returned, counted_by, sealed_by, reason = counted
    return Account(
        document.id, cash.code_of(document), cash.point_of(connection, document.id), document.currency, state, how,
        document.total, handed_out, returned, amount.get("paid", 0), sum(amount.get(one, 0) for one in OPEN),
        sums.get("held", (0, 0))[0], proofs.undecided(connection, document.id), counted_by, sealed_by, reason,
    )  # fmt: skip


def differences(connection: Connection, payroll: str) -> Iterator[tuple[str, Account]]:
    """(kind, account) of each list of a payroll whose cash is not accounted for."""
    for document in cash.documents(connection, payroll):
        found = account(connection, document)
        if found.state != "sealed":
            yield NOT_SEALED, found
        elif found.missing:
            yield DIFFERS, found
