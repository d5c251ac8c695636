"""By file: a payroll's list and a provider's statements, tried first, then taken, agreed with by a second person."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .errors import HELD, INPUT
from .looking import timed
from .output import Output, counted, when
from .payrolls import show_bytes

if TYPE_CHECKING:
    from ..reconcile.taking import Change, Taken
    from ..store.statement_views import StatementLineView

Panel = o.CLOSING
SHOWN = 200
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file, CSV or XLSX.")]
Given = Annotated[str, typer.Argument(metavar="STATEMENT", help="A file that was given: its id or name.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell row by row what would change, and write nothing.")]
Replaces = Annotated[str, typer.Option("--replaces", metavar="STATEMENT", help="The earlier file that it replaces.")]
EFFECTS = {
    "agrees": "as we have it", "known": "said before", "differs": "otherwise than we have it: people must look",
    "asks": "not settled: the rail is asked", "second": "a second person settles it: gateway confirm-file",
    "late": "of a closed payroll: a case is opened", "pending": "says nothing definite",
    "proposed": "only proposed: a person decides, gateway decide-line", "unknown": "about none of ours",
}  # fmt: skip


@command(Panel)
def import_list(
    desk: Desk, payroll: o.Payroll, file: File, by: o.By, dry_run: DryRun = False, replaces: Replaces = ""
) -> int:
    """Take a payroll's list (gateway export list) that came back filled in: all of it, or with a mistake nothing."""
    paymaster = desk.open()
    if dry_run:
        return _tried(desk, paymaster.preview_list(payroll, file))
    view = paymaster.import_list(payroll, file, by=by, replaces=replaces)
    return _taken(desk, view)


@command(Panel)
def import_sheet(
    desk: Desk, file: File, channel: o.Channel, by: o.By, dry_run: DryRun = False, replaces: Replaces = ""
) -> int:
    """Take a provider's own statement, read by the columns that the channel's setting `statement` names."""
    paymaster = desk.open()
    if dry_run:
        return _tried(desk, paymaster.preview_sheet(channel, file))
    view = paymaster.import_sheet(channel, file, by=by, replaces=replaces)
    return _taken(desk, view)


def _tried(desk: Desk, taken: Taken) -> int:
    with taken:
        _show(desk.out, taken)
        desk.out.stream(_row(change) for change in taken.changes())
        return INPUT if taken.mistakes else 0


def _show(out: Output, taken: Taken) -> None:
    if out.as_json:
        return
    if taken.known:
        out.say(f"these very bytes were taken before, as {taken.known}: they change nothing")
        return
    out.say(*(f"mistake: {mistake}" for mistake in taken.mistakes[:SHOWN]))
    if left := len(taken.mistakes[SHOWN:]) + taken.more:
        out.say(f"and {counted(left, 'more mistake')}")
    columns = (">line", "payment", "invoice", "says", ">amount", "reference", "ours", "would be")
    rows = [
        (c.line, c.payment, c.invoice, c.says, c.amount, c.reference, c.ours, c.why or EFFECTS[c.effect])
        for c in islice(taken.changes(), SHOWN)
    ]  # fmt: skip
    if rows:
        out.table(columns, rows)
    for one in taken.contradictions[:SHOWN]:
        out.say(f"line {one.line} says {one.now}; file {one.earlier} said {one.before}")
    said = ", ".join(f"{number:,} {effect}" for effect, number in taken.counts.items())
    out.say(f"{counted(taken.lines, 'line')}: {said}; nothing was written")


def _row(change: Change) -> dict[str, Any]:
    return attrs.asdict(change)


def _taken(desk: Desk, view: Any) -> int:
    desk.out.say(f"{view.name} is taken: {counted(view.lines, 'line')}, given by {view.by} ({view.id})")
    desk.out.say(f"next: gateway confirm-file {view.id} --by <another person>, gateway report PAYROLL")
    desk.out.result(timed(attrs.asdict(view)))
    return 0


@command(Panel)
def confirm_file(
    desk: Desk, statement: Given, by: o.By, reason: o.Reason, signature: o.Signature = "",
    show_message: o.ShowMessage = False,
) -> int:  # fmt: skip
    """Agree with a file as its second person: what the rail cannot be asked about, or is held, is settled by it."""
    paymaster = desk.open()
    if show_message:
        return show_bytes(desk.out, paymaster.confirm_message(statement))
    done = paymaster.confirm_file(statement, by=by, reason=reason, signature=signature)
    desk.out.say(f"{counted(done.settled, 'payment')} settled by it, {done.left:,} as before")
    desk.out.result(attrs.asdict(done))
    return 0


@command(Panel)
def withdraw_file(desk: Desk, statement: Given, by: o.By, reason: o.Reason) -> int:
    """A file was given by mistake: its lines count no more."""
    desk.open().withdraw_file(statement, by=by, reason=reason)
    desk.out.say(f"withdrawn by {by}: {reason}")
    desk.out.result({"statement": statement, "state": "withdrawn"})
    return 0


@command(Panel)
def decide_line(
    desk: Desk, statement: Given, line: Annotated[int, typer.Argument(metavar="LINE", min=1)], by: o.By,
    reason: o.Reason,
    accept: Annotated[bool, typer.Option("--accept/--decline", help="It is that payment's; or it is nobody's.")] = True,
) -> int:  # fmt: skip
    """Say of a line that is only proposed, or names none of ours, what it is."""
    desk.open().decide_line(statement, line, accept=accept, by=by, reason=reason)
    word = "accepted" if accept else "declined"
    desk.out.say(f"line {line} is {word} by {by}")
    desk.out.result({"statement": statement, "line": line, "decided": word})
    return 0


@command(o.LOOKING)
def statements(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """Files that people gave: payrolls' lists and providers' statements."""
    found = desk.open().statements(payroll)
    rows = [
        (s.id, s.name, s.kind, s.channel or ", ".join(s.payrolls), when(s.at), s.by, s.confirmed_by, s.state, s.lines)
        for s in found
    ]
    if rows:
        columns = ("statement", "file", "kind", "about", "given", "by", "confirmed by", "state", ">lines")
        desk.out.table(columns, rows)
    else:
        desk.out.say("no file was given")
    desk.out.stream(timed(attrs.asdict(s)) for s in found)
    return 0


@command(o.LOOKING)
def statement_lines(
    desk: Desk, statement: Given,
    loose: Annotated[bool, typer.Option("--loose", help="Only those about none of ours, or only proposed.")] = False,
) -> int:  # fmt: skip
    """The lines of a file that was given."""
    paymaster = desk.open()

    def each() -> Iterator[StatementLineView]:
        after = 0
        while page := paymaster.statement_lines(statement, after=after, loose=loose):
            yield from page
            after = page[-1].line

    if desk.as_json:
        desk.out.stream(attrs.asdict(line) for line in each())
        return 0
    rows = [
        (n.line, n.payment, n.how, n.verdict, f"{n.amount} {n.currency}", n.reference, n.booked, n.why, n.decided)
        for n in each()
    ]  # fmt: skip
    columns = (">line", "payment", "by", "says", ">amount", "reference", "booked", "why not", "decided")
    desk.out.table(columns, rows)
    desk.out.say(counted(len(rows), "line"))
    return HELD if loose and any(not row[-1] for row in rows) else 0
