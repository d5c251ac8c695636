"""A bank that takes and gives CSV files in a directory: the smallest gateway of a batch rail that is worth its name.

H,<file id>                                          T,<count>,<sum in minor units>
L,<key>,<account>,<minor units>,<currency>           out, a line per payment

A,<key>,<verdict>,<minor units>,<currency>,<reference>,<reason>     back, a line per payment
F,<file name>,<verdict>,<reason>,<count>,<sum>,<currency>,<reference>   back, about a whole file
T,<count of A>
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from gateway_core.contract import (
    BatchCtx,
    BatchGateway,
    Capabilities,
    Document,
    Done,
    Incoming,
    LeftOut,
    Limits,
    LineFact,
    LineFacts,
    Money,
    Payment,
    Refused,
    Returned,
    Settings,
    Unknown,
    Waiting,
)
from gateway_core.contract.transports import DirectoryTransport, Transport

UNWRITABLE = "bank-closed"
VERDICTS: Mapping[str, Callable[[str], Done | Refused | Returned | Waiting]] = {
    "booked": lambda reason: Done(),
    "rejected": lambda reason: Refused(reason or "rejected"),
    "returned": lambda reason: Returned(reason=reason),
    "accepted": lambda reason: Waiting(),
    "executing": lambda reason: Waiting(),
    # A bank that says so has an earlier copy: it never means that nothing was paid.
    "duplicate": lambda reason: Waiting(),
}


@attrs.frozen(kw_only=True)
class CsvSettings(Settings):
    """Where the bank's directories are, and how large a file may be."""

    base_url: str = ""
    outbox: str
    inbox: str
    lines: int = 10
    size: int = 0
    grouped: bool = False


class CsvBank(BatchGateway[CsvSettings]):
    """See the module."""

    name = "csv_bank"
    test_only = True
    capabilities = Capabilities(
        ask_after=0.02, ask_at_most=0.05, ask_limit=5, settle=0.05, patience=600.0, max_concurrency=1
    )

    def limits(self) -> Limits:
        return Limits(self.settings.lines, self.settings.size)

    def group_of(self, payment: Payment) -> str:
        return payment.extra.get("branch", "") if self.settings.grouped else ""

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        able = [payment for payment in payments if payment.account.value != UNWRITABLE]
        for payment in payments:
            if payment.account.value == UNWRITABLE:
                yield LeftOut(payment.id, Refused("no_such_bank", "the bank was closed"))
        if able:
            name = f"PAY-{ctx.new_id('file', 'short')}.csv"
            keys = {payment.id: ctx.key(payment, "short") for payment in able}
            yield Document(name, keys, _written(ctx.new_id("file", "short"), able, keys))

    def read_statement(self, incoming: Incoming) -> LineFacts:
        counted: int | None = None
        with incoming.text() as file:
            for row in csv.reader(file):
                if row[0] == "A":
                    yield _line(row)
                elif row[0] == "F":
                    yield _whole(row)
                elif row[0] == "T":
                    counted = int(row[1])
                else:
                    raise ValueError(f"a row of kind {row[0]!r}")
        if counted is None:
            raise ValueError("there is no trailer")
        return counted

    def transport(self) -> Transport:
        return DirectoryTransport(Path(self.settings.outbox), Path(self.settings.inbox), quiet=0.0)


def _written(file: str, payments: Sequence[Payment], keys: Mapping[str, str]) -> Iterator[bytes]:
    yield f"H,{file}\n".encode()
    for payment in payments:
        money = payment.amount
        yield f"L,{keys[payment.id]},{payment.account.value},{money.minor},{money.currency}\n".encode()
    yield f"T,{len(payments)},{sum(payment.amount.minor for payment in payments)}\n".encode()


def _line(row: Sequence[str]) -> LineFact:
    _, key, verdict, minor, currency, reference, reason = row
    said = VERDICTS[verdict](reason) if verdict in VERDICTS else Unknown(f"verdict {verdict!r}")
    amount = Money(int(minor), currency) if minor else None
    return LineFact(
        verdict=said, key=key, amount=amount, reference=reference, text=",".join(row), executing=verdict == "executing"
    )


def _whole(row: Sequence[str]) -> LineFact:
    _, document, verdict, reason, count, total, currency, entry = row
    amount = Money(int(total), currency) if total else None
    said = VERDICTS[verdict](reason)
    return LineFact(
        verdict=said, document=document, amount=amount, lines=int(count) if count else None, text=",".join(row),
        entry=entry, executing=verdict == "executing",
    )  # fmt: skip
