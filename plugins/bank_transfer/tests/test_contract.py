"""The bank, with each profile, keeps every law of the contract for batch rails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs
from gateway_bank_transfer import BankTransferGateway
from gateway_bank_transfer.profile import load
from gateway_bank_transfer.simulator.bank import Bank

from gateway_core.contract import Account
from gateway_core.testing.contract import BatchContract, Movement

from .conftest import SCHEMAS, account


class Teller:
    """The simulator, as the kit wants it."""

    def __init__(self, folder: Path, **how: Any) -> None:
        self.bank = Bank(folder, ledger=str(folder / "ledger.db"), **how)

    def work(self) -> None:
        self.bank.work()

    def books(self) -> Iterator[Movement]:
        for entry in self.bank.ledger.page():
            order = entry.order
            yield Movement(order.key, order.account, order.amount, order.currency, entry.moved)


class FewLines(BankTransferGateway):
    """As ever, with small files, so that the kit sees several."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.profile = attrs.evolve(self.profile, file=attrs.evolve(self.profile.file, lines=10))


class TestLocalAch(BatchContract):
    gateway = FewLines
    currency = "UGX"
    settings: ClassVar = {
        "profile": "local_ach", "institution_account": "040147:0055667788", "debtor_name": "Ministry", "quiet": 0.0,
        "outbox": "{folder}/out", "inbox": "{folder}/in", "schemas": SCHEMAS,
    }  # fmt: skip

    def bank(self, folder: Path) -> Teller:
        return Teller(folder)

    def account(self, n: int) -> Account:
        return account("local_ach", n)


class TestLocalAchByMt940(TestLocalAch):
    def bank(self, folder: Path) -> Teller:
        return Teller(folder, speaks="mt940")


class TestSepaLike(TestLocalAch):
    currency = load("sepa_like").payment.currencies[0]
    settings: ClassVar = {
        **TestLocalAch.settings, "profile": "sepa_like", "institution_account": "DE89370400440532013000",
        "debtor_bank": "COBADEFFXXX",
    }  # fmt: skip

    def account(self, n: int) -> Account:
        bban = f"37040044{n:010d}"
        check = 98 - int(bban + "131400") % 97
        return Account("iban", f"DE{check:02d}{bban}")


class TestCentralBank(TestLocalAch):
    """It says everything in CSV files."""

    currency = load("central_bank").payment.currencies[0]
    settings: ClassVar = {**TestLocalAch.settings, "profile": "central_bank"}

    def bank(self, folder: Path) -> Teller:
        return Teller(folder, speaks="csv")
