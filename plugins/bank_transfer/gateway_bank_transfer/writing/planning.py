"""Which payments go into which file. A pure function of the payments: the same ones, in their order, make the same."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence

import attrs

from gateway_core.contract import BatchCtx, Document, LeftOut, Money, Payment, Refused

from ..calendar import utc
from ..keys import pmt_inf_id
from ..profile import Profile
from .checking import written
from .pain001 import Debtor, Head
from .payee import payee, wrongs

# So many payments are in memory at once.
PAGE = 100
# What the schemas let a name of a message have.
LONGEST_ID = 35


def documents(
    payments: Sequence[Payment], ctx: BatchCtx, profile: Profile, debtor: Debtor, schemas: str
) -> Iterator[Document | LeftOut]:
    """The files over these payments; whoever cannot be written is left out, with all reasons at once.

    The payments are gone through once to allot them, and twice for each file: they may be many, and are not kept.
    """
    allotment = Allotment(profile)
    for payment in payments:
        if found := wrongs(payment, profile):
            allotment.skip()
            codes = {wrong.code for wrong in found}
            reason = "; ".join(f"{wrong.code}: {wrong.reason}" for wrong in found)
            yield LeftOut(payment.id, Refused(codes.pop() if len(codes) == 1 else "several", reason))
        else:
            allotment.add(payment.amount)
    for share in allotment.shares:
        yield _document(share, allotment.of(share, payments), ctx, profile, debtor, schemas)


@attrs.define
class Share:
    """One file's part of the payments: in one currency, and no more lines and money than the bank takes."""

    number: int
    currency: str
    first: int
    last: int = 0
    count: int = 0
    minor: int = 0


class Allotment:
    """Which payment stands in which file, payment by payment in their order."""

    def __init__(self, profile: Profile) -> None:
        self.shares: list[Share] = []
        self._file, self._open = profile.file, dict[str, Share]()
        self._of = array("L")

    def skip(self) -> None:
        """The next one stands in none."""
        self._of.append(0)

    def add(self, amount: Money) -> None:
        """The next one stands in the open file of its currency, or in a new one."""
        share, limit = self._open.get(amount.currency), self._file.amount
        if share is None or share.count == self._file.lines or (limit and share.minor + amount.minor > limit):
            share = self._open[amount.currency] = Share(len(self.shares) + 1, amount.currency, len(self._of))
            self.shares.append(share)
        share.last, share.count, share.minor = len(self._of), share.count + 1, share.minor + amount.minor
        self._of.append(share.number)

    def of(self, share: Share, payments: Sequence[Payment]) -> Callable[[], Iterator[Payment]]:
        """Its payments, as often as they are asked for."""

        def some() -> Iterator[Payment]:
            for at in range(share.first, share.last + 1, PAGE):
                page = slice(at, min(at + PAGE, share.last + 1))
                yield from (one for one, number in zip(payments[page], self._of[page], strict=True)
                            if number == share.number)  # fmt: skip

        return some


def _document(
    share: Share, some: Callable[[], Iterator[Payment]], ctx: BatchCtx, profile: Profile, debtor: Debtor, schemas: str
) -> Document:
    msg_id = profile.file.prefix + ctx.new_id(f"file {share.number}", "short")
    if len(pmt_inf_id(msg_id)) > LONGEST_ID:
        raise ValueError(f"{msg_id} is longer than a MsgId may be")
    head = Head(
        msg_id=msg_id, created=utc(ctx.now), count=share.count, total=Money(share.minor, share.currency).text,
        currency=share.currency, day=profile.calendar.calendar().execution(ctx.now), debtor=debtor, profile=profile,
    )  # fmt: skip
    lines = ((payment.id, ctx.key(payment, "short")) for payment in some())
    payees = (payee(payment, ctx.key(payment, "short"), profile) for payment in some())
    return Document(profile.file.name.format(msg_id=msg_id), lines, written(head, payees, schemas))
