"""What durability costs: CPU per payment of Paymaster.run against a bare loop that sends the same bytes.

The bare loop uses the same lanes, sends the very requests that the journal holds, and checks the status: it is what a
careless script would do. The floor is that loop with the least of a journal (benchmarks.floor). Each
round is one fresh process per side, so that none warms another; the ratio is taken round by round. CPU is user + system
of the whole process, from after opening to the end of the last payment.
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
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa

from benchmarks import floor
from benchmarks.rail import rail
from gateway_core import Account, Invoice, Money, Paymaster
from gateway_core.contract.channel import Wiring
from gateway_core.engine.lanes import HttpLane
from gateway_core.engine.wire import wire

LANES = 32
# In this order: the others send what the first one journaled.
SIDES = ("durable", "floor", "bare")
Transport: TypeAlias = Literal["own", "stock"]
Side: TypeAlias = Callable[[Path, str, int, Transport], dict[str, float]]


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


def bare(folder: Path, base_url: str, count: int, transport: Transport, journal: bool = False) -> dict[str, float]:
    """Send the journal's own requests over the same lanes, and check the status; with `journal`, on record."""
    engine = sa.create_engine(f"sqlite:///{folder / 'store.db'}")
    with engine.connect() as connection:
        bodies = connection.execute(sa.text("SELECT body FROM facts WHERE kind = 'intent'")).scalars()
        forms = [(json.loads(body)["request"], body) for body in bodies]
    assert len(forms) == count

    async def lane(kept: floor.Journal | None) -> None:
        here = HttpLane(base_url, None, wiring=Wiring(transport=transport))

        async def send(form: Any) -> bytes:
            status, _, answer = await here.send(wire(form, {}), 30.0, 1 << 20)
            assert status == 201
            return bytes(answer)

        while forms:
            number, (form, body) = len(forms), forms.pop()
            if kept is None:
                await send(form)
            else:
                await floor.pay(kept, number, body, partial(send, form))
        await here.close()

    async def everything() -> None:
        kept = floor.Journal(folder / "floor.db", asyncio.get_running_loop()) if journal else None
        await asyncio.gather(*(lane(kept) for _ in range(LANES)))
        if kept is not None:
            kept.close()

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


def rounds(count: int, times: int, transport: Transport) -> None:
    """Measure and print."""
    took: dict[str, list[float]] = {side: [] for side in SIDES}
    walls = []
    with rail() as url:
        for number in range(times):
            with tempfile.TemporaryDirectory() as name:
                done = {side: in_process(side, Path(name), url, count, transport) for side in SIDES}
            for side, one in done.items():
                took[side].append(one["cpu"] / count * 1e6)
            walls.append(count / done["durable"]["wall"])
            print(
                f"  round {number + 1:2}: " + ", ".join(f"{side} {values[-1]:4.0f} us" for side, values in took.items())
            )
    ours = took["durable"]
    table = {
        "gateway-core, us": ours, "floor, us": took["floor"], "bare loop, us": took["bare"],
        "ratio to the floor": _ratios(ours, took["floor"]), "ratio to the bare loop": _ratios(ours, took["bare"]),
        "floor to the bare loop": _ratios(took["floor"], took["bare"]),
    }  # fmt: skip
    middle = statistics.median
    print(f"\nCPU per payment, {times} rounds of {count:,}, {LANES} lanes, {transport} transport (median, min - max)")
    for label, values in table.items():
        print(f"  {label:22} {middle(values):8.2f}   {min(values):.2f} - {max(values):.2f}")
    print(f"  payments per second and core {1e6 / middle(ours):8.0f}")
    print(f"  payments per second, wall    {middle(walls):8.0f}   (the rail shares the machine)")


def _ratios(ones: list[float], others: list[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]


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
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--transport", choices=["own", "stock"], default="own", help="of both sides")
    given = parser.parse_args()
    if given.side:
        sides: dict[str, Side] = {"durable": durable, "floor": partial(bare, journal=True), "bare": bare}
        side = sides[given.side]
        print(json.dumps(side(given.folder, given.url, given.count, given.transport)))
        return
    rounds(given.count, given.pairs, given.transport)
    latency(given.count, 0.05, given.transport)


if __name__ == "__main__":
    main()
