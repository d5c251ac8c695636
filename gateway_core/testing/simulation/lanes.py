"""The wire between the driver and the provider: nine ways in which one exchange can go wrong."""

from __future__ import annotations

from collections import Counter
from functools import partial

import attrs

from ...engine.lanes import NoAnswer, NotSent
from ...engine.wire import Wire
from .faces import Reply
from .oracles import Watch
from .provider import Provider
from .steps import SECOND, Process, Stage

FAULTS = (
    "goes well", "request lost", "answer lost", "request late", "delivered twice", "5xx before effect",
    "5xx after effect", "garbage", "connection refused", "stale answer", "answered slowly",
)  # fmt: skip
LATE = (45, 120)
# How a rail that is down treats every exchange.
DOWN = ("request lost", "answer lost", "connection refused", "5xx before effect")


@attrs.define
class Net:
    """All lanes of a world. `under_way` counts the copies of each request that may still land.

    `down`: how every exchange goes just now; '': each goes its own way.
    """

    stage: Stage
    provider: Provider
    watch: Watch
    odds: float
    under_way: Counter[str] = attrs.field(factory=Counter)
    down: str = ""

    def arrive(self, wire: Wire, repeated: bool, box: list[Reply]) -> None:
        """A request reaches the provider."""
        name = _name(wire)
        self.under_way[name] -= 1
        box.append(self.provider.receive(wire, repeated, self.under_way[name] > 0))

    def carry(self, wire: Wire, after: int, repeated: bool, box: list[Reply]) -> None:
        """Let a request arrive after a while."""
        self.under_way[_name(wire)] += 1
        self.stage.after(after, partial(self.arrive, wire, repeated, box))

    def fault(self, wire: Wire) -> str:
        """How this exchange goes."""
        if self.provider.calm():
            return FAULTS[0]
        if self.down:
            return self.down
        return self.stage.tape.pick(FAULTS, f"{wire.method} {wire.target}", self.odds)


@attrs.define
class SimLane:
    """One connection of one process."""

    net: Net
    process: Process
    last: Reply | None = None
    last_at: int = 0

    async def send(self, wire: Wire, timeout: float, limit: int) -> tuple[int, dict[str, str], bytes]:
        """One exchange; see FAULTS."""
        net, stage = self.net, self.net.stage
        fault = net.fault(wire)
        if fault == "connection refused":
            await self.process.sleep(10_000)
            raise NotSent("ConnectError")
        # A process may be stopped between its last check and the socket: nothing can close that gap.
        await self.process.sleep(0)
        net.watch.leaves(wire)
        box: list[Reply] = []
        way = 50_000 + 400_000 * stage.tape.choose(3, "slow network", net.odds / 2)
        if fault not in ("request lost", "5xx before effect"):
            late = stage.tape.pick(LATE, "late by seconds", 0.5) * SECOND if fault == "request late" else way
            net.carry(wire, late, False, box)
        if fault == "delivered twice":
            net.carry(wire, way + 7 * SECOND, True, [])
        patience = int(timeout * SECOND)
        if fault in ("request lost", "answer lost", "request late"):
            await self.process.sleep(patience)
            raise NoAnswer("ReadTimeout")
        await self.process.sleep(25 * SECOND if fault == "answered slowly" else 2 * way)
        return self._answer(fault, box)

    def _answer(self, fault: str, box: list[Reply]) -> Reply:
        if fault in ("5xx before effect", "5xx after effect"):
            return 503, {}, b"<html>busy</html>"
        if fault == "garbage":
            return 200, {}, b"<html>"
        now = self.net.stage.now
        # A client looks whether an idle connection has something to say before it uses it again: a second answer is
        # taken for the next one's only when that follows at once.
        before = self.last if now - self.last_at < SECOND else None
        self.last, self.last_at = box[0], now
        return before if fault == "stale answer" and before is not None else box[0]

    async def close(self) -> None:
        """Nothing to drop."""


def _name(wire: Wire) -> str:
    return f"{wire.method} {wire.target} {wire.body!r}"
