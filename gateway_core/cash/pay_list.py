"""A pay list: the lines of one payroll that one payment point pays by hand, in order, on the days that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs

from ..model.identity import digest
from ..model.money import Money

DRAFT, ISSUED = "DRAFT", "ISSUED"
STATUS = (DRAFT, ISSUED)
# What one officer could pay in weeks; more lines than this are more lists.
LINES = 10_000
_MARK = b"gateway_core pay list code v1\n"


@attrs.frozen(kw_only=True)
class Alternate:
    """Someone other than the beneficiary who may take the money, named when the list was made."""

    name: str
    relation: str = ""
    document: str = ""


@attrs.frozen(kw_only=True)
class ListLine:
    """One payment on a pay list. `number` counts from 1; `amount` is in the currency's smallest unit.

    `code` is what a camera reads beside the line (see `code_of`). `note` is printed under the name, for example a card
    number or a village.
    """

    number: int
    payment: str
    invoice: str
    beneficiary: str
    name: str
    amount: int
    code: str
    note: str = ""
    alternates: tuple[Alternate, ...] = ()


@attrs.frozen(kw_only=True)
class Sums:
    """Control sums: how many lines, their amounts together (minor units), and a digest over the lines in order."""

    count: int
    total: int
    digest: str

    @property
    def short(self) -> str:
        """The digest's first eight characters, for people to compare: "3F2A 9C01"."""
        return f"{self.digest[:4]} {self.digest[4:8]}".upper()


@attrs.frozen(kw_only=True)
class PayList:
    """`id` is derived and stable for ever; `number` counts the payroll's lists from 1, a reissue gets a new one.

    `days` are ISO dates ("2026-11-30") in order, at least one, in the point's time zone. `status` is DRAFT or ISSUED;
    `replaces` names the list instead of which this one was issued. `environment` is "test" or "live".
    """

    id: str
    number: int
    payroll: str
    payroll_name: str
    point: str
    point_name: str
    days: tuple[str, ...]
    currency: str
    lines: tuple[ListLine, ...]
    status: str = attrs.field(default=DRAFT, validator=attrs.validators.in_(STATUS))
    manager: str = ""
    replaces: str = ""
    deployment: str = ""
    environment: str = "test"

    @property
    def sums(self) -> Sums:
        """What is printed at its end and compared when it comes back."""
        return sums_of(self.lines)

    @property
    def total(self) -> Money:
        """The cash that the point needs for it."""
        return Money(sum(line.amount for line in self.lines), self.currency)


def sums_of(lines: Sequence[ListLine]) -> Sums:
    """The control sums over these lines."""
    running = hashlib.sha256()
    for line in lines:
        running.update(digest([line.number, line.payment, line.invoice, line.beneficiary, line.name, line.amount]))
    return Sums(count=len(lines), total=sum(line.amount for line in lines), digest=running.hexdigest())


def code_of(list_id: str, number: int, payment: str, amount: int) -> str:
    """What the camera reads beside a line: "GC1:LIST:17:9F3A60C2". The last part is a check, not a secret."""
    said = f"{list_id}\n{number}\n{payment}\n{amount}".encode()
    return f"GC1:{list_id}:{number}:{hashlib.sha256(_MARK + said).hexdigest()[:8].upper()}"
