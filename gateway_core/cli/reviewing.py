"""Review: what a checker looks at before approving."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .output import Output, counted

if TYPE_CHECKING:
    from ..lifecycle.reviewing import Review


@command(o.MAKING)
def review(
    desk: Desk, payroll: o.Payroll,
    against: Annotated[
        str, typer.Option("--against", metavar="PAYROLL", help="Compare with this one; default: the last of its kind.")
    ] = "",
    listed: Annotated[int, typer.Option("--listed", metavar="N", min=0, help="Show so many changes at most.")] = 50,
    changes: Annotated[
        Path | None, typer.Option("--changes", metavar="FILE", help="Write all changes: .csv, .xlsx or .pdf.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Write the whole list: .csv, .xlsx or .pdf.")
    ] = None,
) -> int:  # fmt: skip
    """Before approving: sums by channel, place and payment point, and what differs from the last payroll."""
    paymaster = desk.open()
    found = paymaster.review(payroll, against=against, listed=listed)
    show(desk.out, found)
    written = {}
    if file is not None:
        written[str(file)] = paymaster.export("payroll", file, payroll=found.payroll)
    if changes is not None:
        written[str(changes)] = paymaster.export_changes(found.payroll, changes, against=against)
    for path, rows in written.items():
        desk.out.say(f"{path}: {counted(rows, 'row')}")
    desk.out.result({**attrs.asdict(found), "written": written})
    return 0


def show(out: Output, found: Review) -> None:
    """A review for people."""
    out.say(f"{found.name}: {counted(found.payments, 'payment')}, {found.total} {found.currency}")
    for what, parts in (("channel", found.by_channel), ("place", found.by_place), ("payment point", found.by_point)):
        if parts:
            out.table((what, ">payments", f">{found.currency}"), [(p.name, p.payments, p.total) for p in parts])
    if not found.against:
        out.say("no former payroll to compare with")
        return
    said = ", ".join(f"{count:,} {kind}" for kind, count in found.changes.items() if count) or "no change"
    out.say(f"compared with {found.against}: {said}; {found.unchanged:,} unchanged")
    if found.listed:
        rows = [(c.kind, c.beneficiary, c.name, c.before, c.now, c.account_before, c.account_now) for c in found.listed]
        columns = ("what changed", "beneficiary", "name", ">before", ">now", "account before", "account now")
        out.table(columns, rows)
