"""Running: everything approved and unfinished goes on, in one sender, on a loop in a thread of its own.

The thread makes it safe to call from a script, a Celery task, Django, or inside a running event loop.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, timedelta, tzinfo
from functools import partial
from typing import Any, TypeAlias, TypeVar

import attrs
import uvicorn

from ..contract.channel import Channel
from ..contract.policies import Policies
from ..engine import tls
from ..engine.callbacks import CallbackApp
from ..engine.driver import Driver, Job
from ..engine.evidence import plain
from ..engine.listener import Listener
from ..engine.runtime import SECOND, AsyncioRuntime, Lane, Runtime
from ..model.errors import ConfigurationError, GatewayCoreError, NotFoundError
from ..model.money import Money
from ..model.states import SENDS
from ..store import Store, document_views, payments, payrolls, stops, suspension
from ..store.database import Record, now_us
from . import checking, scheduling
from .approval import UNSIGNED, fit_to_send
from .cycles import dates
from .funding import ANY, Funds, funded
from .hanging import EVERY
from .levels import PAUSED_FOR_APPROVAL

T = TypeVar("T")
log = logging.getLogger(__name__)
# States of a payroll that may have been paid out.
BEGUN = ("approved", "ongoing")
# While it serves, a sender asks the rails about its certificates this often.
PROBE_EVERY = 900 * SECOND
# Seconds that a connection may lie idle: longer than callers keep theirs, or they would send into one that closes.
IDLE = 75
Probe: TypeAlias = Callable[[Channel], Awaitable[str]]


@attrs.frozen
class Report:
    """How a run ended. `next_due`: UTC microseconds, when something still waits. `skipped`: payroll name to reason.

    `waiting` and `held` count payments over all payrolls that may send, `held_files` files of batch rails.
    """

    finished: bool
    waiting: int
    held: int
    next_due: int | None
    skipped: Mapping[str, str]
    stopped_channels: Mapping[str, str]
    held_files: int = 0


def in_thread(
    work: Callable[[], Coroutine[Any, Any, T]],
    interrupt: Callable[[], None] = lambda: None,
    look: Callable[[], None] = lambda: None,
) -> T:
    """Run async work to its end on a new loop in a new thread. Ctrl-C asks it to end in order, a second one insists.

    Meanwhile `look` is called twice a second; what it raises ends the waiting, and leaves the thread behind.
    """
    box: list[T] = []
    failed: list[BaseException] = []

    def body() -> None:
        try:
            box.append(asyncio.run(work()))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=body, name="gateway-run", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(EVERY)
            look()
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
    except (asyncio.CancelledError, GatewayCoreError):
        # What failed first says why; the rest only followed from it.
        if runtime.failed is not None:
            raise runtime.failed from None
        raise
    finally:
        await runtime.close()


def jobs_for(
    store: Store, only: str | None, fingerprints: Callable[[Record], Mapping[str, str]], skipped: dict[str, str],
    grace: timedelta | None = None, zone: tzinfo = UTC, approvers: Mapping[str, str] = UNSIGNED,
) -> list[Job]:  # fmt: skip
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
        except (NotFoundError, ConfigurationError) as error:
            # A payroll whose channel is gone, or whose plugin is broken, does not keep the others from being paid.
            skipped[row.name] = str(error)
            continue
        row = scheduling.come(store, row.id, grace) if row.pay_at else row
        paused, changed = row.paused, dict(prints) != payrolls.channels_of(row)
        # One that waits for its moment sends nothing: what was approved is compared when it begins.
        if not row.pay_at and (not paused or paused.startswith(PAUSED_FOR_APPROVAL)):
            why = fit_to_send(store, row, prints, approvers)
            changed = changed or "differ" in why
            paused = _note_pause(store, row, why) if why != paused else why
        if not paused:
            with store.read() as connection:
                paused = suspension.why(connection, row.id) or dates.keeps(connection, row, now_us(), zone)
        if paused or row.pay_at:
            skipped[row.name] = paused or scheduling.waits_for(store, row)
        # A payroll whose channel was changed is not even asked about: the questions would go to another address.
        if not changed:
            jobs += [Job(row.id, channel, bool(paused or row.pay_at)) for channel in payrolls.channels_of(row)]
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


async def drive(
    runtime: Runtime,
    driver: Driver,
    jobs: list[Job],
    deadline: int | None,
    skipped: dict[str, str],
    names: Mapping[str, str],
    funds: Funds = ANY,
) -> int | None:
    """One run of a driver that has started. Returns when something is next due."""
    fit = await funded(runtime, driver, jobs, skipped, names, funds)
    await driver.run(fit, deadline)
    await runtime.write(partial(_paid_out, driver.store))
    return driver.next_due


def _paid_out(store: Store) -> None:
    """All that have begun, not only those worked on: who settled the last payment may have died before saying so."""
    with store.read() as connection:
        begun = [row.id for row in payrolls.listed(connection) if row.state in BEGUN]
    for payroll in begun:
        with store.write() as connection:
            payrolls.paid_out(connection, store, payroll)


def report(store: Store, only: str | None, next_due: int | None, skipped: Mapping[str, str]) -> Report:
    """What is left, read from the store."""
    waiting = held = files = 0
    with store.read() as connection:
        rows = [payrolls.get(connection, only)] if only else payrolls.listed(connection)
        for row in rows:
            if row.state in SENDS:
                by_state = {state: count for state, count, _ in payments.counts(connection, row.id)}
                waiting += sum(
                    by_state.get(state, 0) for state in ("planned", "ready", "sending", "pending", "unknown")
                )
                held += by_state.get("held", 0)
                files += document_views.counts(connection, row.id).get("held", 0)
        stopped = stops.standing(connection)
    return Report(waiting == 0, waiting, held, next_due, dict(skipped), stopped, files)


def fingerprints_of(row: Record, channel_of: Callable[[str], Channel]) -> dict[str, str]:
    """The present fingerprints of the payroll's channels."""
    return {name: channel_of(name).fingerprint for name in payrolls.channels_of(row)}


