"""A large payroll over the directory bank in a process of its own: `python -m tests.batches.scale LINES FOLDER`.

Prints, as JSON: the peak of memory in MB while files are handed over and answers applied, beyond what the process had
before; and the longest CPU time of one job on the writer thread, in seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from gateway_core.contract.channel import Channel
from gateway_core.engine.runtime import AsyncioRuntime
from gateway_core.model.accounts import Account
from gateway_core.model.money import Money
from gateway_core.model.payment import Invoice
from gateway_core.paymaster import Paymaster

from .bank import Bank
from .gateway import CsvBank, CsvSettings

T = TypeVar("T")
PER_FILE = 500


class Timed(AsyncioRuntime):
    """Notes how long each job of the writer takes."""

    longest = 0.0

    async def write(self, job: Callable[[], T]) -> T:
        def timed() -> T:
            began = time.thread_time()
            try:
                return job()
            finally:
                Timed.longest = max(Timed.longest, time.thread_time() - began)

        return await asyncio.get_running_loop().run_in_executor(self._writer, timed)


def invoices(count: int) -> Iterator[Invoice]:
    for n in range(count):
        yield Invoice(
            id=f"inv-{n}", beneficiary=f"ben-{n}", name=f"Name {n}", account=Account("wallet", f"w-{n:07d}"),
            amount=Money(50_000, "UGX"), programme="grant", cycle="2026-11",
        )  # fmt: skip


def memory(what: str) -> int:
    """VmRSS, or VmHWM, the highest that it ever was; in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def answer(bank: Bank) -> None:
    """Everything was booked: one file over all lines."""
    part, count = bank.folder / "in" / ".all.tmp", 0
    with part.open("w") as file:
        for path in bank.waiting:
            for line in path.read_text().splitlines():
                if line.startswith("L"):
                    _, key, _, minor, currency = line.split(",")
                    file.write(f"A,{key},booked,{minor},{currency},BNK-{key},\n")
                    count += 1
        file.write(f"T,{count}\n")
    part.rename(bank.folder / "in" / "all.csv")


def main() -> None:
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    config = {
        "deployment": "scale", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"),
        "channels": {"bank": {"gateway": "dummy_server", "base_url": "http://127.0.0.1:9"}},
    }  # fmt: skip
    bank = Bank(folder / "bank")
    places = {"outbox": str(bank.folder / "out"), "inbox": str(bank.folder / "in")}
    with Paymaster.open(config, create=True) as paymaster:
        gateway = CsvBank(CsvSettings(**places, lines=PER_FILE))  # type: ignore[arg-type]
        paymaster.configuration._opened["bank"] = Channel("bank", gateway)
        paymaster._runtime = Timed
        payroll = paymaster.propose("large", invoices(count), channel="bank", by="amina")
        paymaster.approve(payroll, by="joseph")
        before = memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        paymaster.run()
        answer(bank)
        paymaster.run()
        peak = memory("VmHWM")
        assert paymaster.status(payroll)[0].counts == {"paid": count}
        assert len(paymaster.documents()) == -(-count // PER_FILE)
        said = paymaster.reconcile(payroll, by="amina")
        assert said.agreed == count
        paymaster.close(payroll, by="joseph")
    print(json.dumps({"mb": (peak - before) / 1024, "longest": Timed.longest}))


if __name__ == "__main__":
    main()
