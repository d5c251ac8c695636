"""What people enter and note: balances, releases of them, notes; and who approved."""

from __future__ import annotations

from typing import Annotated

import attrs
import typer

from . import options as o
from .app import command
from .desk import Desk
from .looking import timed
from .output import when
from .payrolls import said

Amount = Annotated[str, typer.Option("--amount", metavar="AMOUNT", help='With its currency: "500000 UGX".')]


@command(o.DECIDING)
def enter_balance(
    desk: Desk, channel: Annotated[str, typer.Argument(metavar="CHANNEL")], amount: Amount, by: o.By, reason: o.Reason
) -> int:
    """Say what the account behind a channel holds; it counts once a second person says the same."""
    done = desk.open().enter_balance(channel, amount, by=by, reason=reason)
    desk.out.say(f"{amount} for {channel}: agreed by {by}" if done else f"{amount}: another person must say the same")
    desk.out.result({"channel": channel, "amount": amount, "agreed": done})
    return 0


@command(o.DECIDING)
def release_balance(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Let an approved payroll go although no known balance covers it; two people say so."""
    done = desk.open().release_balance(payroll, by=by, reason=reason)
    return said(desk, payroll, f"released by {by}" if done else "another person must agree", agreed=done)


@command(o.DECIDING)
def note(
    desk: Desk, subject: Annotated[str, typer.Argument(metavar="PAYMENT|INVOICE|PAYROLL")], by: o.By,
    text: Annotated[str, typer.Option("--text", help="What is to be kept.")],
) -> int:  # fmt: skip
    """Note something about a payment, an invoice or a payroll; its events show it."""
    desk.open().note(subject, by=by, text=text)
    desk.out.say(f"noted by {by}")
    desk.out.result({"subject": subject, "by": by, "text": text})
    return 0


@command(o.LOOKING)
def approvals(desk: Desk, payroll: o.Payroll) -> int:
    """Who approved a payroll, and whose approval is missing."""
    found = desk.open().approvals(payroll)
    if found.given:
        rows = [(when(one.at), one.by, one.role, one.note) for one in found.given]
        desk.out.table(("at", "by", "as", "note"), rows)
    for role in found.missing:
        desk.out.say(f"missing: the approval of {f'a {role}' if role else 'a checker'}")
    if not found.given and not found.missing:
        desk.out.say("it was not approved")
    desk.out.result({"given": [timed(attrs.asdict(one)) for one in found.given], "missing": list(found.missing)})
    return 0
