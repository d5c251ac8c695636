"""Two senders on one PostgreSQL store against one: payments per second, and what bounds them.

Each pair is one payroll paid by one sender and another of the same size paid by two, in fresh processes on fresh
stores; the ratio is taken pair by pair. Time is from the first intent to the last outcome in the journal. The rail, the
database and the senders share the machine: how busy its cores were, and how long a COMMIT takes, says what bounds them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from benchmarks.pay import LANES, configuration, invoices
from benchmarks.rail import rail
from gateway_core import Paymaster
from gateway_core.testing.postgresql import Cluster, Missing, Schemas, connected, find

SPAN = "SELECT (max(at) - min(at)) / 1e6 FROM facts WHERE kind IN ('intent', 'outcome')"
SHARES = "SELECT count(*) FROM facts WHERE kind = 'outcome' GROUP BY session ORDER BY 1 DESC"
PROBES = 100


@attrs.frozen
class Run:
    """Payments per second, the share of the machine's cores that was busy, CPU of a sender per payment in us."""

    rate: float
    busy: float
    cpu: float
    shares: list[int]


@contextlib.contextmanager
def stores() -> Iterator[Schemas]:
    """Stores on the server that is there, or on one that is started."""
    started = None
    try:
        server = find()
    except Missing:
        started = Cluster().start()
        server = started.url
    place = Schemas(server, f"gateway_core_benchmark_{os.getpid()}")
    try:
        yield place
    finally:
        place.remove()
        if started is not None:
            started.remove()


def send(config: dict[str, Any]) -> None:
    """One sender in a process of its own: ready, a line to begin, and what it used."""
    with Paymaster.open(config) as paymaster:
        print("ready", flush=True)
        sys.stdin.readline()
        cpu = time.process_time()
        paymaster.run(wait=None)
        print(json.dumps({"cpu": time.process_time() - cpu}))


def paid(place: Schemas, name: str, folder: Path, rail_url: str, count: int, senders: int) -> Run:
    """A fresh store and payroll, paid by so many senders at once."""
    config = configuration(folder, rail_url) | {"deployment": f"benchmark-{name}", "store": place.store(name)}
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("benchmark", invoices(count), channel="dummy", by="amina")
        paymaster.approve(payroll, by="joseph")
    command = [sys.executable, "-m", "benchmarks.senders", "--send", json.dumps(config)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(senders)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    before, begun = _busy(), time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    used = [json.loads(process.communicate()[0]) for process in processes]
    busy = (_busy() - before) / (time.perf_counter() - begun) / (os.cpu_count() or 1)
    with connected(config["store"]) as connection:
        span = float(connection.exec_driver_sql(SPAN).scalar() or 0)
        shares = list(connection.exec_driver_sql(SHARES).scalars())
    assert sum(shares) == count, f"{shares} of {count} were paid"
    return Run(count / span, busy, sum(each["cpu"] for each in used) / count * 1e6, shares)


def _busy() -> float:
    """Seconds of all cores since the machine began that were not idle, whoever used them; 0 where nobody tells."""
    try:
        user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:8])
    except OSError:
        return 0.0
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def commit_time(place: Schemas) -> float:
    """Milliseconds of one COMMIT on this server, median."""
    times = []
    with connected(place.store("probe")) as connection:
        connection.exec_driver_sql("CREATE TABLE probe (n int)")
        for _ in range(PROBES):
            begun = time.perf_counter()
            connection.exec_driver_sql("INSERT INTO probe VALUES (1)")
            times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def pairs(place: Schemas, count: int, times: int, latency: float) -> None:
    """Measure and print."""
    ones, twos = [], []
    with rail(latency) as url, tempfile.TemporaryDirectory() as folder:
        for number in range(times):
            names = f"{latency * 1000:.0f}-{number}-1", f"{latency * 1000:.0f}-{number}-2"
            # Who goes first changes: neither gets the warmer half of the machine.
            runs = {senders: paid(place, names[senders - 1], Path(folder), url, count, senders)
                    for senders in ((1, 2) if number % 2 else (2, 1))}  # fmt: skip
            ones.append(runs[1])
            twos.append(runs[2])
            print(f"  pair {number + 1:2}: one {runs[1].rate:6.0f}/s, two {runs[2].rate:6.0f}/s "
                  f"({' + '.join(map(str, runs[2].shares))}), ratio {runs[2].rate / runs[1].rate:.2f}")  # fmt: skip
    middle = statistics.median
    ratios = [two.rate / one.rate for one, two in zip(ones, twos, strict=True)]
    print(
        f"\n{latency * 1000:.0f} ms of provider latency, {LANES} lanes per sender, {times} pairs of {count:,} payments"
    )
    print("  median, min - max; two senders on as many cores as one, beside the rail and the database")
    for label, runs_ in (("one sender, payments/s", ones), ("two senders, payments/s", twos)):
        rates = [run.rate for run in runs_]
        print(f"  {label:26} {middle(rates):8.0f}   {min(rates):.0f} - {max(rates):.0f}"
              f"   cores busy {middle([run.busy for run in runs_]):.0%}, "
              f"{middle([run.cpu for run in runs_]):.0f} us of senders' CPU per payment")  # fmt: skip
    print(f"  {'ratio':26} {middle(ratios):8.2f}   {min(ratios):.2f} - {max(ratios):.2f}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--send", default="")
    given = parser.parse_args()
    if given.send:
        send(json.loads(given.send))
        return
    with stores() as place:
        print(f"{os.cpu_count()} cores for rail, database and senders; a COMMIT takes {commit_time(place):.1f} ms")
        for latency in (0.0, 0.05):
            pairs(place, given.count, given.pairs, latency)


if __name__ == "__main__":
    main()
