"""What people decide about single payments, cases and channels. Each decision is kept with its person and reason."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from . import options as o
from .app import command
from .desk import Desk
from .payrolls import show_bytes

Panel = o.DECIDING


class To(StrEnum):
    """What may become of a held payment, or of a file."""

    READY = "ready"
    PENDING = "pending"
    PAID = "paid"
    REFUSED = "refused"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    HANDED_OVER = "handed_over"
    WITHDRAWN = "withdrawn"


@command(Panel)
def release(
    desk: Desk,
    payment: Annotated[str, typer.Argument(metavar="PAYMENT|FILE", help="Its id, or a file's id or name.")],
    to: Annotated[To, typer.Option("--to", help="ready: the same bytes again; pending: ask again; or its outcome.")],
    by: o.By, reason: o.Reason,
    reference: Annotated[str, typer.Option("--reference", help="The rail's reference, as evidence.")] = "",
    signature: o.Signature = "", show_message: o.ShowMessage = False,
) -> int:  # fmt: skip
    """Say what becomes of a held payment, or of a file; once per person, and it takes two who say the same."""
    paymaster = desk.open()
    if show_message:
        return show_bytes(desk.out, paymaster.release_message(payment, to.value))
    done = paymaster.release(payment, to.value, by=by, reason=reason, reference=reference, signature=signature)
    more = "" if done else "; another person must say the same"
    desk.out.say(f"payment {payment}: {to.value}, says {by}{more}")
    desk.out.result({"payment": payment, "to": to.value, "by": by, "released": done})
    return 0


@command(Panel)
def retry(desk: Desk, payment: o.Payment, by: o.By, reason: o.Reason) -> int:
    """Try a refused payment again: a new attempt, the same approved content."""
    desk.open().retry(payment, by=by, reason=reason)
    desk.out.say(f"payment {payment} is tried again at the next `gateway run`")
    desk.out.result({"payment": payment, "state": "ready", "by": by})
    return 0


@command(Panel)
def close_case(
    desk: Desk, case: Annotated[int, typer.Argument(metavar="CASE", help="Its number, from `gateway cases`.")],
    by: o.By, reason: o.Reason,
) -> int:  # fmt: skip
    """Say what was found and done about a case; its entitlement is no longer frozen by it."""
    desk.open().close_case(case, by=by, reason=reason)
    desk.out.say(f"case {case} closed by {by}")
    desk.out.result({"case": case, "closed_by": by})
    return 0


@command(Panel)
def lift_stop(desk: Desk, channel: Annotated[str, typer.Argument(metavar="CHANNEL")], by: o.By) -> int:
    """Use a channel again that its rail had stopped (wrong credentials, no balance)."""
    paymaster = desk.open()
    paymaster.configuration.channel(channel)
    paymaster.lift_stop(channel, by=by)
    desk.out.say(f"channel {channel} is used again", "next: gateway run")
    desk.out.result({"channel": channel, "by": by})
    return 0
