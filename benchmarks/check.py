"""Checking a payroll of a million payments: memory and time, when nothing speaks against it and when everything does.

    python -m benchmarks.check [--count 1000000]

Accounts are judged by their form, as bank transfer does: no network is measured here. (`benchmarks.generate` asks a
rail about each.) One payment is proposed, and copied in SQL. Each figure is of a fresh process, its peak resident set
as the kernel accounts it.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway_dummy_server.gateway import DummyGateway

from benchmarks.memory import peak_mb
from benchmarks.pay import configuration, invoices
from gateway_core import Paymaster
from gateway_core.contract import Account, Balances, Checks, Ctx, Objection
from gateway_core.contract.channel import Channel

NOWHERE = "http://127.0.0.1:9"
# What differs from copy to copy, number n.
COPIED = {"id": "printf('%036d', n)", "line": "n + 1"} | {
    name: f"{name} || n" for name in ("entitlement", "beneficiary", "invoice", "account")
}


class ByForm(DummyGateway):
    """Says of each account what it was told to, without asking anybody."""

    objects = False

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """No account exists, or each does."""
        return [Objection("unknown_account", f"there is no account {account.value}")] if self.objects else []
        yield

    def check_balance(self, ctx: Ctx) -> Balances:
        """It cannot be asked."""
        return None
        yield


def make(folder: Path, count: int) -> None:
    """A payroll of so many payments."""
    with Paymaster.open(configuration(folder, NOWHERE), create=True) as paymaster:
        paymaster.propose("big", invoices(1), channel="dummy", by="amina")
    store = sqlite3.connect(folder / "store.db", isolation_level=None)
    columns = [row[1] for row in store.execute("PRAGMA table_info(payments)")]
    copied = ", ".join(COPIED.get(name, f"p.{name}") for name in columns)
    into = f"INSERT INTO payments ({', '.join(columns)}) SELECT {copied} FROM copies, payments p WHERE p.line = 1"  # noqa: S608
    numbers = "WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < ?)"
    store.execute(f"{numbers} {into}", (count - 1,))
    store.execute("UPDATE payrolls SET lines = ?", (count,))
    store.close()


def measure(folder: Path, objects: bool) -> list[float]:
    """The peak, CPU seconds, seconds, and how many objections there are."""
    with Paymaster.open(configuration(folder, NOWHERE)) as paymaster:
        gateway = paymaster.configuration.channel("dummy").gateway
        assert isinstance(gateway, DummyGateway)
        by_form = ByForm(gateway.settings)
        by_form.objects = objects
        paymaster.configuration._opened["dummy"] = Channel("dummy", by_form)
        cpu, wall = time.process_time(), time.perf_counter()
        report = paymaster.check("big")
        took = [time.process_time() - cpu, time.perf_counter() - wall]
    return [peak_mb(), *took, len(report.objections) + report.more_objections]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--objects", action="store_true")
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(measure(given.folder, given.objects)))
        return
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), given.count)
        print(f"{given.count:,} payments checked: peak resident set, CPU and time")
        for objects in ([], ["--objects"]):
            command = [sys.executable, "-m", "benchmarks.check", "--folder", name, *objects]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            peak, cpu, wall, found = json.loads(done.stdout)
            print(f"  {found:>9,} objections   {peak:5.0f} MB   {cpu:7.1f} s   {wall:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
