"""The same worlds without a simulator: a stock asyncio loop, real httpx clients, threads, SQLite files, marks.

Only the wire is ours: a transport under httpx that loses, delays and doubles as the tape says, and raises what httpx
raises. Time runs FAST times as fast. Draws come in another order each time, so that a failure tells its story but may
not come again; what these runs try is the runtime, the lanes and SQL, not the logic.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from ...contract.channel import Channel
from ...contract.policies import Policies
from ...engine.callbacks import CallbackApp
from ...engine.driver import Driver
from ...engine.lanes import HttpLane
from ...engine.mark import Mark
from ...engine.runtime import AsyncioRuntime
from ...engine.wire import Wire
from ...lifecycle import running
from ...store import Store, clock, opening, stops
from .chance import Tape
from .faces import PlainFace, Reply
from .home import CHANNEL, DEPLOYMENT, EPOCH, Kind, furnish
from .lanes import FAULTS, LATE
from .oracles import HINT, End, at_the_end
from .provider import Provider
from .rails import channel
from .rows import approved_lines
from .shape import Shape
from .watch import Violation, Watch

FAST = 300
SECOND = 1_000_000
# Times of the world, in its own seconds. The last two are a minute and ten of ours: a busy machine is no fault.
CALM, PATIENCE = 250, 150
LEASE, DEADLINE = 60 * FAST, 600 * FAST
_began = time.monotonic()


def now() -> int:
    """UTC microseconds of the world."""
    return EPOCH + int((time.monotonic() - _began) * SECOND * FAST)


class FastRuntime(AsyncioRuntime):
    """The real runtime with a clock that runs faster."""

    def now(self) -> int:
        """See Runtime."""
        return now()

    async def wait(self, event: Any, us: int | None) -> None:
        """See Runtime."""
        await super().wait(event, None if us is None else us // FAST)

    async def sleep(self, us: int) -> None:
        """See Runtime."""
        await super().sleep(us // FAST)


class LiveStage:
    """What the provider needs of a stage, on a running loop."""

    def __init__(self, tape: Tape) -> None:
        self.tape, self._began = tape, now()
        self._loop = asyncio.get_running_loop()
        self.pending: set[asyncio.TimerHandle] = set()

    @property
    def now(self) -> int:
        """Microseconds since it began."""
        return now() - self._began

    def true_time(self) -> int:
        """UTC microseconds."""
        return now()

    def after(self, us: int, act: Callable[[], None]) -> None:
        """Let `act` happen `us` of the world from now."""

        def happens() -> None:
            self.pending.discard(handle)
            act()

        handle = self._loop.call_later(max(us, 0) / SECOND / FAST, happens)
        self.pending.add(handle)


class SimTransport(httpx.AsyncBaseTransport):
    """httpx's way out: the faults of `lanes.FAULTS`, told by the exceptions that httpx has for them."""

    def __init__(self, world: RealWorld) -> None:
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One exchange."""
        world, stage = self._world, self._world.stage
        content = await request.aread()
        kind = tuple((b"Content-Type", value) for name, value in request.headers.raw if name == b"Content-Type")
        sent = Wire(request.method, request.url.raw_path.decode(), kind, content)
        odds = 0.0 if world.calm() else world.shape.odds
        fault = stage.tape.pick(FAULTS, f"{sent.method} {sent.target}", odds)
        if fault == "connection refused":
            raise httpx.ConnectError("refused", request=request)
        world.watched(sent)
        box: list[Reply] = []
        if fault not in ("request lost", "5xx before effect"):
            late = LATE[0] if fault == "request late" else 0.05
            stage.after(int(late * SECOND), partial(self._arrive, sent, False, box))
        if fault == "delivered twice":
            stage.after(7 * SECOND, partial(self._arrive, sent, True, []))
        if fault in ("request lost", "answer lost", "request late"):
            await asyncio.sleep(30 / FAST)
            raise httpx.ReadTimeout("", request=request)
        while fault != "5xx before effect" and not box:
            await asyncio.sleep(0.1 / FAST)
        return _response(fault, box)

    def _arrive(self, sent: Wire, repeated: bool, box: list[Reply]) -> None:
        box.append(self._world.provider.receive(sent, repeated, False))


def _response(fault: str, box: list[Reply]) -> httpx.Response:
    if fault.startswith("5xx"):
        return httpx.Response(503, content=b"<html>busy</html>")
    if fault == "garbage":
        return httpx.Response(200, content=b"<html>")
    status, headers, body = box[0]
    return httpx.Response(status, headers=headers, content=body)


class RealWorld:
    """One schedule in `folder`. `run` raises Violation; call it on a loop, under `clock.stepped(now)`."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.folder, self.tape = folder, Tape(seed)
        shape = Shape.drawn(self.tape)
        self.shape = shape
        self.channel: Channel = channel(
            CHANNEL, three_asks=shape.three_asks, dedupes=shape.dedupes, finds_out=shape.finds_out,
            callbacks=shape.callbacks, longest_request=shape.longest_request, dedupe_window=shape.window,
            max_concurrency=shape.concurrency, patience=PATIENCE, ask_at_most=40,
        )  # fmt: skip
        self.acked: list[tuple[str, bytes, str]] = []
        self.runs = 0
        self._broken: list[Violation] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def calm(self) -> bool:
        """Faults are over."""
        return self.stage.now > CALM * SECOND

    def watched(self, sent: Wire) -> None:
        """A lane takes every exception for silence, this one, too: it is raised again when the run is over."""
        try:
            self.watch.leaves(sent)
        except Violation as violation:
            self._broken.append(violation)

    async def run(self) -> list[str]:
        """The whole schedule; returns the states in the end."""
        self.stage = LiveStage(self.tape)
        store = await asyncio.to_thread(self._made)
        try:
            with closing(sqlite3.connect(self.folder / "store.db", check_same_thread=False)) as raw:
                return await self._on(store, raw)
        finally:
            await asyncio.to_thread(opening.close_store, store)

    def _made(self) -> Store:
        store = opening.open_store(f"sqlite:///{self.folder / 'store.db'}", DEPLOYMENT, "test", create=True)
        kind = Kind(self.shape.payments, self.shape.missing, self.channel.fingerprint)
        with closing(sqlite3.connect(self.folder / "store.db")) as raw:
            furnish(store, raw, kind)
        Mark(self.folder, store).reset(0, 0, b"")
        return store

    async def _on(self, store: Store, raw: sqlite3.Connection) -> list[str]:
        face = PlainFace()
        self.watch = Watch(raw, approved_lines(raw), face)
        window = int((self.shape.window + 200) * SECOND)
        stage: Any = self.stage
        self.provider = Provider(
            stage, face, self.shape.dedupes, window, self.shape.callbacks, self.shape.odds, self.calm, self._call
        )  # fmt: skip
        app = CallbackApp(store, {CHANNEL: self.channel}, now)
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://callbacks.invalid")
        try:
            while self._open(raw):
                await self._visit(store)
                await asyncio.sleep(2 / FAST)
        finally:
            for handle in list(self.stage.pending):
                handle.cancel()
            await asyncio.gather(*self._tasks)
            await self._http.aclose()
        # Whoever called back last is heard, too: by a run that nothing cuts short.
        await self._visit(store, last=True)
        end = End(raw, self.provider.ledger, self.acked, frozenset(), not any(self.tape.choices))
        return [row.state for row in at_the_end(end)]

    def _open(self, raw: sqlite3.Connection) -> bool:
        if self.stage.now > DEADLINE * SECOND:
            return False
        (due,) = raw.execute("SELECT count(*) FROM payments WHERE open").fetchone()
        return bool(due or self.stage.pending or self._tasks)

    async def _visit(self, store: Store, last: bool = False) -> None:
        """One run; now and then it is cut short, as by a lost machine: whatever was under way stays as it is."""
        self.runs += 1
        runtime = FastRuntime()
        stops.lift(store, CHANNEL, "joseph")
        mark = Mark(self.folder, store)
        mark.check()
        driver = Driver(
            runtime, store, lambda name: self.channel, Policies(), self._lane, mark, lease=LEASE * SECOND,
            poll=5 * SECOND,
        )  # fmt: skip
        work = asyncio.ensure_future(self._guarded(runtime, driver))
        if not (last or self.calm()) and self.tape.chance(f"run {self.runs} is cut short", self.shape.crash_odds * 30):
            self.stage.after(self.tape.pick((1, 3, 10, 40), "after seconds", 0.7) * SECOND, lambda: _cut(work))
        try:
            await work
        except asyncio.CancelledError:
            ours = asyncio.current_task()
            if not work.cancelled() or (ours is not None and ours.cancelling()):
                raise
        finally:
            mark.close()
            if self._broken:
                raise self._broken[0]

    async def _guarded(self, runtime: FastRuntime, driver: Driver) -> None:
        # Made here, and not by whoever spawns this: a task that is cancelled before its first step awaits nothing.
        await running.guarded(runtime, self._drive(runtime, driver))

    async def _drive(self, runtime: FastRuntime, driver: Driver) -> None:
        await driver.start()
        await running.drive_all(runtime, driver, None, 60.0, {}, lambda name: self.channel, serve=False)
        await driver.finish()

    def _lane(self, channel: Channel) -> HttpLane:
        return HttpLane(channel.settings.base_url, None, SimTransport(self))

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _call(self, body: bytes, headers: dict[str, str], says: str, after: int) -> None:
        self.stage.after(after, partial(self._spawn, self._deliver, body, headers, says))

    def _spawn(self, work: Callable[..., Coroutine[Any, Any, None]], *given: Any) -> None:
        task = asyncio.ensure_future(work(*given))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, body: bytes, headers: dict[str, str], says: str) -> None:
        reply = await self._http.post(f"/callbacks/{CHANNEL}/", content=body, headers=headers)
        key = self.channel.gateway.parse_callback(_arrived(body, headers))
        if reply.is_success and key:
            self.acked.append((key.key, body, says if key.authentic else HINT))


def _arrived(body: bytes, headers: dict[str, str]) -> Any:
    from ...contract.replies import Arrival
    from ...model.moments import as_time

    return Arrival("POST", "/", headers, body, as_time(now()))


def _cut(work: asyncio.Future[Any]) -> None:
    work.cancel()


async def together(folder: Path, seeds: list[str], beside: int) -> list[str]:
    """So many schedules, some beside one another on one loop. Returns all states in the end.

    After a violation the others are ended first, so that they leave nothing open.
    """
    free, states = asyncio.Semaphore(beside), list[str]()

    async def one(seed: str) -> None:
        async with free:
            place = folder / seed.replace(":", "-")
            place.mkdir()
            world = RealWorld(place, seed)
            try:
                states.extend(await world.run())
            except Violation as broken:
                story = "\n".join([f"{broken.what} (world {seed})", *world.tape.story()])
                raise Violation(broken.law, story) from broken

    with clock.stepped(now):
        try:
            async with asyncio.TaskGroup() as group:
                for seed in seeds:
                    group.create_task(one(seed))
        except* Violation as broken:
            raise broken.exceptions[0] from None
    return states
