"""Before the money: a payroll is proposed, checked, approved by a second person, or withdrawn."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .errors import INPUT
from .output import Output, counted
from .progress import progress

if TYPE_CHECKING:
    from ..lifecycle.checking import CheckReport, Found
    from ..lifecycle.intake import Taken
    from ..model.errors import Mistake
    from ..paymaster import Paymaster

Panel = o.MAKING
SHOWN = 200


@command(Panel)
def propose(
    desk: Desk, file: o.PayrollFile, channel: o.Channel, by: o.By, name: o.Name = "", despite: o.Despite = "",
    control_total: o.ControlTotal = None, control_count: o.ControlCount = None, delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
) -> int:  # fmt: skip
    """Propose a payroll from a file. All mistakes are listed at once, and then nothing is written."""
    reading = reading_of(control_total, control_count, delimiter, encoding)
    paymaster = desk.open()
    payroll = propose_file(desk, paymaster, file, channel, by, name, despite, reading)
    status = paymaster.status(payroll)[0]
    objections = paymaster.objections(payroll)
    what = f"{status.name!r}: {counted(status.lines, 'payment')}, {status.total} {status.currency}"
    if status.state in ("draft", "awaiting_approval"):
        desk.out.say(f"proposed {what}")
        show_findings(desk.out, objections)
        desk.out.say(f"next: gateway check {payroll}", f"then: gateway approve {payroll} --by <another person>")
    else:
        desk.out.say(f"nothing was proposed: {what} is here with this content already, and is {status.state}")
    desk.out.result({"payroll": attrs.asdict(status), **findings(objections)})
    return 0


def reading_of(total: str | None, count: int | None, delimiter: str | None, encoding: str | None) -> dict[str, Any]:
    """How the file is to be read, and what it must agree with."""
    return {"control_total": total, "control_count": count, "delimiter": delimiter, "encoding": encoding}


def propose_file(
    desk: Desk, paymaster: Paymaster, file: Path, channel: str, by: str, name: str, despite: str,
    reading: dict[str, Any],
) -> str:  # fmt: skip
    """Propose, with a bar; warnings are said on the way."""
    with progress(desk.out, "proposing") as step:
        return paymaster.propose(
            name or file.stem, file, channel=channel, by=by, despite=despite, progress=step,
            on_taken=lambda taken: show_warnings(desk.out, taken.warnings, taken.more_warnings), **reading,
        )  # fmt: skip


def show_warnings(out: Output, warnings: list[Mistake] | Any, more: int) -> None:
    """What intake noticed without objecting."""
    out.note(*(f"warning: {warning}" for warning in warnings[:SHOWN]))
    if left := len(warnings[SHOWN:]) + more:
        out.note(f"and {counted(left, 'more warning')}")


@command(Panel)
def check(
    desk: Desk,
    payroll: Annotated[str, typer.Argument(metavar="PAYROLL|FILE", help="A proposed payroll, or a file to look at.")],
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="For a file: the channel that pays.")] = "",
    control_total: o.ControlTotal = None, control_count: o.ControlCount = None, delimiter: o.Delimiter = None,
    encoding: o.Encoding = None,
) -> int:  # fmt: skip
    """Ask the rail and the policies about a payroll: every objection at once. A FILE (with --channel) is only read."""
    if channel:
        return _inspect(desk, Path(payroll), channel, reading_of(control_total, control_count, delimiter, encoding))
    if Path(payroll).suffix and Path(payroll).is_file():
        raise typer.BadParameter(f"{payroll} is a file: say with --channel which channel would pay it")
    report = check_payroll(desk, desk.open(), payroll)
    show_check(desk.out, report)
    desk.out.result({
        "payroll": report.payroll, "name": report.name, "state": report.state, "lines": report.lines,
        "total": report.total.text, "currency": report.total.currency, "digest": report.digest, "good": report.good,
        "balances": {name: str(have) if have else None for name, have in report.balances.items()}, **findings(report),
    })  # fmt: skip
    return 0 if report.good else INPUT


def check_payroll(desk: Desk, paymaster: Paymaster, payroll: str) -> CheckReport:
    """Check, with a bar."""
    lines = paymaster.status(payroll)[0].lines
    with progress(desk.out, "checking", lines) as step:
        return paymaster.check(payroll, progress=step)


def show_check(out: Output, report: CheckReport) -> None:
    """A check for people."""
    out.say(f"{report.name!r}: {counted(report.lines, 'payment')}, {report.total} in all")
    for name, have in report.balances.items():
        out.say(f"channel {name} has {have if have else 'a balance that it does not tell'}")
    show_findings(out, report)
    stand = len(report.objections) + report.more_objections
    out.say("nothing speaks against it" if report.good else f"{counted(stand, 'objection')} stand")


def show_findings(out: Output, report: CheckReport) -> None:
    """Objections and warnings, as many as a person reads."""
    for word, found, more in (
        ("objection", report.objections, report.more_objections), ("warning", report.warnings, report.more_warnings),
    ):  # fmt: skip
        if found:
            rows = [(f.line or "", f.invoice, f.objection.code, f.objection.message, f.objection.source) for f in found]
            out.table((">line", "invoice", word, "says", "source"), rows[:SHOWN], counted(len(found) + more, word))
            if (left := len(rows) + more - SHOWN) > 0:
                out.say(f"and {counted(left, 'more ' + word)}; --json lists {len(rows):,}")


def findings(report: CheckReport) -> dict[str, Any]:
    """Objections and warnings for machines."""

    def one(found: Found) -> dict[str, Any]:
        said = found.objection
        return {
            "line": found.line, "payment": found.payment, "invoice": found.invoice, "code": said.code,
            "message": said.message, "source": said.source, "blocks": said.blocks, "released_by": found.released_by,
        }  # fmt: skip

    return {
        "objections": [one(f) for f in report.objections], "more_objections": report.more_objections,
        "warnings": [one(f) for f in report.warnings], "more_warnings": report.more_warnings,
    }  # fmt: skip


def _inspect(desk: Desk, file: Path, channel: str, reading: dict[str, Any]) -> int:
    from ..model.errors import InvalidPayroll

    with desk.open().inspect(file, channel=channel, **reading) as taken:
        show_warnings(desk.out, taken.warnings, taken.more_warnings)
        if taken.mistakes:
            raise InvalidPayroll(taken.mistakes, taken.more)
        objections = list(taken.objections)
        desk.out.say(f"{counted(taken.count, 'line')} without a mistake, {taken.total} in all; nothing was written")
        rows = [(line, said.code, said.message) for line, said in objections[:SHOWN]]
        if rows:
            desk.out.table((">line", "objection", "says"), rows, counted(len(objections), "objection"))
        desk.out.result(_inspected(taken, objections))
    return INPUT if objections else 0


def _inspected(taken: Taken, objections: list[Any]) -> dict[str, Any]:
    return {
        "lines": taken.count, "total": taken.total.text if taken.total else "0", "currency": taken.currency,
        "extra": list(taken.columns), "warnings": [attrs.asdict(warning) for warning in taken.warnings],
        "objections": [{"line": line, **attrs.asdict(said)} for line, said in objections],
    }  # fmt: skip


@command(Panel)
def approve(
    desk: Desk, payroll: o.Payroll, by: o.By, despite: o.Despite = "", signature: o.Signature = "",
    note: o.Note = "", show_message: o.ShowMessage = False,
) -> int:  # fmt: skip
    """Approve what is proposed, exactly; another person than its proposer. Where there are levels, each by another."""
    paymaster = desk.open()
    if show_message:
        return show_bytes(desk.out, paymaster.approval_message(payroll))
    digest = paymaster.approve(payroll, by=by, despite=despite, signature=signature, note=note)
    missing = list(paymaster.approvals(payroll).missing)
    desk.out.say(f"approved by {by}: digest {digest}")
    desk.out.say(f"next: the approval of a {missing[0]}" if missing else "next: gateway run")
    desk.out.result(
        {"payroll": paymaster.status(payroll)[0].id, "digest": digest, "approved_by": by, "missing": missing}
    )
    return 0


def show_bytes(out: Output, message: bytes) -> int:
    """The bytes that somebody signs, in the two ways that signing tools take."""
    out.say(f"hex     {message.hex()}", f"base64  {base64.b64encode(message).decode()}")
    out.result({"hex": message.hex(), "base64": base64.b64encode(message).decode()})
    return 0


@command(Panel)
def release_objections(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Let a payroll go in spite of its objections; a second person agrees by approving with --despite."""
    count = desk.open().release_objections(payroll, by=by, reason=reason)
    return said(desk, payroll, f"{counted(count, 'objection')} released by {by}; the approver must agree", count=count)