async def drive_all(
    runtime: AsyncioRuntime, driver: Driver, only: str | None, wait: float | None, skipped: dict[str, str],
    channel_of: Callable[[str], Channel], *, serve: bool, probe: Probe | None = None, grace: timedelta | None = None,
    funds: Funds = ANY, zone: tzinfo = UTC, approvers: Mapping[str, str] = UNSIGNED,
) -> int | None:  # fmt: skip
    """Run over everything approved and unfinished; with `serve`, again and again.

    `probe` says beforehand why a channel's rail would take nothing from us; empty if it would. `grace`: see
    `scheduling.come`. `zone`: where the days of cycles begin. `approvers`: whose signatures approvals need. Returns
    when something is next due, which may be a scheduled payroll.
    """
    probed: dict[str, int] = {}
    end: int | None = None
    while True:
        skipped.clear()
        began = runtime.now()
        find = partial(fingerprints_of, channel_of=channel_of)
        jobs = await runtime.write(partial(jobs_for, driver.store, only, find, skipped, grace, zone, approvers))
        names = await runtime.offload(partial(_names, driver.store))
        if probe is not None:
            await _probe(runtime, driver, {job.channel for job in jobs}, probe, probed)
        jobs = [job for job in jobs if not await _channel_stopped(runtime, driver, job, skipped, names)]
        jobs = [job for job in jobs if not _cannot_sign(driver, job, skipped, names)]
        if wait is not None and end is None:
            end = runtime.now() + int(wait * SECOND)
        planned = await runtime.offload(partial(scheduling.next_at, driver.store, only))
        until = runtime.now() if serve else _earlier(end, planned)
        due = await drive(runtime, driver, jobs, until, skipped, names, funds)
        waits = planned is not None and began < planned and (end is None or planned <= end)
        if driver.stopping or not (serve or waits):
            return _earlier(due, planned)
        await runtime.sleep(SECOND)


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((at for at in (one, other) if at is not None), default=None)


async def _probe(
    runtime: AsyncioRuntime, driver: Driver, channels: set[str], probe: Probe, probed: dict[str, int]
) -> None:
    """Stop the channels that would fail for every payment alike. A channel that is stopped is not asked."""
    stopped = (await runtime.offload(partial(_stops, driver.store))).keys()
    for name in sorted(channels - stopped):
        if runtime.now() - probed.get(name, 0) >= PROBE_EVERY:
            probed[name] = runtime.now()
            if why := await probe(driver.channel_of(name)):
                await driver.note_stop(name, why)


