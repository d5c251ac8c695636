"""Generating a cycle's invoices by rule, proposing them from the pool, and checking the payroll: memory and time.

    python -m benchmarks.generate                    100,000 beneficiaries
    python -m benchmarks.generate --count 1000000    a million, in at most 200 MB

Each figure is the peak resident set of a fresh process, as the kernel accounts it.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.memory import peak_mb
from benchmarks.pay import configuration
from benchmarks.rail import rail
from gateway_core import Paymaster

CYCLE = "child-grant/2026-11"
RULES = [
    {"name": "children", "kind": "supplement", "times": "children", "amount": "10000", "maximum": "100000"},
    {"name": "transport", "kind": "supplement", "by": "district", "table": [{"is": "d-7", "amount": "5000"}]},
    {"name": "levy", "kind": "tax", "basis_points": 125},
]


def write_people(path: Path, count: int) -> None:
    """A file of beneficiaries, written as a stream."""
    with path.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["beneficiary", "name", "account_type", "account", "children", "district"])
        for n in range(count):
            rows.writerow([f"ben-{n:07d}", f"Beneficiary Number {n}", "wallet", f"w-{n:07d}", n % 13, f"d-{n % 40}"])


def measure(folder: Path, url: str, count: int) -> dict[str, list[float]]:
    """All three in this process; the peak after each. Checking asks the rail about every account."""
    got: dict[str, list[float]] = {}
    with Paymaster.open(configuration(folder, url), create=True) as paymaster:
        paymaster.set_programme("child-grant", by="amina", currency="UGX", amount="50000", channel="dummy")
        paymaster.set_cycle("child-grant", "2026-11", by="amina", rules=RULES, caps={"beneficiary": "900000"})
        with measured(got, "generated"):
            assert paymaster.generate(CYCLE, folder / "people.csv", by="amina").fresh == count
        with measured(got, "proposed"):
            (made,) = paymaster.propose_from_pool("memory", CYCLE, by="amina")
        assert made.lines == count
        with measured(got, "checked"):
            assert paymaster.check(made.payroll).good
    return got


@contextmanager
def measured(got: dict[str, list[float]], step: str) -> Iterator[None]:
    """What a step took: the peak so far, CPU seconds of this process, and seconds. Told at once, too."""
    cpu, wall = time.process_time(), time.perf_counter()
    yield
    got[step] = [peak_mb(), time.process_time() - cpu, time.perf_counter() - wall]
    print(step, *map(round, got[step]), file=sys.stderr, flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url", default="")
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(measure(given.folder, given.url, given.count)))
        return
    with rail() as url, tempfile.TemporaryDirectory() as name:
        write_people(Path(name) / "people.csv", given.count)
        command = [sys.executable, "-m", "benchmarks.generate", "--folder", name, "--url", url]
        command += ["--count", str(given.count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    got = json.loads(done.stdout)
    print(f"{given.count:,} beneficiaries, three rules and a cap: peak resident set, CPU and time")
    for step, (peak, cpu, wall) in got.items():
        print(f"  {step:<10} {peak:5.0f} MB   {cpu:7.1f} s   {wall:7.1f} s")


if __name__ == "__main__":
    main()
