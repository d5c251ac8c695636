"""What a payment costs over mobile money.

    python -m benchmarks.mobile                 CPU per payment over the GSMA API with callback, five runs of 1,000
    python -m benchmarks.mobile --mtn           MTN, one call at a time, tokens of 60 s: 1,000 paid, no call refused

The operator is the plugin's simulator in a process of its own. CPU is user + system of the paying process, which hears
the callbacks, too: from after opening to the end of the last payment.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from gateway_core import Account, Invoice, Money, Paymaster

CALLBACKS = "/callbacks/wallets"
SECRET = {"env": "BENCHMARK_SECRET"}
COMMON = {"gateway": "mobile_money", "country": "UG", "client_id": "grants", "client_secret": SECRET}
CHANNELS: dict[str, dict[str, Any]] = {
    "gsma": {"institution_account": "accountid@2999", "max_concurrency": 32},
    "mtn": {"subscription_key": SECRET, "target_environment": "mtnuganda", "max_concurrency": 1, "rate": 15},
}
OPTIONS = {"gsma": [], "mtn": ["--option", "token_life=60"]}


@contextmanager
def simulator(profile: str, ledger: Path, last: list[str]) -> Iterator[str]:
    """Start it; its base_url. What it says of its tokens at the end is put into `last`."""
    command = [sys.executable, "-m", "gateway_mobile_money.simulators", profile, "--ledger", str(ledger)]
    process = subprocess.Popen([*command, *OPTIONS[profile]], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        last.append(process.stdout.read().strip())
        process.stdout.close()
        process.wait()


def invoices(count: int) -> Iterator[Invoice]:
    """Each for another number of the operator's."""
    for i in range(count):
        yield Invoice(
            id=f"INV-{i:05d}", beneficiary=f"HH-{i:05d}", name="Amina Nakato",
            account=Account("msisdn", f"2567721{i:05d}"), amount=Money(50_000 + i, "UGX"),
            programme="child-grant", cycle="2026-11",
        )  # fmt: skip


def configuration(folder: Path, profile: str, url: str) -> dict[str, Any]:
    """One channel that hears callbacks on a free port."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    channel = {
        **COMMON, **CHANNELS[profile], "profile": profile, "base_url": url, "listen": listen,
        "callback_url": f"http://{listen}{CALLBACKS}", "callback_secret": SECRET,
    }  # fmt: skip
    return {
        "deployment": "benchmark", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"), "channels": {"wallets": channel},
    }  # fmt: skip


def paid(folder: Path, profile: str, url: str, count: int) -> dict[str, Any]:
    """Propose and approve, then measure the run. The counts of journaled words come with it."""
    os.environ["BENCHMARK_SECRET"] = "told-to-nobody"  # noqa: S105
    with Paymaster.open(configuration(folder, profile, url), create=True) as paymaster:
        payroll = paymaster.propose("benchmark", invoices(count), channel="wallets", by="amina")
        paymaster.approve(payroll, by="joseph")
        begun, cpu = time.perf_counter(), time.process_time()
        paymaster.run(payroll, wait=120)
        used = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun}
        assert paymaster.status(payroll)[0].counts == {"paid": count}, paymaster.status(payroll)[0].counts
    query = "SELECT kind || ' ' || value, count(*) FROM facts WHERE kind IN ('unsent', 'word', 'copy') GROUP BY 1"
    with closing(sqlite3.connect(folder / "store.db")) as db:
        return {**used, "facts": dict(db.execute(query).fetchall())}


def in_process(profile: str, count: int) -> dict[str, Any]:
    """One payroll, paid by a fresh process; the operator's ledger says how often money moved."""
    last: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        ledger = Path(name) / "ledger.db"
        with simulator(profile, ledger, last) as url:
            done = _alone(profile, name, url, count)
        with closing(sqlite3.connect(ledger)) as db:
            moved, copies = db.execute("SELECT SUM(moved), SUM(copies) FROM payments").fetchone()
    assert moved == count, f"{moved} moved, {count} were owed"
    result: dict[str, Any] = json.loads(done.stdout)
    return {**result, "copies": copies, "tokens": last[0]}


def _alone(profile: str, folder: str, url: str, count: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.mobile", "--pay", profile, "--folder", folder, "--url", url]
    return subprocess.run([*command, "--count", str(count)], check=True, capture_output=True, text=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mtn", action="store_true")
    parser.add_argument("--pay", choices=sorted(CHANNELS))
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    if given.pay:
        print(json.dumps(paid(given.folder, given.pay, given.url, given.count)))
    elif given.mtn:
        one = in_process("mtn", given.count)
        print(f"MTN, max_concurrency = 1, tokens of 60 s: {given.count:,} paid in {one['wall']:.0f} s")
        print(f"  copies at the operator {one['copies']}; {one['tokens']}; facts besides answers: {one['facts']}")
    else:
        gsma(given.count, given.runs)


def gsma(count: int, runs: int) -> None:
    """Measure and print."""
    costs = []
    for number in range(runs):
        one = in_process("gsma", count)
        costs.append(one["cpu"] / count * 1e3)
        print(f"  run {number + 1}: {costs[-1]:.2f} ms CPU per payment, {count / one['wall']:.0f} payments/s")
    print(f"\nGSMA API with callback, {runs} runs of {count:,}, CPU per payment (median, min - max)")
    print(f"  {statistics.median(costs):.2f} ms   {min(costs):.2f} - {max(costs):.2f}")


if __name__ == "__main__":
    main()
