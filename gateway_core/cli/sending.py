"""The money: send what is approved, find out what is unknown; receive callbacks."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from ..model.errors import WrongState
from ..model.states import SENDS, SETTLED
from . import options as o
from .app import command
from .desk import Desk
from .errors import DONE, HELD, WAITS
from .output import Output, counted, due, when
from .progress import progress

if TYPE_CHECKING:
    from ..channels import Configuration
    from ..lifecycle.running import Report
    from ..paymaster import Paymaster

Panel = o.SENDING
# A payroll in these was approved: running it again is never wrong.
APPROVED = SENDS | {"reconciled"}


@command(Panel)
def run(
    desk: Desk, payroll: o.AnyPayroll = None, wait: o.Wait = 0.0,
    forever: Annotated[bool, typer.Option("--forever", help="Serve: go on with whatever is approved.")] = False,
) -> int:  # fmt: skip
    """Send what is approved and unfinished, and find out what is unknown. Run again, it goes on where it was."""
    paymaster = desk.open()
    if payroll and (state := paymaster.status(payroll)[0].state) not in APPROVED:
        raise WrongState(f"payroll {payroll!r} is {state.replace('_', ' ')}; only what was approved is paid")
    try:
        report = send(desk, paymaster, payroll, wait, forever=forever)
    except KeyboardInterrupt:
        if not forever:
            raise
        # How a service ends: in order, and nothing is wrong with it.
        desk.out.say("stopped; what is left waits for the next run")
        return DONE
    desk.out.result(sent(report))
    return ended(desk.out, report)


def send(desk: Desk, paymaster: Paymaster, payroll: str | None, wait: float, *, forever: bool = False) -> Report:
    """Be the sender, with a bar. A TERM signal ends it in order, as Ctrl-C does: what is in flight is finished."""
    with terminable(), progress(desk.out, "paying", _left(paymaster, payroll)) as step:
        return paymaster.run(payroll, wait=wait, progress=step, serve=forever)


def _left(paymaster: Paymaster, payroll: str | None) -> int:
    open_ = [status for status in paymaster.status(payroll) if status.state in ("approved", "ongoing")]
    return sum(count for status in open_ for state, count in status.counts.items() if state not in SETTLED)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """A TERM signal ends what runs inside as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def sent(report: Report) -> dict[str, Any]:
    """How a run ended, for machines."""
    return {**attrs.asdict(report), "next_due": when_utc(report.next_due), "exit": code_of(report)}


def when_utc(us: int | None) -> str | None:
    """A moment for machines: ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(-(-us // 1_000_000))) if us else None


def code_of(report: Report) -> int:
    """4 wins over 3: what waits goes on by itself, and may yet be held."""
    if not report.finished:
        return WAITS
    return HELD if report.held else DONE


def ended(out: Output, report: Report) -> int:
    """How a run ended, for people. Returns the exit code."""
    for name, why in report.skipped.items():
        out.say(f"skipped {name!r}: {why}")
    for channel, why in report.stopped_channels.items():
        out.say(
            f"channel {channel} was stopped by its rail: {why}; `gateway lift-stop {channel} --by YOU` uses it again"
        )
    if report.waiting:
        due_at = f"next due {due(report.next_due)}; `gateway run --wait 60` waits for them" if report.next_due else ""
        out.say(f"{counted(report.waiting, 'payment')} still to settle: {due_at or 'nothing is due by itself'}")
    if report.held:
        out.say(f"{counted(report.held, 'payment')} held: `gateway holds` lists them, `gateway release` decides")
    if report.held_files:
        out.say(f"{counted(report.held_files, 'file')} held: `gateway documents` lists them, `gateway release` decides")
    if not report.waiting and not report.held:
        out.say("nothing is left")
    return code_of(report)


@command(Panel)
def callbacks(
    desk: Desk,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Another address than the channels'.")
    ] = "",
) -> int:  # fmt: skip
    """Only receive callbacks: store and answer. A `gateway run` beside it, or later, acts on them."""
    import asyncio

    desk.open()
    configuration = desk.configuration()
    with terminable(), contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_receive(desk, _addresses(configuration, listen), "--listen" if listen else ""))
    desk.out.say(f"stopped at {when(time.time_ns() // 1000)}")
    return 0


def _addresses(configuration: Configuration, listen: str) -> dict[str, dict[str, Any]]:
    """{address: {channel name: channel}}: all channels on the given address, or each on its own."""
    if listen:
        _checked(listen)
    channels = {name: configuration.channel(name) for name in configuration.channel_names}
    found: dict[str, dict[str, Any]] = {}
    for name, channel in channels.items():
        if at := listen or channel.listen:
            found.setdefault(at, {})[name] = channel
    if not found:
        raise typer.BadParameter('no channel has `listen = "HOST:PORT"`; set it, or give --listen')
    return found


def _checked(listen: str) -> None:
    from ..channels import addresses
    from ..channels.problems import Wrong

    try:
        addresses.listen(listen)
    except Wrong as wrong:
        raise typer.BadParameter(f'--listen {wrong.reason}; write HOST:PORT such as "127.0.0.1:8089"') from None


async def _receive(desk: Desk, addresses: dict[str, dict[str, Any]], option: str) -> None:
    import asyncio

    from ..lifecycle.running import bind, callback_server

    # All of them, before it is said of any that it receives.
    sockets = [bind(at, option or f"channels.{next(iter(here))}.listen") for at, here in addresses.items()]
    servers = []
    for address, channels in addresses.items():
        servers.append(callback_server(desk.store(), channels, address, lambda: time.time_ns() // 1000))
        for name in channels:
            desk.out.say(f"receiving at http://{address}/callbacks/{name}")
    await asyncio.gather(*(server.serve(sockets=[here]) for server, here in zip(servers, sockets, strict=True)))