@command(Panel)
def reject(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Refuse a proposal for good; its invoices are free for another payroll."""
    desk.open().reject(payroll, by=by, reason=reason)
    return said(desk, payroll, f"rejected by {by}")


@command(Panel)
def send_back(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Return a proposal for correction: propose it anew under its name, or cancel it."""
    desk.open().send_back(payroll, by=by, reason=reason)
    return said(desk, payroll, f"sent back by {by}: {reason}", "next: gateway propose FILE --name NAME, or cancel")


@command(Panel)
def cancel(
    desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Only this payment or invoice; can be repeated.")
    ] = None,
) -> int:  # fmt: skip
    """Withdraw what was not sent, or delete a draft. What was sent is the rail's to confirm."""
    count = desk.open().cancel(payroll, by=by, reason=reason, only=only or ())
    left = len(set(only or ())) - count
    others = (f"{left:,} of those named were sent, or are over: `gateway events` tells of each",) if left > 0 else ()
    return said(desk, payroll, f"{counted(count, 'payment')} cancelled by {by}", *others, count=count)


@command(o.SENDING)
def pause(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Send nothing new of a payroll; what was sent is still asked about."""
    desk.open().pause(payroll, by=by, reason=reason)
    return said(desk, payroll, f"paused by {by}: {reason}")


@command(o.SENDING)
def resume(desk: Desk, payroll: o.Payroll, by: o.By) -> int:
    """Let a paused payroll go on."""
    desk.open().resume(payroll, by=by)
    return said(desk, payroll, f"resumed by {by}", "next: gateway run")


@command(o.CLOSING)
def carry_over(
    desk: Desk, payroll: o.Payroll, name: Annotated[str, typer.Argument(metavar="NEW_NAME")], by: o.By,
    channel: Annotated[str | None, typer.Option("--channel", help="Another channel than before.")] = None,
) -> int:  # fmt: skip
    """Propose what stayed unpaid in a closed payroll as a new one."""
    paymaster = desk.open()
    made = paymaster.carry_over(payroll, name, by=by, channel=channel)
    status = paymaster.status(made)[0]
    text = f"proposed {status.name!r}: {counted(status.lines, 'payment')}, {status.total} {status.currency}"
    return said(desk, made, text, f"next: gateway check {made}")


def said(desk: Desk, payroll: str, *lines: str, **more: Any) -> int:
    """The end of a command that changed a payroll: a line for people, its status for machines."""
    desk.out.say(*lines)
    desk.out.result({"payroll": attrs.asdict(desk.open().status(payroll)[0]), **more})
    return 0
