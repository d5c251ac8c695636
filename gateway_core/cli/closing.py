"""After the money: compare with the gateway, close when every unit is explained."""

from __future__ import annotations

import attrs

from . import options as o
from .app import command
from .desk import Desk
from .errors import HELD, WAITS
from .output import counted
from .payrolls import said
from .progress import progress

Panel = o.CLOSING


@command(Panel)
def reconcile(desk: Desk, payroll: o.Payroll, by: o.By) -> int:
    """Ask the gateway about every payment that was ever sent, and compare. Differences open cases."""
    paymaster = desk.open()
    lines = paymaster.status(payroll)[0].lines
    with progress(desk.out, "comparing", lines) as step:
        found = paymaster.reconcile(payroll, by=by, progress=step)
    out = desk.out
    out.say(f"{counted(found.asked, 'payment')} asked about: {found.agreed:,} agree, {len(found.differing):,} differ, "
            f"{found.silent:,} without a definite answer")  # fmt: skip
    compared = paymaster.zero_sum(payroll, listed=0)
    if found.differing:
        out.table(("payment", "ours", "the gateway's"), found.differing)
        out.say(f"`gateway cases {payroll}` lists what people must look at")
    elif found.silent:
        out.say("the rail did not answer for all; reconcile again later")
    elif compared.unexplained:
        out.say(f"{counted(compared.unexplained, 'difference')} not explained: `gateway report {payroll}` lists them")
    else:
        out.say(f"next: gateway close {payroll} --by <another person>")
    differing = [{"payment": payment, "ours": ours, "theirs": theirs} for payment, ours, theirs in found.differing]
    out.result({**attrs.asdict(found), "differing": differing, "unexplained": compared.unexplained})
    return HELD if found.differing or compared.unexplained else WAITS if found.silent else 0


@command(Panel)
def close(desk: Desk, payroll: o.Payroll, by: o.By) -> int:
    """Freeze a payroll of which every unit is explained; another person than the one who reconciled."""
    paymaster = desk.open()
    paymaster.close(payroll, by=by)
    status = paymaster.status(payroll)[0]
    rows = [("approved", status.lines, status.total), *((s, n, status.sums[s]) for s, n in status.counts.items())]
    desk.out.table(("", ">payments", f">{status.currency}"), rows, f"{status.name} is closed")
    desk.out.result({"payroll": attrs.asdict(status)})
    return 0


@command(Panel)
def reject_close(desk: Desk, payroll: o.Payroll, by: o.By, reason: o.Reason) -> int:
    """Send a reconciled payroll back: it must be compared anew."""
    desk.open().reject_close(payroll, by=by, reason=reason)
    return said(desk, payroll, f"sent back by {by}: {reason}")
