"""What a request costs: CPU per POST through a lane, our transport beside httpx's own, plain and over TLS.

A round measures every side, each in a fresh process, one after the other: CPU drifts on a shared machine, and so it
drifts for all alike. `floor` is a lane over a transport that does nothing: what httpx and the lane take by themselves.
CPU is user + system of the whole process, from after the first request of every lane.
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
from pathlib import Path

import httpx

from benchmarks.rail import rail
from gateway_core.contract.channel import Wiring
from gateway_core.engine.lanes import HttpLane
from gateway_core.engine.wire import Wire
from gateway_core.testing.wire.certificates import authority

LANES = 32
LIMITS = {"plain": 300.0, "tls": 350.0}
BODY = json.dumps(
    {"key": "k" * 36, "account": "w-256700000000", "amount": 50_000, "currency": "UGX", "note": "n" * 250}
)
PAY = Wire("POST", "/payments", ((b"Content-Type", b"application/json"), (b"X-Key", b"k" * 36)), BODY.encode())
ANSWER = BODY.encode()


class Nothing(httpx.AsyncBaseTransport):
    """Answers at once."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """No network."""
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(ANSWER))]
        return httpx.Response(201, headers=headers, stream=httpx.ByteStream(ANSWER), request=request)


def lane(side: str, url: str, ca: str) -> HttpLane:
    """A lane of one side."""
    if side == "floor":
        return HttpLane(url, None, Nothing())
    return HttpLane(url, None, wiring=Wiring(transport="own" if side == "own" else "stock", ca_file=ca))


async def measure(side: str, url: str, ca: str, count: int) -> float:
    """CPU per POST, in microseconds."""
    lanes = [lane(side, url, ca) for _ in range(LANES)]
    for here in lanes:
        await here.send(PAY, 30.0, 1 << 20)
    left = iter(range(count))

    async def one(here: HttpLane) -> None:
        for _ in left:
            status, _, _ = await here.send(PAY, 30.0, 1 << 20)
            assert status == 201

    cpu = time.process_time()
    await asyncio.gather(*(one(here) for here in lanes))
    used = time.process_time() - cpu
    for here in lanes:
        await here.close()
    return used / count * 1e6


def in_process(side: str, url: str, ca: str, count: int) -> float:
    """One side in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.wire", "--side", side, "--url", url, "--ca", ca, "--count", str(count)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rounds(over: str, times: int, count: int, folder: Path) -> dict[str, list[float]]:
    """Every side, so many times, in turn."""
    pem, ca = folder / "server.pem", folder / "ca.pem"
    pem.touch(0o600)
    pem.write_text(authority().issue("server"))
    ca.write_text(authority().pem)
    found: dict[str, list[float]] = {"floor": [], "own": [], "stock": []}
    with rail(pem=str(pem) if over == "tls" else "") as url:
        for _ in range(times):
            for side, values in found.items():
                values.append(in_process(side, url, str(ca) if over == "tls" else "", count))
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--side", choices=["floor", "own", "stock"])
    parser.add_argument("--url", default="")
    parser.add_argument("--ca", default="")
    given = parser.parse_args()
    if given.side:
        print(asyncio.run(measure(given.side, given.url, given.ca, given.count)))
        return
    print(
        f"CPU per POST in us, {given.rounds} rounds of {given.count:,} requests, {LANES} in flight (median, min - max)"
    )
    with tempfile.TemporaryDirectory() as name:
        for over, limit in LIMITS.items():
            found = rounds(over, given.rounds, given.count, Path(name))
            for side, values in found.items():
                print(f"  {over:6} {side:6} {statistics.median(values):6.0f}   {min(values):.0f} - {max(values):.0f}")
            ratios = [stock / own for own, stock in zip(found["own"], found["stock"], strict=True)]
            kept = "kept" if statistics.median(found["own"]) <= limit else "NOT KEPT"
            print(f"  {over:6} stock is {statistics.median(ratios):.1f} times ours; limit {limit:.0f} us: {kept}")


if __name__ == "__main__":
    main()
