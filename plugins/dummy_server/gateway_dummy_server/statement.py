"""The statement: one CSV line per movement of money, for reconciliation."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime

from gateway_core.contract import Money
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Ledger

COLUMNS = (
    "entry", "no", "receipt", "key", "reference", "entitlement", "account_type", "account", "amount", "currency",
    "booked_at",
)  # fmt: skip


async def statement_lines(queue: GroupCommit, ledger: Ledger) -> AsyncIterator[str]:
    """The whole statement, page by page. `entry` is "paid" or "returned", `no` counts the movements of one key."""
    yield _csv([COLUMNS])
    after = ""
    while page := await queue.run(ledger.page, after):
        yield _csv([line for payment in page for line in _movements(payment)])
        after = page[-1].order.key


def _movements(payment: Entry) -> Iterator[tuple[object, ...]]:
    order = payment.order
    booked_at = datetime.fromtimestamp(payment.decided_at, UTC).isoformat(timespec="milliseconds")
    for entry, times in (("paid", payment.moved), ("returned", payment.reversed)):
        for no in range(1, times + 1):
            yield (
                entry, no, payment.receipt, order.key, order.reference, order.entitlement, order.account_type,
                order.account, Money(order.amount, order.currency).text, order.currency, booked_at,
            )  # fmt: skip


def _csv(lines: Iterable[tuple[object, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
