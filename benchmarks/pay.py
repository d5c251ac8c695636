"""What durability costs: CPU per payment of Paymaster.run against a bare loop that sends the same bytes.

The bare loop uses the same lanes, sends the very requests that the journal holds, and checks the status: it is what a
careless script would do. Each pair is one fresh process per side, so that neither warms the other; the ratio is taken
pair by pair. CPU is user + system of the whole process, from after opening to the end of the last payment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from benchmarks.rail import rail
from gateway_core import Account, Invoice, Money, Paymaster
from gateway_core.contract.channel import Wiring
from gateway_core.engine.lanes import HttpLane
from gateway_core.engine.wire import wire

LANES = 32
Transport: TypeAlias = Literal["own", "stock"]


def invoices(count: int) -> Iterator[Invoice]:
    """Plausible invoices."""
    for i in range(count):
        yield Invoice(
            id=f"INV-{i:07d}", beneficiary=f"HH-{i:07d}", name=f"Beneficiary {i}",
            account=Account("wallet", f"w-{256700000000 + i}"), amount=Money(50_000 + i % 200_000, "UGX"),
            programme="child-grant", cycle="2026-11",
        )  # fmt: skip


def configuration(folder: Path, base_url: str, transport: Transport = "own") -> dict[str, Any]:
    """One dummy channel."""
    channel = {
        "gateway": "dummy_server", "base_url": base_url, "max_concurrency": LANES, "transport": transport,
    }  # fmt: skip
    return {
        "deployment": "benchmark", "environment": "test", "store": f"sqlite:///{folder / 'store.db'}",
        "mark_dir": str(folder / "marks"), "channels": {"dummy": channel},
    }  # fmt: skip


def durable(folder: Path, base_url: str, count: int, transport: Transport) -> dict[str, float]:
    """Propose and approve, then measure the run."""
    with Paymaster.open(configuration(folder, base_url, transport), create=True) as paymaster:
        payroll = paymaster.propose("benchmark", invoices(count), channel="dummy", by="amina")
        paymaster.approve(payroll, by="joseph")
        begun, cpu = time.perf_counter(), time.process_time()
        report = paymaster.run(payroll, wait=None)
        used = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun}
        assert report.finished and paymaster.status(payroll)[0].counts == {"paid": count}
    return used


def bare(folder: Path, base_url: str, count: int, transport: Transport) -> dict[str, float]:
    """Send the journal's own requests over the same lanes, and check the status."""
    engine = sa.create_engine(f"sqlite:///{folder / 'store.db'}")
    with engine.connect() as connection:
        bodies = connection.execute(sa.text("SELECT body FROM facts WHERE kind = 'intent'")).scalars()
        forms = [json.loads(body)["request"] for body in bodies]
    assert len(forms) == count

    async def lane() -> None:
        here = HttpLane(base_url, None, wiring=Wiring(transport=transport))
        while forms:
            status, _, _ = await here.send(wire(forms.pop(), {}), 30.0, 1 << 20)
            assert status == 201
        await here.close()

    async def everything() -> None:
        await asyncio.gather(*(lane() for _ in range(LANES)))

    begun, cpu = time.perf_counter(), time.process_time()
    asyncio.run(everything())
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - begun}


def in_process(side: str, folder: Path, base_url: str, count: int, transport: Transport) -> dict[str, float]:
    """One side in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.pay", "--side", side, "--folder", str(folder), "--url", base_url]
    done = subprocess.run(
        [*command, "--count", str(count), "--transport", transport], check=True, capture_output=True, text=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def pairs(count: int, times: int, transport: Transport) -> None:
    """Measure and print."""
    ratios, ours, loops, walls = [], [], [], []
    with rail() as url:
        for number in range(times):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                one, other = (in_process(side, folder, url, count, transport) for side in ("durable", "bare"))
            ours.append(one["cpu"] / count * 1e6)
            loops.append(other["cpu"] / count * 1e6)
            ratios.append(one["cpu"] / other["cpu"])
            walls.append(count / one["wall"])
            print(f"  pair {number + 1:2}: {ours[-1]:6.0f} us against {loops[-1]:6.0f} us, ratio {ratios[-1]:.2f}")
    middle = statistics.median
    print(f"\nCPU per payment, {times} pairs of {count:,}, {LANES} lanes, {transport} transport (median, min - max)")
    for label, values in (("gateway-core, us", ours), ("bare loop, us", loops), ("ratio", ratios)):
        print(f"  {label:18} {middle(values):8.2f}   {min(values):.2f} - {max(values):.2f}")
    print(f"  payments per second and core {1e6 / middle(ours):8.0f}")
    print(f"  payments per second, wall    {middle(walls):8.0f}   (the rail shares the machine)")


def latency(count: int, seconds: float, transport: Transport) -> None:
    """Throughput when the provider takes its time."""
    with rail(seconds) as url, tempfile.TemporaryDirectory() as name:
        one = in_process("durable", Path(name), url, count, transport)
    print(f"\nAt {seconds * 1000:.0f} ms of provider latency, {LANES} lanes: {count / one['wall']:.0f} payments/s")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--side", choices=["durable", "bare"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--transport", choices=["own", "stock"], default="own", help="of both sides")
    given = parser.parse_args()
    if given.side:
        side = durable if given.side == "durable" else bare
        print(json.dumps(side(given.folder, given.url, given.count, given.transport)))
        return
    pairs(given.count, given.pairs, given.transport)
    latency(given.count, 0.05, given.transport)


if __name__ == "__main__":
    main()
