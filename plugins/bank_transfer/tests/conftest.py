"""Payments, profiles and debtors to write files with; the published schemas and samples, where they lie beside us."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from gateway_bank_transfer.profile import Profile, load
from gateway_bank_transfer.writing.pain001 import Debtor
from gateway_bank_transfer.writing.payee import Where
from gateway_bank_transfer.writing.planning import documents

from gateway_core.contract import Account, BatchCtx, LeftOut, Money, Payment

DATA = Path(__file__).parents[4] / "shared" / "data" / "bank"
SCHEMAS = str(DATA / "xsd") if DATA.is_dir() else ""
NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
published = pytest.mark.skipif(not SCHEMAS, reason="the published schemas and samples are not beside this repository")
DEBTOR = Debtor(
    name="Ministry of Social Protection", where=Where(bank="040147", number="0055667788"), bank="040147",
    customer="MSP1",
)  # fmt: skip
BIC_DEBTOR = Debtor(
    name=DEBTOR.name, where=Where(iban="DE89370400440532013000"), bank="COBADEFFXXX", customer="MSP1"
)  # fmt: skip
IBANS = {"sepa_like": "DE89370400440532013000", "central_bank": "FR1420041010050500013M02606"}


def account(profile: str, n: int) -> Account:
    if profile in IBANS:
        return Account("iban", IBANS[profile])
    return Account("bank_account", f"040147/001:{n:010d}")


def payment(n: int = 1, profile: str = "local_ach", **changes: Any) -> Payment:
    currency = load(profile).payment.currencies[0]
    known: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{n:012d}", "number": 1, "invoice": f"inv-{n}", "entitlement": f"ent-{n}",
        "beneficiary": f"ben-{n}", "name": f"Amina Nakato {n}", "account": account(profile, n),
        "amount": Money(50_000 + n, currency), "programme": "child grant", "cycle": "2026-11", "instalment": "",
        "reference": "", "channel": "bank", "extra": {},
    }  # fmt: skip
    return Payment(**(known | changes))


def context(payments: Sequence[Payment], number: int = 1) -> BatchCtx:
    return BatchCtx("example-grants", "payroll-1", "bank", number, NOW, {payment.id: 1 for payment in payments})


@attrs.frozen
class File:
    """A document as it came: its lines in their order, each payment with its key."""

    name: str
    lines: dict[str, str]


def made(
    payments: Sequence[Payment], profile: Profile, schemas: str = SCHEMAS
) -> tuple[list[tuple[File, bytes]], list[LeftOut]]:
    """The files with their bytes, and who was left out."""
    debtor = BIC_DEBTOR if profile.accounts.bank == "bic" else DEBTOR
    files, left = [], []
    for one in documents(payments, context(payments), profile, debtor, schemas):
        if isinstance(one, LeftOut):
            left.append(one)
        else:
            lines = dict(one.pairs())
            content = [one.content] if isinstance(one.content, bytes) else one.content
            files.append((File(one.name, lines), b"".join(content)))
    return files, left
