"""The gateway: pay lists for payment points out, records of officers' phones in. Built in, under the rails' contract.

A payroll becomes a list per payment point. Issuing a list is its sending: from then on somebody may pay by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from ..contract.batch import BatchCtx, BatchGateway, Document, Incoming, LeftOut, Limits, LineFact, LineFacts
from ..contract.flow import Checks, Ctx
from ..contract.gateway import Capabilities, Settings, Unfit
from ..contract.replies import Refused, Unknown, Waiting
from ..contract.transports import DirectoryTransport, Ref, Transport
from ..model.accounts import Account
from ..model.compact import canonical
from ..model.money import Money
from ..model.payment import Objection, Payment
from . import arriving
from .paper.settings import USUAL, PaperSettings
from .pay_list import ISSUED, LINES, Alternate, ListLine, PayList, code_of
from .record import ProofRecord

DAY = 86_400.0
LONGEST = 366
PREFIX, SUFFIX = "PAYLIST-", ".json"
NO_POINT = "it is paid in cash, and its account is no payment point"


@attrs.frozen(kw_only=True)
class CashSettings(Settings):
    """There is no address: lists appear in a folder, from which they are printed or taken to the phones."""

    base_url: str = ""
    outbox: str = attrs.field(metadata={"meaning": "The folder in which issued pay lists appear."})
    inbox: str = attrs.field(
        default="", metadata={"meaning": "A folder in which records of phones appear by themselves, if there is one."}
    )
    photos: str = attrs.field(
        default="", metadata={"meaning": "The folder for photographs; default: beside a SQLite store."}
    )
    days: int = attrs.field(default=7, metadata={"meaning": "On so many days, from its issue on, a list is paid."})
    lines: int = attrs.field(default=1000, metadata={"meaning": "So many lines a list has at most."})
    point_zone: str = attrs.field(default="UTC", metadata={"meaning": "The payment points' time zone, for their days."})
    note: str = attrs.field(
        default="", metadata={"meaning": "The payroll file's column that is printed under each name."}
    )
    logo: str = attrs.field(default="", metadata={"meaning": "A picture for printed lists, PNG or JPEG."})
    columns: list[str] = attrs.field(factory=list, metadata={"meaning": "The columns of printed lists, in order."})


class Outbox(DirectoryTransport):
    """As a drop directory; without an inbox nothing comes by itself."""

    def __init__(self, outbox: Path, inbox: str) -> None:
        super().__init__(outbox, Path(inbox or outbox), quiet=5.0)
        self._listens = bool(inbox)

    def list(self) -> Iterator[Ref]:
        """See Transport.list."""
        return super().list() if self._listens else iter(())


class CashGateway(BatchGateway[CashSettings]):
    """Pays in cash at payment points. A line is settled by people: the officer whose phone has it, and a checker."""

    name = "cash"
    contract = 1
    # The same list under the same name lies in the folder once, however often it is put there.
    capabilities = Capabilities(
        ask_after=60.0, ask_at_most=900.0, settle=60.0, patience=7 * DAY, ask_limit=1000, max_concurrency=1,
        dedupes=True, dedupe_window=LONGEST * DAY,
    )  # fmt: skip

    def __init__(self, settings: CashSettings) -> None:
        super().__init__(settings)
        if not 1 <= settings.days <= LONGEST:
            raise Unfit(f"days is {settings.days}; a list is paid on 1 to {LONGEST} days")
        if not 1 <= settings.lines <= LINES:
            raise Unfit(f"lines is {settings.lines}; a list has 1 to {LINES}")
        try:
            self.zone = ZoneInfo(settings.point_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Unfit(f"point_zone is {settings.point_zone!r}; write a name such as Africa/Kampala") from None
        try:
            PaperSettings(columns=settings.columns or USUAL)
        except ValueError as error:
            raise Unfit(f"columns: {error}") from None
        self.capabilities = attrs.evolve(type(self).capabilities, patience=settings.days * DAY)

    def limits(self) -> Limits:
        """As configured."""
        return Limits(self.settings.lines)

    def group_of(self, payment: Payment) -> str:
        """A list per payment point."""
        return payment.account.value

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """By its form; whether the point is known and open is the core's to say."""
        return [] if account.type == "payment_point" else [Objection("no_payment_point", NO_POINT)]
        yield

    def prepare_batch(self, payments: Sequence[Payment], ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """A list for each point among these payments."""
        points: dict[str, list[Payment]] = {}
        for payment in payments:
            if payment.account.type == "payment_point":
                points.setdefault(payment.account.value, []).append(payment)
            else:
                yield LeftOut(payment.id, Refused("no_payment_point", NO_POINT))
        for place, (point, mine) in enumerate(sorted(points.items())):
            made = self.listed(point, mine, ctx.new_id(f"pay list {point}", "short"), ctx, ctx.number + place)
            keys = {line.payment: arriving.key_of(made.id, line.number, line.payment) for line in made.lines}
            yield Document(f"{PREFIX}{made.id}{SUFFIX}", keys, canonical(attrs.asdict(made)))

    def listed(self, point: str, payments: Sequence[Payment], ident: str, ctx: BatchCtx, number: int) -> PayList:
        """The list of one point, as it is issued."""
        first = ctx.now.astimezone(self.zone).date()
        lines = tuple(self._line(n, payment, ident) for n, payment in enumerate(payments, start=1))
        return PayList(
            id=ident, number=number, payroll=ctx.payroll, payroll_name="", point=point, point_name=point,
            days=tuple((first + timedelta(days=day)).isoformat() for day in range(self.settings.days)),
            currency=payments[0].amount.currency, lines=lines, status=ISSUED, deployment=ctx.deployment,
        )  # fmt: skip

    def _line(self, n: int, payment: Payment, ident: str) -> ListLine:
        extra, amount = payment.extra, payment.amount.minor
        other = Alternate(
            name=extra.get("alternate", ""), relation=extra.get("alternate_relation", ""),
            document=extra.get("alternate_document", ""),
        )  # fmt: skip
        return ListLine(
            number=n, payment=payment.id, invoice=payment.invoice, beneficiary=payment.beneficiary, name=payment.name,
            amount=amount, code=code_of(ident, n, payment.id, amount), note=extra.get(self.settings.note, ""),
            alternates=(other,) if other.name else (),
        )  # fmt: skip

    def read_statement(self, incoming: Incoming) -> LineFacts:
        """A fact for each pay-out that a phone has; what was not collected says nothing about money."""
        with incoming.open() as file:
            for record in arriving.records(file):
                if record.paid:
                    yield fact(record)
        return None

    def transport(self) -> Transport:
        """A folder on this machine."""
        return Outbox(Path(self.settings.outbox), self.settings.inbox)


def fact(record: ProofRecord) -> LineFact:
    """The line waits for its checker. A record that was altered is kept and shown, and decides nothing."""
    verdict = Waiting() if record.intact else Unknown("the record is not what the phone wrote: its hash differs")
    return LineFact(
        verdict=verdict, key=arriving.key_of(record.list, record.line, record.payment), reference=record.hash,
        amount=Money(record.amount, record.currency), proof=record.intact,
        text=f"{record.device} record {record.number}: {record.officer} paid {record.invoice}",
    )  # fmt: skip
