"""Running: everything approved and unfinished goes on, in one sender, on a loop in a thread of its own.

The thread makes it safe to call from a script, a Celery task, Django, or inside a running event loop.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import attrs
import uvicorn

from ..contract.channel import Channel
from ..engine import claims
from ..engine.callbacks import CallbackApp
from ..engine.driver import Driver, Job
from ..engine.runtime import AsyncioRuntime, Runtime
from ..model.errors import ConfigurationError, NotFoundError
from ..model.money import Money
from ..model.states import SENDS, UNSENT
from ..store import Store, payments, payrolls
from ..store.database import Record
from .approval import PAUSED_FOR_APPROVAL, fit_to_send
from .asking import balance

T = TypeVar("T")
SECOND = 1_000_000


@attrs.frozen
class Report:
    """How a run ended. `next_due`: UTC microseconds, when something still waits. `skipped`: payroll name to reason.

    `waiting` and `held` count payments over all payrolls that may send.
    """

    finished: bool
    waiting: int
    held: int
    next_due: int | None
    skipped: Mapping[str, str]
    stopped_channels: Mapping[str, str]


def in_thread(work: Callable[[], Coroutine[Any, Any, T]], interrupt: Callable[[], None] = lambda: None) -> T:
    """Run async work to its end on a new loop in a new thread. Ctrl-C asks it to end in order, a second one insists."""
    box: list[T] = []
    failed: list[BaseException] = []

    def body() -> None:
        try:
            box.append(asyncio.run(work()))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body, name="gateway-run")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        interrupt()
        thread.join()
        raise
    if failed:
        raise failed[0]
    return box[0]


async def guarded(runtime: AsyncioRuntime, work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, but end it when any task beside it fails: nothing waits for ever for a writer that is gone."""
    main = asyncio.ensure_future(work)
    runtime.on_failure = main.cancel
    try:
        return await main
    except asyncio.CancelledError:
        if runtime.failed is not None:
            raise runtime.failed from None
        raise
    finally:
        await runtime.close()


def jobs_for(
    store: Store, only: str | None, fingerprints: Callable[[Record], Mapping[str, str]], skipped: dict[str, str]
) -> list[Job]:
    """What may be worked on now; payrolls that may not be sent are paused, and named with the reason."""
    with store.read() as connection:
        rows = payrolls.sending(connection)
        if only is not None:
            wanted = payrolls.get(connection, only).id
            rows = [row for row in rows if row.id == wanted]
    jobs = []
    for row in rows:
        try:
            prints = fingerprints(row)
        except NotFoundError as error:
            # One payroll whose channel is gone from the configuration does not keep the others from being paid.
            skipped[row.name] = str(error)
            continue
        paused, changed = row.paused, dict(prints) != payrolls.channels_of(row)
        if not paused or paused.startswith(PAUSED_FOR_APPROVAL):
            why = fit_to_send(store, row, prints)
            changed = changed or "differ" in why
            paused = _note_pause(store, row, why) if why != paused else why
        if paused:
            skipped[row.name] = paused
        # A payroll whose channel was changed is not even asked about: the questions would go to another address.
        if not changed:
            jobs += [Job(row.id, channel, bool(paused)) for channel in payrolls.channels_of(row)]
    return jobs


def _note_pause(store: Store, row: Record, why: str) -> str:
    """Returns why it is paused now: what a person said meanwhile counts."""
    with store.write() as connection:
        fresh = payrolls.get(connection, row.id)
        if fresh.paused != row.paused:
            return str(fresh.paused)
        kind = "paused" if why else "resumed"
        payrolls.record(connection, store, fresh, kind, "driver", {"reason": why}, paused=why)
    return why


async def funded(
    runtime: Runtime, driver: Driver, jobs: list[Job], skipped: dict[str, str], names: Mapping[str, str]
) -> list[Job]:
    """Has the institution the balance? A payroll that it does not cover waits; what was sent is still asked about."""
    left: dict[str, Money | None] = {}
    fit: list[Job] = []
    for job in jobs:
        with driver.store.read() as connection:
            need = payments.sum_of(connection, job.payroll, job.channel, UNSENT)
        if job.sent_only or need is None:
            fit.append(job)
            continue
        if job.channel not in left:
            left[job.channel] = await balance(
                runtime, driver.channel_of(job.channel), driver.lane, driver.store.deployment
            )
        have = left[job.channel]
        if have is None or have.currency != need.currency:
            fit.append(job)
        elif have.minor >= need.minor:
            left[job.channel] = Money(have.minor - need.minor, have.currency)
            fit.append(job)
        else:
            skipped[names[job.payroll]] = f"channel {job.channel} has {have}, the payroll needs {need}"
            fit.append(attrs.evolve(job, sent_only=True))
    return fit


