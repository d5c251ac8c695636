"""Counts and sums of a payroll while it is read, and the control sums that it must agree with."""

from __future__ import annotations

import attrs

from ...model.money import AmountError, Money, parse_amount
from .findings import Findings, Problem
from .row import Record
from .rules import COLUMNS, Rules

_AMOUNT, _CURRENCY = 1 + COLUMNS.index("amount"), 1 + COLUMNS.index("currency")


@attrs.define
class Tally:
    """Readable amounts in one currency."""

    first: int
    lines: int = 0
    minor: int = 0


@attrs.define
class Sums:
    """`count` is of all lines; an amount that cannot be read is in no tally. Python's integers have no limit."""

    count: int = 0
    tallies: dict[str, Tally] = attrs.field(factory=dict)

    def add(self, record: Record) -> None:
        """Count one record."""
        self.count += 1
        minor, currency = record[_AMOUNT], record[_CURRENCY]
        if isinstance(minor, int) and isinstance(currency, str):
            tally = self.tallies.get(currency)
            if tally is None:
                tally = self.tallies[currency] = Tally(self.count)
            tally.lines += 1
            tally.minor += minor

    @property
    def currency(self) -> str | None:
        """The payroll's: the most frequent, of equally frequent ones the first."""
        return max(self.tallies, key=lambda each: (self.tallies[each].lines, -self.tallies[each].first), default=None)

    @property
    def total(self) -> Money | None:
        """The sum of the readable amounts in the payroll's currency."""
        currency = self.currency
        return Money(self.tallies[currency].minor, currency) if currency else None

    @property
    def complete(self) -> bool:
        """Every line has a readable amount, all in one currency: only then does the total mean anything."""
        return len(self.tallies) == 1 and sum(tally.lines for tally in self.tallies.values()) == self.count


def check_controls(sums: Sums, rules: Rules, mistakes: Findings) -> None:
    """Report, on the file, what differs from the declared control sums. Unreadable amounts are mistakes already."""
    if rules.control_count is not None and rules.control_count != sums.count:
        reason = f"the payroll has {sums.count} lines, declared are {rules.control_count}"
        mistakes.add(Problem("control_count", "control_count", reason, "find the lines missing or too many").at(0))
    if rules.control_total is not None and sums.complete and (problem := _wrong_total(sums, rules.control_total)):
        mistakes.add(problem.at(0))


def _wrong_total(sums: Sums, declared: str) -> Problem | None:
    total = sums.total
    assert total is not None
    try:
        expected = parse_amount(declared, total.currency)
    except AmountError as error:
        return Problem("control_total", "control_total", str(error), error.mend)
    if expected == total:
        return None
    reason = f"the lines add up to {total}, declared is {expected}"
    return Problem("control_total", "control_total", reason, "find the lines missing, too many or changed")
