"""Time: when a payroll is paid, and a scheduler that starts what is due."""

from __future__ import annotations

import contextlib
import time
from typing import Annotated

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .errors import WAITS
from .output import counted, due
from .payrolls import said
from .sending import ended, sent, terminable, when_utc

OFTEN = {
    "twice": "the clock shows this time twice: the first of the two is meant",
    "never": "the clock never shows this time: the moment at which it jumps over it is meant",
    "": "",
}
# A scheduler looks again at least so often: what is scheduled meanwhile, by others, is seen in time.
LOOKS = 15.0


@command(o.MAKING)
def schedule(
    desk: Desk, payroll: o.Payroll, by: o.By,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help='As the wall clock shows it: "2026-12-01 08:00".')],
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Its time zone by name; default: the configured one.")
    ] = "",
) -> int:  # fmt: skip
    """Pay a payroll at a time of the wall clock, and nothing new of it before."""
    made = desk.open().schedule(payroll, at=at, zone=zone, by=by)
    note = [OFTEN[made.often]] if made.often else []
    return said(
        desk, payroll, f"scheduled by {by}: {made.shown}, {due(made.at)} here", *note,
        "next: gateway scheduler, or gateway run --forever", at=when_utc(made.at), shown=made.shown, often=made.often,
    )  # fmt: skip


@command(o.MAKING)
def unschedule(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Let a payroll wait for no moment any more: once approved, it goes with the next run."""
    desk.open().unschedule(payroll, by=by, reason=reason)
    return said(desk, payroll, f"unscheduled by {by}: it goes with the next run")


@command(o.LOOKING)
def schedules(desk: Desk) -> int:
    """Every payroll that waits for its moment, the next one first."""
    found = desk.open().schedules()
    if found:
        rows = [(one.shown, due(one.at), one.name, one.by) for one in found]
        desk.out.table(("pay at", "here", "payroll", "scheduled by"), rows)
    else:
        desk.out.say("nothing is scheduled")
    desk.out.stream({**attrs.asdict(one), "at": when_utc(one.at)} for one in found)
    return 0


@command(o.SENDING)
def scheduler(
    desk: Desk,
    once: Annotated[bool, typer.Option("--once", help="Start what is due now, and end: for cron.")] = False,
) -> int:  # fmt: skip
    """Start what is scheduled and due, and only that. `gateway run --forever` does it, too; both at once do no harm."""
    paymaster = desk.open()
    with terminable(), contextlib.suppress(KeyboardInterrupt):
        while True:
            report = paymaster.start_due()
            if once:
                desk.out.result(sent(report))
                return ended(desk.out, report)
            left = (report.next_due / 1_000_000 - time.time()) if report.next_due else LOOKS
            time.sleep(min(max(left, 1.0), LOOKS))
    waiting = paymaster.schedules()
    desk.out.say(f"stopped; {counted(len(waiting), 'payroll')} scheduled")
    desk.out.result({"scheduled": len(waiting)})
    return WAITS if waiting else 0
