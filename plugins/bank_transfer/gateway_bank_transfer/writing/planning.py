"""Which payments go into which file. A pure function of the payments: the same ones make the same files for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway_core.contract import BatchCtx, Document, LeftOut, Money, Payment, Refused

from ..calendar import utc
from ..keys import pmt_inf_id
from ..profile import Profile
from .checking import written
from .pain001 import Debtor, Head
from .payee import payee, wrongs

# What the schemas let a name of a message have.
LONGEST_ID = 35


def documents(
    payments: Sequence[Payment], ctx: BatchCtx, profile: Profile, debtor: Debtor, schemas: str
) -> Iterator[Document | LeftOut]:
    """The files over these payments; whoever cannot be written is left out, with all reasons at once."""
    able: list[Payment] = []
    for payment in payments:
        if found := wrongs(payment, profile):
            codes = {wrong.code for wrong in found}
            reason = "; ".join(f"{wrong.code}: {wrong.reason}" for wrong in found)
            yield LeftOut(payment.id, Refused(codes.pop() if len(codes) == 1 else "several", reason))
        else:
            able.append(payment)
    able.sort(key=_order)
    for number, part in enumerate(_parts(able, profile), start=1):
        yield _document(part, number, ctx, profile, debtor, schemas)


def _order(payment: Payment) -> tuple[str, str, str]:
    """By currency, then bank and account, then id."""
    return payment.amount.currency, payment.account.value, payment.id


def _parts(payments: Sequence[Payment], profile: Profile) -> Iterator[list[Payment]]:
    """In one file one currency, and no more money than the bank takes."""
    part: list[Payment] = []
    total = 0
    for payment in payments:
        minor, limit = payment.amount.minor, profile.file.amount
        full = len(part) == profile.file.lines or (limit and total + minor > limit)
        if part and (full or part[0].amount.currency != payment.amount.currency):
            yield part
            part, total = [], 0
        part.append(payment)
        total += minor
    if part:
        yield part


def _document(
    payments: list[Payment], number: int, ctx: BatchCtx, profile: Profile, debtor: Debtor, schemas: str
) -> Document:
    msg_id = profile.file.prefix + ctx.new_id(f"file {number}", "short")
    if len(pmt_inf_id(msg_id)) > LONGEST_ID:
        raise ValueError(f"{msg_id} is longer than a MsgId may be")
    lines = {payment.id: ctx.key(payment, "short") for payment in payments}
    total = Money(sum(payment.amount.minor for payment in payments), payments[0].amount.currency)
    head = Head(
        msg_id=msg_id, created=utc(ctx.now), count=len(payments), total=total.text, currency=total.currency,
        day=profile.calendar.calendar().execution(ctx.now), debtor=debtor, profile=profile,
    )  # fmt: skip
    payees = (payee(payment, lines[payment.id], profile) for payment in payments)
    return Document(profile.file.name.format(msg_id=msg_id), lines, written(head, payees, schemas))