async def drive(
    runtime: Runtime,
    driver: Driver,
    jobs: list[Job],
    wait: float | None,
    skipped: dict[str, str],
    names: Mapping[str, str],
) -> int | None:
    """One run of a driver that has started. Returns when something is next due."""
    fit = await funded(runtime, driver, jobs, skipped, names)
    deadline = None if wait is None else runtime.now() + int(wait * SECOND)
    await driver.run(fit, deadline)
    await runtime.write(lambda: _paid_out(driver.store, {job.payroll for job in jobs}))
    return driver.next_due


def _paid_out(store: Store, ids: set[str]) -> None:
    for payroll in sorted(ids):
        with store.write() as connection:
            payrolls.paid_out(connection, store, payroll)


def report(store: Store, only: str | None, next_due: int | None, skipped: Mapping[str, str]) -> Report:
    """What is left, read from the store."""
    waiting = held = 0
    with store.read() as connection:
        rows = [payrolls.get(connection, only)] if only else payrolls.listed(connection)
        for row in rows:
            if row.state in SENDS:
                by_state = {state: count for state, count, _ in payments.counts(connection, row.id)}
                waiting += sum(
                    by_state.get(state, 0) for state in ("planned", "ready", "sending", "pending", "unknown")
                )
                held += by_state.get("held", 0)
        stopped = claims.stops(connection)
    return Report(waiting == 0, waiting, held, next_due, dict(skipped), stopped)


def fingerprints_of(row: Record, channel_of: Callable[[str], Channel]) -> dict[str, str]:
    """The present fingerprints of the payroll's channels."""
    return {name: channel_of(name).fingerprint for name in payrolls.channels_of(row)}


async def drive_all(
    runtime: AsyncioRuntime, driver: Driver, only: str | None, wait: float | None, skipped: dict[str, str],
    channel_of: Callable[[str], Channel], *, serve: bool,
) -> int | None:  # fmt: skip
    """Run over everything approved and unfinished; with `serve`, again and again."""
    while True:
        skipped.clear()
        jobs = await runtime.write(
            partial(jobs_for, driver.store, only, partial(fingerprints_of, channel_of=channel_of), skipped)
        )
        names = await runtime.offload(partial(_names, driver.store))
        jobs = [job for job in jobs if not await _channel_stopped(runtime, driver, job, skipped, names)]
        due = await drive(runtime, driver, jobs, 0.0 if serve else wait, skipped, names)
        if not serve or driver.stopping:
            return due
        await runtime.sleep(SECOND)


async def _channel_stopped(
    runtime: AsyncioRuntime, driver: Driver, job: Job, skipped: dict[str, str], names: Mapping[str, str]
) -> bool:
    def read() -> str:
        with driver.store.read() as connection:
            return claims.stops(connection).get(job.channel, "")

    if reason := await runtime.offload(read):
        skipped[names[job.payroll]] = f"its rail stopped channel {job.channel}: {reason}"
    else:
        driver.lifted(job.channel)
    return bool(reason)


def _names(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return {row.id: row.name for row in payrolls.listed(connection)}


@asynccontextmanager
async def listening(store: Store, channels: Mapping[str, Channel], driver: Driver) -> AsyncIterator[None]:
    """Serve the callback application while the driver runs, on each address that a channel listens on."""
    servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
    try:
        for address in sorted({channel.listen for channel in channels.values()}):
            here = {name: channel for name, channel in channels.items() if channel.listen == address}
            bound = _bound(address, next(iter(here)))
            server = callback_server(store, here, address, driver.runtime.now)
            servers.append((server, asyncio.get_running_loop().create_task(server.serve(sockets=[bound]))))
        yield
    finally:
        for server, task in servers:
            server.should_exit = True
            await task


def _bound(address: str, channel: str) -> socket.socket:
    """A socket to listen on. uvicorn's own would end the process when the address is taken."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    try:
        return socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        problem = ConfigurationError(
            f"channels.{channel}.listen", f"is {address}, where this process cannot listen: {error.strerror}",
            "name a free address, or let the process that has it take the callbacks and remove it here",
        )  # fmt: skip
    raise problem


def callback_server(
    store: Store, channels: Mapping[str, Channel], address: str, now: Callable[[], int]
) -> uvicorn.Server:
    """A uvicorn server of the callback application on `host:port`."""
    host, _, port = address.rpartition(":")
    config = uvicorn.Config(
        CallbackApp(store, channels, now), host=host.strip("[]") or "127.0.0.1", port=int(port), log_level="warning",
        access_log=False, lifespan="off", timeout_graceful_shutdown=2,
    )  # fmt: skip
    server = uvicorn.Server(config)
    # The run's own Ctrl-C handling decides; a library takes no signals.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    return server