def _stops(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return stops.standing(connection)


async def _channel_stopped(
    runtime: AsyncioRuntime, driver: Driver, job: Job, skipped: dict[str, str], names: Mapping[str, str]
) -> bool:
    if reason := (await runtime.offload(partial(_stops, driver.store))).get(job.channel, ""):
        skipped[names[job.payroll]] = f"channel {job.channel} is stopped: {reason}"
    else:
        driver.lifted(job.channel)
    return bool(reason)


def _cannot_sign(driver: Driver, job: Job, skipped: dict[str, str], names: Mapping[str, str]) -> bool:
    try:
        driver.channel_of(job.channel).auth()
    except ConfigurationError as error:
        skipped[names[job.payroll]] = str(error)
        return True
    return False


def _names(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return {row.id: row.name for row in payrolls.listed(connection)}


def listeners(names: Sequence[str], channel_of: Callable[[str], Channel]) -> dict[str, Channel]:
    """The channels that listen. One that cannot be opened does not keep the others' callbacks out."""
    found = {}
    for name in names:
        try:
            channel = channel_of(name)
        except ConfigurationError as error:
            log.error("channel %s takes no callbacks: %s", name, plain(error))
            continue
        if channel.listen:
            found[name] = channel
    return found


@asynccontextmanager
async def listening(
    store: Store, channels: Mapping[str, Channel], now: Callable[[], int], wake: Callable[[], None] = lambda: None,
    *, must: bool = True,
) -> AsyncIterator[None]:  # fmt: skip
    """Serve the callback application meanwhile, on each address that a channel listens on. `wake`: see CallbackApp.

    With `must=False` an address that somebody else serves already is left to them.
    """
    servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
    try:
        for address in sorted({channel.listen for channel in channels.values()}):
            here = {name: channel for name, channel in channels.items() if channel.listen == address}
            try:
                bound = bind(address, f"channels.{next(iter(here))}.listen")
            except ConfigurationError:
                if must:
                    raise
                continue
            server = callback_server(store, here, address, now, wake)
            servers.append((server, asyncio.get_running_loop().create_task(server.serve(sockets=[bound]))))
        yield
    finally:
        for server, task in servers:
            server.should_exit = True
            await task


async def checked(
    runtime: Runtime, store: Store, payroll: str, channel_of: Callable[[str], Channel], policies: Policies,
    lane: Callable[[Channel], Lane], progress: Callable[[int], None], funds: Funds = ANY, zone: tzinfo = UTC,
) -> dict[str, Money | None]:  # fmt: skip
    """`checking.check`, hearing callbacks meanwhile: some rails answer even a question by calling back."""
    with store.read() as connection:
        names = list(payrolls.channels_of(payrolls.get(connection, payroll)))
    async with listening(store, listeners(names, channel_of), runtime.now, must=False):
        return await checking.check(runtime, store, payroll, channel_of, policies, lane, progress, funds, zone)


def bind(address: str, setting: str) -> socket.socket:
    """A socket to listen on. uvicorn's own would end the process when the address is taken.

    Raises ConfigurationError, which names the `setting` that the address is from.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    try:
        return socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        problem = ConfigurationError(
            setting, f"is {address}, where this process cannot listen: {error.strerror}",
            "name a free address, or let the process that has it take the callbacks and remove it here",
        )  # fmt: skip
    raise problem


def callback_server(
    store: Store, channels: Mapping[str, Channel], address: str, now: Callable[[], int],
    wake: Callable[[], None] = lambda: None,
) -> uvicorn.Server:  # fmt: skip
    """A uvicorn server of the callback application on `host:port`. `wake`: see CallbackApp."""
    host, _, port = address.rpartition(":")
    wiring = next((channel.wiring for channel in channels.values() if channel.wiring.listen_certificate), None)
    config = uvicorn.Config(
        CallbackApp(store, channels, now, wake), host=host.strip("[]") or "127.0.0.1", port=int(port), http="httptools",
        ws="none", log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2,
        timeout_keep_alive=IDLE,
    )  # fmt: skip
    if wiring is not None:
        config.load()
        config.ssl = tls.serving(wiring)
    server = Listener(config)
    # The run's own Ctrl-C handling decides; a library takes no signals.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    return server
