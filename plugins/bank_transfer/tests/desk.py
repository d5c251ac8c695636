"""A desk with a bank: a configuration and a payroll in a folder, `gateway` as a process, and the bank's own ledger."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import attrs
from gateway_bank_transfer.simulator.bank import Bank

from gateway_core.paymaster import Paymaster
from gateway_core.store.document_views import AnswerView

PROFILE = """
name = "A bank to rehearse with"
[file]
version = "pain.001.001.{version}"
prefix = "GC"
lines = {lines}
batch_booking = {batch}
[payment]
currencies = ["UGX"]
charge_bearer = "DEBT"
[accounts]
kinds = ["bank_account"]
bank = "clearing"
[calendar]
timezone = "Africa/Kampala"
[answers]
formats = ["pain.002", "camt.053", "camt.054", "camt.029", "mt940"]
"""
OPEN = frozenset({"planned", "ready", "sending", "pending", "unknown", "held"})


def imported(paymaster: Paymaster, body: bytes, name: str = "") -> AnswerView:
    """A file of the bank that amina brought, and joseph confirmed."""
    given = paymaster.import_statement("bank", body, by="amina", name=name)
    return paymaster.confirm_statement(given.id, by="joseph", reason="fetched it too")


@attrs.define
class Desk:
    """`bank` works in this process; `gateway` runs in others, which may be killed."""

    folder: Path
    bank: Bank

    @classmethod
    def of(
        cls, folder: Path, lines: int, *, per_file: int = 10, batch: bool = False, version: str = "09",
        channel: str = "", **bank: Any,
    ) -> Desk:  # fmt: skip
        profile = PROFILE.format(version=version, lines=per_file, batch=str(batch).lower())
        (folder / "bank.toml").write_text(profile)
        made = Bank(folder / "bank", ledger=str(folder / "ledger.db"), **bank)
        (folder / "gateway.toml").write_text(
            'deployment = "example-grants"\nenvironment = "test"\nstore = "sqlite:///payments.db"\n'
            f'mark_dir = {json.dumps(str(folder / "marks"))}\n[channels.bank]\ngateway = "bank_transfer"\n'
            f'sandbox = true\nprofile = {json.dumps(str(folder / "bank.toml"))}\n'
            'institution_account = "040147:0055667788"\ndebtor_name = "Ministry"\nquiet = 0.0\n'
            "ask_after = 0.05\nask_at_most = 0.3\nsettle = 0.1\npatience = 900.0\n"
            + (channel or f'outbox = {json.dumps(str(folder / "bank/out"))}\n'
               f'inbox = {json.dumps(str(folder / "bank/in"))}\n')
        )  # fmt: skip
        rows = "".join(
            f"inv-{n},ben-{n},Amina Nakato {n},bank_account,040147/001:{n:010d},{50_000 + n},UGX,grant,2026-11\n"
            for n in range(lines)
        )
        head = "invoice,beneficiary,name,account_type,account,amount,currency,programme,cycle\n"
        (folder / "november.csv").write_text(head + rows)
        Paymaster.open(folder / "gateway.toml", create=True).close_store()
        return cls(folder, made)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        call = [sys.executable, "-m", "gateway_core.cli", *arguments]
        return subprocess.Popen(call, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __call__(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        text, _ = process.communicate(timeout=600)
        return process.returncode, text

    def must(self, *arguments: str) -> str:
        code, text = self(*arguments)
        assert code == 0, (arguments, code, text)
        return text

    def json(self, *arguments: str) -> Any:
        process = subprocess.run(
            [sys.executable, "-m", "gateway_core.cli", *arguments, "--json"], cwd=self.folder, capture_output=True,
            text=True, timeout=600,
        )  # fmt: skip
        return json.loads(process.stdout)

    def start_up(self) -> float:
        """Seconds that a command takes here which does next to nothing."""
        began = time.monotonic()
        self.json("plugins")
        return time.monotonic() - began

    def live(self, chance: random.Random, longest: float, *arguments: str) -> bool:
        """Run, and kill it at a moment drawn by chance; the bank works meanwhile. Whether it was killed."""
        process, until = self.start(*arguments), time.monotonic() + chance.uniform(0.3, longest)
        while process.poll() is None and time.monotonic() < until:
            self.bank.work()
            time.sleep(0.05)
        killed = process.poll() is None
        process.kill()
        process.communicate()
        return killed

    def counts(self) -> dict[str, int]:
        (payroll,) = self.json("status")["payrolls"]
        return dict(payroll["counts"])

    def settle(self, rounds: int = 80) -> dict[str, int]:
        """The bank works and we run, until everybody's payment is decided and the bank has nothing more to say."""
        with Paymaster.open(self.folder / "gateway.toml") as paymaster:
            for _ in range(rounds):
                self.bank.work()
                paymaster.run(wait=0.4)
                self.looked_after(paymaster)
                counts = dict(paymaster.status()[0].counts)
                if not OPEN & set(counts) and not self.bank.owes:
                    break
        return counts

    def looked_after(self, paymaster: Paymaster) -> None:
        """Killed between its intent and the put, a file is held: two people look whether the bank has it."""
        for document in paymaster.documents():
            if document.state == "held":
                there = any((self.folder / "bank" / place / document.name).exists() for place in ("out", "collected"))
                for by in ("amina", "joseph"):
                    paymaster.release(document.id, "handed_over" if there else "ready", by=by, reason="asked the bank")

    def moved(self) -> dict[str, tuple[int, int]]:
        """By the bank's own ledger: {account: (times paid, times come back)}."""
        found: dict[str, tuple[int, int]] = {}
        for entry in self.bank.ledger.page(limit=10_000_000):
            paid, back = found.get(entry.order.account, (0, 0))
            found[entry.order.account] = paid + entry.moved, back + entry.reversed
        return found
