"""A payroll as it was read: everything that is wrong with it, and its good lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

import attrs

from ...model.accounts import Account
from ...model.errors import Mistake
from ...model.identity import entitlement_of
from ...model.money import Money
from ...model.payment import Invoice
from .compare import Objections
from .rules import COLUMNS
from .scratch import Scratch


@attrs.frozen(kw_only=True)
class Taken:
    """The result of `read`. Its lines lie in a scratch file until `close`; use it as a context manager.

    * `mistakes` are listed in the order of lines, `more` is how many are counted only, `counts` says how many there
      are of each code. With any mistake nothing of the payroll may be used.
    * `warnings` and `more_warnings` are shown, and in nobody's way.
    * `objections` gives (line, Objection) for each line that two people must release at approval: all, streamed.
    * `count` is of lines, good or not; `currency` the most frequent one (None: no line has a readable amount), `total`
      the sum of the readable amounts in it.
    * `columns` are the names of the columns kept as extra data.
    """

    mistakes: Sequence[Mistake]
    more: int
    counts: Mapping[str, int]
    warnings: Sequence[Mistake]
    more_warnings: int
    objections: Objections
    count: int
    currency: str | None
    total: Money | None
    columns: Sequence[str]
    _scratch: Scratch = attrs.field(repr=False)

    def pages(self, size: int) -> Iterator[list[tuple[int, Invoice]]]:
        """Good lines in order, (line, invoice), `size` at a time."""
        for page in self._scratch.pages(", ".join((*COLUMNS, "extra")), size):
            yield [(line, _invoice(*cells)) for line, *cells in page]

    def entitlements(self, size: int) -> Iterator[list[tuple[int, str, str]]]:
        """(line, entitlement, invoice id) of good lines in order: what the store is asked about (law 9)."""
        for page in self._scratch.pages("programme, cycle, beneficiary, instalment, invoice", size):
            yield [(line, entitlement_of(*parts), parts[-1]) for line, *parts in page]

    def close(self) -> None:
        """Remove the scratch file. Closing twice is harmless."""
        self._scratch.close()

    def __enter__(self) -> Taken:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _invoice(
    invoice: str, beneficiary: str, name: str, account_type: str, account: str, amount: int, currency: str,
    programme: str, cycle: str, instalment: str, channel: str, reference: str, extra: str,
) -> Invoice:  # fmt: skip
    return Invoice(
        id=invoice, beneficiary=beneficiary, name=name, account=Account(account_type, account),
        amount=Money(amount, currency), programme=programme, cycle=cycle, instalment=instalment, channel=channel,
        reference=reference, extra=json.loads(extra) if extra else {},
    )  # fmt: skip
