"""Many requests at random faults: no false "unsent", none sent twice, none with the answer of another."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import attrs
import httpx

from .laws import Client, Make, Outcome, client

LANES = 16
SECONDS = 0.2
# One request in so many is cancelled while it is under way.
CANCELLED = 50


@attrs.define
class Tally:
    """What came of all requests. `ends` counts answer, unknown, unsent and cancelled."""

    ends: Counter[str] = attrs.field(factory=Counter)
    claimed_unsent: list[int] = attrs.field(factory=list)
    wrong: list[str] = attrs.field(factory=list)
    foreign: Counter[str] = attrs.field(factory=Counter)
    copies: dict[int, int] = attrs.field(factory=dict)

    @property
    def falsely_unsent(self) -> list[int]:
        """Called unsent, and yet read by the server."""
        return [number for number in self.claimed_unsent if self.copies.get(number)]

    @property
    def resent(self) -> list[int]:
        """Read more than once."""
        return [number for number, copies in self.copies.items() if copies > 1]

    def note(self, number: int, met: Outcome) -> None:
        """One exchange ended."""
        self.ends[met.end] += 1
        if met.end == "unsent":
            self.claimed_unsent.append(number)
        if met.error is not None and not isinstance(met.error, httpx.TransportError):
            self.foreign[f"{type(met.error).__module__}.{type(met.error).__name__}"] += 1
        if met.end == "answer" and met.status == 200 and met.body != b"%d" % number:
            self.wrong.append(f"request {number} got {met.body[:20]!r}")

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {end}" for end, count in sorted(self.ends.items()))
        return (
            f"{self.ends.total()} requests ({ends}): {len(self.falsely_unsent)} falsely unsent, {len(self.resent)} "
            f"sent twice, {len(self.wrong)} wrong answers, {self.foreign.total()} foreign errors"
        )


def stress(make: Make, requests: int, seed: int, *, tls: bool = False) -> Tally:
    """Send so many requests over 16 lanes, each with a transport of its own, to a server that misbehaves at random."""
    tally = Tally()
    with _server(seed, tls) as (process, out):
        told = json.loads(out.readline())
        context = ssl.create_default_context(cadata=told["ca"]) if tls else None
        asyncio.run(_all(make, told["url"], context, requests, random.Random(seed), tally))
        assert process.stdin is not None
        process.stdin.close()
        tally.copies = {int(number): copies for number, copies in json.loads(out.readline()).items()}
    return tally


@contextmanager
def _server(seed: int, tls: bool) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    command = [sys.executable, "-m", "gateway_core.testing.wire.chaos", str(seed), *(["tls"] if tls else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


async def _all(
    make: Make, url: str, context: ssl.SSLContext | None, requests: int, chance: random.Random, tally: Tally
) -> None:
    numbers = iter(range(1, requests + 1))

    async def lane() -> None:
        here = client(make, url, SECONDS, context)
        try:
            for number in numbers:
                here.number = number - 1
                if chance.randrange(CANCELLED):
                    tally.note(number, await here.send())
                else:
                    await _cancelled(here, chance.uniform(0, 0.003), tally)
        finally:
            await here.http.aclose()

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def _cancelled(here: Client, seconds: float, tally: Tally) -> None:
    task = asyncio.ensure_future(here.send())
    await asyncio.wait([task], timeout=seconds)
    task.cancel()
    await asyncio.wait([task])
    if task.cancelled():
        tally.ends["cancelled"] += 1
    else:
        tally.note(here.number, task.result())
