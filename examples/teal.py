"""Teal Bank, invented: a CSV file out, a CSV file back. docs/plugin-recipes.md shows it in pieces."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
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
    Payment,
    Refused,
    Returned,
    Settings,
    Unknown,
    Waiting,
    read_money,
)
from gateway_core.contract.transports import DirectoryTransport, Transport

REFUSALS = {"AC04": "the account is closed", "AM02": "above the bank's limit"}


@attrs.frozen(kw_only=True)
class TealSettings(Settings):
    """The bank's folders. There is no address."""

    base_url: str = ""
    outbox: str
    inbox: str


class TealGateway(BatchGateway[TealSettings]):
    """A file of at most 500 payments; the bank answers with a file of its own, line by line."""

    name = "teal"
    contract = 1
    capabilities = Capabilities(ask_after=60.0, ask_at_most=900.0, patience=5 * 86_400.0, max_concurrency=1)

    def limits(self) -> Limits:
        """By the bank's manual."""
        return Limits(lines=500)

    def transport(self) -> Transport:
        """A file is complete when it has not changed for ten seconds."""
        return DirectoryTransport(Path(self.settings.outbox), Path(self.settings.inbox), quiet=10.0)

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """One file over all that the bank can pay; ids and keys from the context alone."""
        able = [payment for payment in payments if payment.account.type == "bank_account"]
        for payment in payments:
            if payment.account.type != "bank_account":
                yield LeftOut(payment.id, Refused("no_bank_account", "Teal pays to bank accounts"))
        if able:
            number, keys = ctx.new_id("file", "short"), {payment.id: ctx.key(payment, "short") for payment in able}
            rows = [f"{keys[one.id]},{one.account.value},{one.amount.text},{one.amount.currency}" for one in able]
            yield Document(f"TEAL-{number}.csv", keys, "\n".join([*rows, f"END,{len(rows)}", ""]).encode())

    def read_statement(self, incoming: Incoming) -> LineFacts:
        """A fact per line, also of lines that nobody understands; then the bank's own count, from its last line."""
        counted = -1
        with incoming.text() as file:
            for row in csv.reader(file):
                if row[:1] == ["END"]:
                    counted = int(row[1])
                else:
                    yield fact(row)
        if counted < 0:
            raise ValueError("the file ends without its END: it is not whole")
        return counted


def fact(row: Sequence[str]) -> LineFact:
    """key, amount, currency, status, reference, code"""
    text = ",".join(row)
    if len(row) != 6:
        return LineFact(verdict=Unknown(f"{len(row)} columns"), text=text)
    key, amount, currency, status, reference, code = row
    verdict = said(status, reference, code)
    return LineFact(verdict=verdict, key=key, amount=read_money(amount, currency), reference=reference, text=text)


def said(status: str, reference: str, code: str) -> Done | Refused | Returned | Waiting | Unknown:
    """BOOKED and nothing less is paid. A code that is not listed decides nothing."""
    match status:
        case "BOOKED":
            return Done()
        case "RETURNED":
            return Returned(reference, code)
        case "ACCEPTED":
            return Waiting()
        case "REJECTED" if code in REFUSALS:
            return Refused(code, REFUSALS[code])
    return Unknown(f"{status} {code}")
