"""A statement of 1,000,000 lines against a payroll of that size: seconds and peak memory of each step.

    python -m benchmarks.reconcile                    1,000,000 lines
    python -m benchmarks.reconcile --count 100000

The payroll is proposed and approved as always; that it was paid is written as the facts that a sender writes. Each step
is a fresh process, so that its figure is the peak resident set of that step alone. One line in a thousand differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.memory import write_file
from benchmarks.pay import configuration
from gateway_core import Paymaster
from gateway_core.model.facts import Fact
from gateway_core.model.life import add, fold
from gateway_core.store import Write, payments, payrolls, senders, writes
from gateway_core.store.clock import now_us

PAGE = 500
STATEMENT = {
    "columns": {"reference": "Receipt", "id": "External ID", "amount": "Amount", "status": "Status", "date": "Date"},
    "paid": ["SUCCESSFUL"],
    "currency": "UGX",
}
ODD = 1000


def opened(folder: Path, create: bool = False) -> Paymaster:
    """The store, over a channel whose provider writes statements."""
    config = configuration(folder, "http://127.0.0.1:9")
    config["channels"]["dummy"]["statement"] = STATEMENT
    return Paymaster.open(config, create=create)


def peak_mb() -> float:
    """This process's peak resident set. (Not getrusage: that begins with the peak of who started the process.)"""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def prepare(folder: Path, count: int) -> None:
    """A payroll that was paid, and what the provider says of it."""
    write_file(folder / "payroll.csv", count)
    with opened(folder, create=True) as paymaster:
        payroll = paymaster.propose("large", folder / "payroll.csv", channel="dummy", by="amina")
        paymaster.approve(payroll, by="joseph")
        _paid(paymaster, payroll)
        with (folder / "statement.csv").open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(STATEMENT["columns"].values())  # type: ignore[attr-defined]
            for n, view in enumerate(paymaster.all_payments(payroll)):
                amount = int(view.amount) - (n % ODD == 0)
                rows.writerow([view.reference, view.id, amount, "SUCCESSFUL", "2026-11-25"])


def _paid(paymaster: Paymaster, payroll: str) -> None:
    store = paymaster._store
    with store.write() as connection:
        token = senders.start(connection, 3_600_000_000, alone=True)
    while True:
        with store.write() as connection:
            rows, _ = senders.claim(connection, token, payroll, "dummy", now_us(), PAGE)
            if not rows:
                payrolls.begun(connection, store, payroll)
                payrolls.paid_out(connection, store, payroll)
                return
            writes.apply(connection, store, [_write(row, token) for row in rows])


def _write(row: object, token: int) -> Write:
    payment, at = payments.as_payment(row).id, now_us()
    key = f"key-{payment}"
    facts = (
        Fact(
            1, at, "intent", "sent", step="pay", key=key, body={"moves_money": True, "request": {"path": "/payments"}}
        ),
        Fact(
            2, at, "answer", "done", "ask", step="pay", body={"body": {"receipt": f"D-{payment}"}, "moves_money": True}
        ),
        Fact(3, at, "outcome", "paid", "flow", body={"reference": f"D-{payment}"}),
    )
    life = fold([])
    for fact in facts:
        add(life, fact)
    return Write(
        payment=payment, payroll=row.payroll, expected=0, facts=facts, state=life.state,  # type: ignore[attr-defined]
        attempt=1, reference=life.reference, reason="", due=0, open=False, sender=token, release=True,
        money_intent=True,
    )  # fmt: skip


def dry_run(folder: Path, count: int) -> None:
    """What would change."""
    with opened(folder) as paymaster, paymaster.preview_sheet("dummy", folder / "statement.csv") as taken:
        assert taken.lines == count and not taken.mistakes
        assert taken.counts == {"agrees": count - count // ODD, "differs": count // ODD}, taken.counts


def take(folder: Path, count: int) -> None:
    """All of it, or nothing."""
    with opened(folder) as paymaster:
        assert paymaster.import_sheet("dummy", folder / "statement.csv", by="amina").lines == count


def again(folder: Path, count: int) -> None:
    """The same bytes: recognised."""
    with opened(folder) as paymaster:
        assert paymaster.import_sheet("dummy", folder / "statement.csv", by="amina").lines == count


def report(folder: Path, count: int) -> None:
    """The zero-sum report."""
    with opened(folder) as paymaster:
        found = paymaster.zero_sum("large")
        assert found.adds_up and found.count == count // ODD and found.approved[0] == count


def explain(folder: Path, count: int) -> None:
    """Every difference has a reason."""
    with opened(folder) as paymaster:
        assert paymaster.explain("large", by="amina", reason="a fee of 1", kind="underpaid") == count // ODD


def export(folder: Path, count: int) -> None:
    """The payroll as CSV."""
    with opened(folder) as paymaster:
        assert paymaster.export("payroll", folder / "export.csv", payroll="large") == count


STEPS: dict[str, Callable[[Path, int], None]] = {
    "dry run": dry_run, "take": take, "the same again": again, "report": report, "explain": explain,
    "export as CSV": export,
}  # fmt: skip


def measured(step: str, folder: Path, count: int) -> dict[str, float]:
    """One step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.reconcile", "--step", step, "--folder", str(folder)]
    done = subprocess.run([*command, "--count", str(count)], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--step", choices=list(STEPS))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.step:
        begun = time.perf_counter()
        STEPS[given.step](given.folder, given.count)
        print(json.dumps({"seconds": time.perf_counter() - begun, "peak": peak_mb()}))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        prepare(folder, given.count)
        print(f"{given.count:,} payments prepared in {time.perf_counter() - begun:.0f} s", flush=True)
        print("step               seconds   peak MB")
        for step in STEPS:
            got = measured(step, folder, given.count)
            print(f"{step:<18}{got['seconds']:8.1f}  {got['peak']:8.0f}", flush=True)


if __name__ == "__main__":
    main()
