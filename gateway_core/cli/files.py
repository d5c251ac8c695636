"""Files of batch rails: those that go to banks, those that come from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from ..model.states import STATES
from . import options as o
from .app import command
from .desk import Desk
from .errors import HELD
from .looking import timed
from .output import counted, when
from .payrolls import show_bytes

if TYPE_CHECKING:
    from ..paymaster import Paymaster
    from ..store.document_views import AnswerView, StrayView

AnyAnswer = Annotated[
    str | None, typer.Argument(metavar="[ANSWER]", help="A file's id: its lines that are about none of ours.")
]


@command(o.LOOKING)
def documents(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """Files that were made for a bank: payroll, lines, sum, digest, state, and how their lines are."""
    found = desk.open().documents(payroll)
    rows = [
        (d.name, d.payroll, d.channel, d.state.replace("_", " "), d.lines, f"{d.total} {d.currency}",
         ", ".join(f"{d.counts[state]:,} {state}" for state in STATES if state in d.counts), d.reason, d.sha256)
        for d in found
    ]  # fmt: skip
    if rows:
        desk.out.table(("file", "payroll", "channel", "state", ">lines", ">sum", "its lines", "reason", "sha256"), rows)
        desk.out.say("gateway events FILE tells the story; gateway release FILE --to ... decides about a held one")
    else:
        desk.out.say("no file was made")
    desk.out.stream(timed(attrs.asdict(d)) for d in found)
    return 0


@command(o.LOOKING)
def answers(desk: Desk, answer: AnyAnswer = None) -> int:
    """Files that came from banks, and what they changed; or of one of them, the lines that are about none of ours."""
    paymaster = desk.open()
    if answer:
        return _strays(desk, paymaster, answer)
    found = paymaster.answers()
    rows = [
        (a.id, a.name, a.channel, when(a.at), a.by, a.confirmed_by, a.state, a.lines, a.applied, a.known, a.strays)
        for a in found
    ]
    if rows:
        columns = ("answer", "file", "channel", "came", "by", "confirmed by", "state", ">lines", ">new", ">known",
                   ">strays")  # fmt: skip
        desk.out.table(columns, rows)
    else:
        desk.out.say("no file has come from a bank")
    desk.out.stream(timed(attrs.asdict(a)) for a in found)
    return 0


def _strays(desk: Desk, paymaster: Paymaster, answer: str) -> int:
    def each() -> Iterator[StrayView]:
        after = 0
        while page := paymaster.strays(answer, after=after):
            yield from page
            after = page[-1].line

    if desk.as_json:
        desk.out.stream(attrs.asdict(stray) for stray in each())
        return 0
    rows = [(s.line, s.why, s.verdict, s.key or s.document, f"{s.amount} {s.currency}", s.text) for s in each()]
    desk.out.table((">line", "why", "verdict", "names", ">amount", "text"), rows)
    desk.out.say(counted(len(rows), "line"))
    return 0


@command(o.CLOSING)
def import_statement(
    desk: Desk, statement: Annotated[Path, typer.Argument(metavar="FILE", help="A file from the bank.")],
    channel: o.Channel, by: o.By,
) -> int:  # fmt: skip
    """Take a file from a bank by hand: a statement, a status report. It counts when another person confirms it.

    The same bytes again change nothing, but that what could not be read before is read anew.
    """
    return _told(desk, desk.open().import_statement(channel, statement, by=by))


@command(o.CLOSING)
def confirm_statement(
    desk: Desk, answer: Annotated[str, typer.Argument(metavar="ANSWER", help="A file's id: gateway answers.")],
    by: o.By, reason: o.Reason, signature: o.Signature = "", show_message: o.ShowMessage = False,
) -> int:  # fmt: skip
    """Say as its second person that a file which came by hand is the bank's: what it says is applied."""
    paymaster = desk.open()
    if show_message:
        return show_bytes(desk.out, paymaster.confirm_message(answer))
    return _told(desk, paymaster.confirm_statement(answer, by=by, reason=reason, signature=signature))


def _told(desk: Desk, view: AnswerView) -> int:
    out = desk.out
    if view.state == "unconfirmed":
        out.say(f"{view.name}: {counted(view.lines, 'line')}, and none of it counts yet; SHA-256 {view.sha256}")
        out.say(
            f"next: another person, who has the file from the bank too: gateway confirm-statement {view.id} --by ..."
        )
    else:
        out.say(f"{view.name}: {counted(view.lines, 'line')}, {view.applied:,} with news, {view.known:,} known before")
    if view.strays:
        out.say(f"{counted(view.strays, 'line')} about none of ours: `gateway answers {view.id}` shows them")
    out.result(_said(view))
    return HELD if view.strays else 0


def _said(view: AnswerView) -> dict[str, Any]:
    return timed(attrs.asdict(view))


@command(o.DECIDING)
def cancel_sent(
    desk: Desk, file: Annotated[str, typer.Argument(metavar="FILE", help="A file's name or id: gateway documents.")],
    by: o.By, reason: o.Reason,
    code: Annotated[str, typer.Option("--code", help="Why, as the bank knows it: CUST (we ask), DUPL, ...")] = "CUST",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="Only this payment or invoice; can be repeated.")
    ] = None,
) -> int:  # fmt: skip
    """Ask the bank to cancel a file that it has, or payments of it; once per person, and it takes two.

    Asking cancels nothing: the bank's answer decides.
    """
    agreed = desk.open().cancel_sent(file, by=by, code=code, reason=reason, only=only or ())
    what = f"{counted(len(only), 'payment')} of {file}" if only else file
    more = "the request goes at the next `gateway run`" if agreed else "another person must say the same"
    desk.out.say(f"the bank is to be asked to cancel {what} ({code}), says {by}; {more}")
    desk.out.result({"file": file, "only": only or [], "code": code, "by": by, "agreed": agreed})
    return 0


@command(o.LOOKING)
def cancellations(desk: Desk, payroll: o.AnyPayroll = None) -> int:
    """Requests that a bank cancel what it has: who asked and why, and what became of the payments."""
    found = desk.open().cancellations(payroll)
    rows = [
        (c.name, c.payroll, c.file, "all of it" if c.whole else counted(c.lines, "payment"), c.code,
         f"{c.first}, {c.second}", c.state.replace("_", " "),
         ", ".join(f"{c.counts[state]:,} {state}" for state in STATES if state in c.counts), c.refused, c.pending,
         c.reason)
        for c in found
    ]  # fmt: skip
    columns = ("request", "payroll", "file", "what", "code", "asked by", "state", "payments", ">not cancelled",
               ">not decided", "reason")  # fmt: skip
    if rows:
        desk.out.table(columns, rows)
    else:
        desk.out.say("no bank was asked to cancel anything")
    desk.out.stream(timed(attrs.asdict(c)) for c in found)
    return 0
