"""What people see of the files that they gave. Read only, in pages."""

from __future__ import annotations

import attrs

from ..model.money import amount_text
from . import payrolls, statements
from .database import Record, Store


@attrs.frozen
class StatementView:
    """A file that a person gave: a payroll's `list`, or a provider's statement (`sheet`) about a channel.

    `state` is applied, replaced or withdrawn; `payrolls` are those that its lines are about; `at` in UTC microseconds.
    """

    id: str
    kind: str
    name: str
    state: str
    channel: str
    payrolls: list[str]
    at: int
    by: str
    confirmed_by: str
    lines: int
    size: int
    sha256: str
    replaces: str


@attrs.frozen
class StatementLineView:
    """A line of such a file. `amount` and `fee` are decimal texts; `how` is reference, id, proposed or ''."""

    line: int
    payment: str
    how: str
    verdict: str
    amount: str
    fee: str
    currency: str
    reference: str
    booked: str
    reason: str
    why: str
    decided: str
    decided_by: str


def one(store: Store, statement: str) -> StatementView:
    """One by its id or name. Raises NotFoundError."""
    with store.read() as connection:
        return _view(statements.find(connection, statement))


def listed(store: Store, payroll: str | None) -> list[StatementView]:
    """See Paymaster.statements."""
    with store.read() as connection:
        of = payrolls.get(connection, payroll).id if payroll else ""
        rows = statements.listed(connection)
        return [_view(row) for row in rows if not of or of in statements.payrolls_of(row)]


def _view(row: Record) -> StatementView:
    return StatementView(
        row.id, row.kind, row.name, row.state, row.channel, statements.payrolls_of(row), row.at, row.by,
        row.confirmed_by, row.lines, row.size, row.sha256, row.replaces,
    )  # fmt: skip


def lines(store: Store, statement: str, after: int, size: int, loose: bool) -> list[StatementLineView]:
    """See Paymaster.statement_lines."""
    with store.read() as connection:
        row = statements.find(connection, statement)
        page = statements.loose if loose else statements.lines
        return [
            StatementLineView(
                line.n, line.payment, line.how, line.verdict, amount_text(line.amount, line.currency),
                amount_text(line.fee, line.currency), line.currency, line.reference, line.booked, line.reason, line.why,
                line.decided, line.decided_by,
            )
            for line in page(connection, row.id, after, size)
        ]  # fmt: skip
