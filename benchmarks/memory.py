"""Peak memory, and how long an intent waits while a large payroll is proposed on the same store.

    python -m benchmarks.memory                 10,000 and 100,000 invoices: checked, approved, paid
    python -m benchmarks.memory --propose       1,000,000 proposed from a file, beside a sender on the same store

Each figure is the peak resident set of a fresh process, as the kernel accounts it.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import attrs

from benchmarks.pay import configuration, invoices
from benchmarks.rail import rail
from gateway_core import Paymaster

COLUMNS = ["invoice", "beneficiary", "name", "account_type", "account", "amount", "currency", "programme", "cycle"]


def peak_mb() -> float:
    """This process's peak resident set."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_file(path: Path, count: int) -> None:
    """A payroll file, written as a stream."""
    with path.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(
            ["invoice", "beneficiary", "name", "account_type", "account", "amount", "currency", "programme", "cycle"]
        )
        for i in invoices(count):
            rows.writerow(
                [i.id, i.beneficiary, i.name, i.account.type, i.account.value, i.amount.text, i.amount.currency,
                 i.programme, i.cycle]
            )  # fmt: skip


def pay(folder: Path, url: str, count: int) -> dict[str, float]:
    """The whole job for one payroll."""
    path = folder / "payroll.csv"
    write_file(path, count)
    with Paymaster.open(configuration(folder, url), create=True) as paymaster:
        payroll = paymaster.propose("memory", path, channel="dummy", by="amina")
        proposed = peak_mb()
        assert paymaster.check(payroll).good
        checked = peak_mb()
        paymaster.approve(payroll, by="joseph")
        assert paymaster.run(payroll, wait=None).finished
        assert paymaster.status(payroll)[0].counts == {"paid": count}
    return {"proposed": proposed, "checked": checked, "paid": peak_mb()}


def propose(folder: Path, url: str, count: int) -> dict[str, float]:
    """Propose a file; its path lies in the folder already."""
    with Paymaster.open(configuration(folder, url)) as paymaster:
        begun = time.perf_counter()
        payroll = paymaster.propose("large", folder / "large.csv", channel="dummy", by="amina")
        seconds = time.perf_counter() - begun
        assert paymaster.status(payroll)[0].lines == count
    return {"peak": peak_mb(), "seconds": seconds}


def in_process(side: str, folder: Path, url: str, count: int) -> dict[str, float]:
    """One measurement in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", "--side", side, "--folder", str(folder), "--url", url]
    done = subprocess.run([*command, "--count", str(count)], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def whole_job(counts: list[int]) -> None:
    """Print the peaks."""
    print("Peak resident set, MB     proposed   checked   approved and paid")
    with rail() as url:
        for count in counts:
            with tempfile.TemporaryDirectory() as name:
                got = in_process("pay", Path(name), url, count)
            peaks = "  ".join(f"{got[when]:8.0f}" for when in ("proposed", "checked", "paid"))
            print(f"  {count:>10,} invoices   {peaks}", flush=True)


def beside_a_sender(count: int) -> None:
    """Propose in one process while another sends; how long did a group of intents wait for its transaction?"""
    waits: list[float] = []
    with rail(0.01) as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_file(folder / "large.csv", count)
        with Paymaster.open(configuration(folder, url), create=True) as paymaster:
            _time_writes(paymaster, waits)
            got: dict[str, float] = {}
            proposing = threading.Thread(target=lambda: got.update(in_process("propose", folder, url, count)))
            proposing.start()
            number = 0
            while proposing.is_alive():
                number += 1
                small = list(invoices(200 * number))[-200:]
                renamed = [attrs.evolve(i, cycle=f"other-{number}") for i in small]
                payroll = paymaster.propose(f"small {number}", renamed, channel="dummy", by="amina")
                paymaster.approve(payroll, by="joseph")
                paymaster.run(payroll, wait=None)
            proposing.join()
    print(f"\nProposing and checking a file of {count:,} lines: {got['seconds']:.0f} s, peak {got['peak']:.0f} MB")
    print(
        f"  beside it {len(waits):,} groups of intents: median wait {statistics.median(waits) * 1000:.0f} ms,", end=" "
    )
    print(f"longest {max(waits) * 1000:.0f} ms")


def _time_writes(paymaster: Paymaster, waits: list[float]) -> None:
    """Note how long each of the sender's groups takes, from wanting the transaction to its commit."""
    from gateway_core.engine.driver import Driver

    plain = Driver.apply

    def timed(self: Driver, writes: object) -> object:
        begun = time.perf_counter()
        results = plain(self, writes)  # type: ignore[arg-type]
        waits.append(time.perf_counter() - begun)
        return results

    Driver.apply = timed  # type: ignore[method-assign, assignment]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--propose", action="store_true")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--side", choices=["pay", "propose"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    if given.side:
        side = pay if given.side == "pay" else propose
        print(json.dumps(side(given.folder, given.url, given.count)))
    elif given.propose:
        beside_a_sender(given.count or 1_000_000)
    else:
        whole_job([given.count] if given.count else [10_000, 100_000])


if __name__ == "__main__":
    main()
