"""What differs and why, complaints, the past, and exports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .errors import HELD
from .looking import timed
from .output import counted, when

Panel = o.CLOSING
SHOWN = 200
Dispute = Annotated[int, typer.Argument(metavar="DISPUTE", min=1, help="A dispute's number.")]
KeptBy = Annotated[str, typer.Option("--kept-by", metavar="PERSON", help="Who takes it down.")]
Priority = Annotated[str, typer.Option("--priority", metavar="WORD", help="low, normal, high, urgent.")]
Handler = Annotated[str, typer.Option("--handler", metavar="PERSON", help="Who sees to it.")]
Said = Annotated[str, typer.Option("--text", help="What is said.")]
Beneficiary = Annotated[str, typer.Option("--beneficiary", metavar="ID", help="Of this beneficiary.")]
AnInvoice = Annotated[str, typer.Option("--invoice", metavar="ID", help="Of this invoice.")]


@command(Panel)
def report(desk: Desk, payroll: o.Payroll) -> int:
    """The zero-sum report: approved = paid + returned + refused + cancelled, gateway = ours = statement."""
    found = desk.open().zero_sum(payroll)
    from ..model.money import amount_text
    from ..reconcile.exporting.tables import sums

    def money(minor: int) -> str:
        return amount_text(minor, found.currency)

    rows = [(what, "" if count is None else f"{count:,}", money(amount)) for what, count, amount in sums(found)]
    desk.out.table(("", ">payments", f">{found.currency}"), rows, f"{found.name}: {found.state.replace('_', ' ')}")
    differences = [
        (
            d.kind,
            d.invoice or d.subject,
            d.state,
            money(d.delta),
            d.about,
            f"{d.explained_by}: {d.why}" if d.why else "",
        )
        for d in found.differences[:SHOWN]
    ]
    if differences:
        desk.out.table(("difference", "about", "ours", ">delta", "which is", "explained by"), differences)
        desk.out.say(f"{counted(found.count, 'difference')}, {found.unexplained:,} of them not explained")
    else:
        desk.out.say("no difference")
    body = attrs.asdict(found) | {"explained": found.explained, "adds_up": found.adds_up}
    desk.out.result({"report": body})
    return HELD if found.unexplained else 0


@command(Panel)
def explain(
    desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason,
    kind: Annotated[str, typer.Option("--kind", help="All differences of this kind.")] = "",
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="ID", help="A payment, invoice or line; can be repeated.")
    ] = None,
) -> int:  # fmt: skip
    """Say why differences are none; it holds as long as they are the same."""
    count = desk.open().explain(payroll, by=by, reason=reason, kind=kind, only=only or ())
    desk.out.say(f"{counted(count, 'difference')} explained by {by}")
    desk.out.result({"explained": count})
    return 0


@command(Panel)
def export(
    desk: Desk,
    what: Annotated[str, typer.Argument(metavar="WHAT", help="list, payroll, reconciliation or history.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: NAME.csv, NAME.xlsx or NAME.pdf.")],
    payroll: Annotated[str, typer.Option("--payroll", metavar="PAYROLL", help="Of this payroll.")] = "",
    beneficiary: Beneficiary = "", invoice: AnInvoice = "",
) -> int:  # fmt: skip
    """Write a list to be filled in, a payroll, its reconciliation, or a history, as CSV, XLSX or PDF."""
    rows = desk.open().export(what, file, payroll=payroll, beneficiary=beneficiary, invoice=invoice)
    desk.out.say(f"{counted(rows, 'line')} written to {file}")
    desk.out.result({"rows": rows, "file": str(file)})
    return 0


@command(Panel)
def bundle(
    desk: Desk, payroll: o.Payroll, file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to: NAME.zip.")]
) -> int:
    """Write all that proves a payroll into one archive: `gateway verify FILE --key KEY` checks it anywhere."""
    paymaster = desk.open()
    parts = paymaster.bundle(payroll, file)
    signed = paymaster.configuration.signing_key() is not None
    how = "signed" if signed else "not signed: the configuration has no signing_key"
    desk.out.say(f"{counted(parts, 'part')} written to {file}, {how}")
    desk.out.result({"parts": parts, "file": str(file), "signed": signed})
    return 0


@command(o.LOOKING)
def history(desk: Desk, beneficiary: Beneficiary = "", invoice: AnInvoice = "") -> int:
    """Everything that ever became of a beneficiary's or an invoice's payments, over all payrolls."""
    found = list(desk.open().history(beneficiary=beneficiary, invoice=invoice))
    rows = [
        (p.payroll_name, p.payment, p.invoice, p.state, f"{p.amount} {p.currency}", p.reference, p.reason,
         len(p.attempts), "; ".join(p.proofs), "; ".join(p.cases), p.carried_to)
        for p in found
    ]  # fmt: skip
    columns = (
        "payroll", "payment", "invoice", "state", ">amount", "reference", "reason", ">attempts", "files say", "cases",
        "carried over to",
    )  # fmt: skip
    if rows:
        desk.out.table(columns, rows)
    desk.out.say(counted(len(rows), "payment"))
    desk.out.stream(attrs.asdict(p) for p in found)
    return 0


@command(o.DECIDING)
def dispute(
    desk: Desk, text: Said, kept_by: KeptBy,
    payroll: Annotated[str, typer.Option("--payroll", metavar="PAYROLL", help="About a payroll.")] = "",
    payment: Annotated[str, typer.Option("--payment", metavar="PAYMENT", help="About a payment.")] = "",
    by: Annotated[str, typer.Option("--by", metavar="PERSON", help="Who complains; none: anonymous.")] = "",
    priority: Priority = "normal", handler: Handler = "",
) -> int:  # fmt: skip
    """Note a complaint about a payment or a payroll."""
    number = desk.open().open_dispute(
        text, kept_by=kept_by, payroll=payroll, payment=payment, by=by, priority=priority, handler=handler
    )
    return _said(desk, number, "opened")


@command(o.DECIDING)
def answer_dispute(desk: Desk, number: Dispute, by: o.By, text: Said) -> int:
    """Answer a complaint."""
    desk.open().answer_dispute(number, by=by, text=text)
    return _said(desk, number, "answered")


@command(o.DECIDING)
def assign_dispute(desk: Desk, number: Dispute, by: o.By, handler: Handler = "", priority: Priority = "") -> int:
    """Say who sees to a complaint, and how urgent it is."""
    desk.open().assign_dispute(number, by=by, handler=handler, priority=priority)
    return _said(desk, number, "assigned")


@command(o.DECIDING)
def resolve_dispute(desk: Desk, number: Dispute, by: o.By, text: Said) -> int:
    """End a complaint with what came of it."""
    desk.open().resolve_dispute(number, by=by, resolution=text)
    return _said(desk, number, "resolved")


@command(o.DECIDING)
def reopen_dispute(desk: Desk, number: Dispute, by: o.By, reason: o.Reason) -> int:
    """A complaint was not resolved after all."""
    desk.open().reopen_dispute(number, by=by, reason=reason)
    return _said(desk, number, "open again")


def _said(desk: Desk, number: int, what: str) -> int:
    desk.out.say(f"dispute {number} is {what}")
    desk.out.result({"dispute": number, "state": what})
    return 0


@command(o.LOOKING)
def disputes(
    desk: Desk, payroll: o.AnyPayroll = None,
    state: Annotated[str, typer.Option("--state", help="open, answered, resolved.")] = "",
) -> int:  # fmt: skip
    """Complaints about payments and payrolls."""
    paymaster, found = desk.open(), list[Any]()
    while page := paymaster.disputes(payroll, state=state, after=found[-1].number if found else 0):
        found += page
    rows = [
        (d.number, d.state, d.priority, d.payment or d.payroll, d.by or "anonymous", d.handler, when(d.at), d.text,
         d.resolution)
        for d in found
    ]  # fmt: skip
    if rows:
        columns = (">dispute", "state", "priority", "about", "by", "handler", "since", "text", "resolution")
        desk.out.table(columns, rows)
    else:
        desk.out.say("no disputes")
    desk.out.stream(timed(attrs.asdict(d)) for d in found)
    return 0
