"""One row of a payroll -> a record to keep, with every mistake of the row at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ...model.accounts import ACCOUNT_TYPES, READERS, AccountError
from ...model.errors import Mistake
from ...model.money import AmountError, Money, amount_text, decimals, parse_amount, split_decimal
from .findings import Problem, label, shown
from .row import Cells, Record, Row
from .rules import COLUMNS, LARGEST_AMOUNT, Rules
from .text import is_tidy, is_tidy_cell, read_text, text_problem


class LineCheck:
    """Applies the rules to one row after the other."""

    def __init__(self, rules: Rules) -> None:
        self._default, self._limits = rules.default_channel, dict(rules.channels)

    def __call__(self, row: Row) -> tuple[Record, Sequence[Mistake]]:
        """The record of a row, and its mistakes in the order of the columns."""
        line, cells, extra, problems = row
        found = list(problems)
        if not is_tidy(cells):
            cells = _texts(cells, found)
        invoice, beneficiary, name, type, value, amount, money, programme, cycle, instalment, channel, reference = cells
        account = self._account(type, value, found)
        minor, currency, wrong = _money(amount, money)
        found += wrong
        channel = self._channel(channel, minor, currency, found)
        packed = _pack(extra, found) if extra else ""
        mistakes = [problem.at(line) for problem in sorted(found, key=_place)] if found else ()
        return (
            line, invoice, beneficiary, name, type, account, minor, currency, programme, cycle, instalment, channel,
            reference, packed, not found,
        ), mistakes  # fmt: skip

    def _account(self, type: str | None, value: str | None, found: list[Problem]) -> str | None:
        if not type or not value:
            return None
        reader = READERS.get(type)
        if reader is None:
            reason = f"{shown(type)} is not an account type"
            found.append(Problem("account_type", "unknown_type", reason, f"write one of {', '.join(ACCOUNT_TYPES)}"))
            return None
        try:
            return reader(value)
        except AccountError as error:
            found.append(Problem("account", "implausible", f"as {type}, {error.reason}", error.mend))
            return None

    def _channel(self, name: str | None, minor: int | None, currency: str | None, found: list[Problem]) -> str | None:
        if name is None:
            return None
        limit = self._limits.get(name or self._default)
        if name and name not in self._limits:
            mend = f"write one of {', '.join(sorted(self._limits)) or 'the configured channels'}, or leave it empty"
            found.append(Problem("channel", "unknown_channel", f"{shown(name)} is not a configured channel", mend))
            return None
        if limit and minor is not None and (currency != limit.currency or minor > limit.minor):
            found.append(_above(minor, limit, currency or "", name or self._default))
        return name


def _above(minor: int, limit: Money, currency: str, channel: str) -> Problem:
    if currency != limit.currency:
        reason = f"the limit of {channel} is in {limit.currency}, this amount is in {currency}"
        return Problem("currency", "limit_currency", reason, "use a channel of that currency, or mend its max_amount")
    reason = f"{amount_text(minor, currency)} {currency} is above the limit of {channel}, {limit}"
    return Problem("amount", "above_limit", reason, "check the amount; to pay it, raise max_amount of the channel")


def _texts(cells: Cells, found: list[Problem]) -> Cells:
    """Each cell in its one form, or None with a problem found."""
    read: list[str | None] = []
    for field, raw in zip(COLUMNS, cells, strict=True):
        text = None if raw is None else read_text(field, raw)
        if isinstance(text, Problem):
            found.append(text)
            text = None
        read.append(text)
    return tuple(read)


# The same few amounts fill a payroll. Bounded, for those that differ on every line.
@lru_cache(maxsize=4096)
def _money(amount: str | None, currency: str | None) -> tuple[int | None, str | None, tuple[Problem, ...]]:
    """Minor units and currency, each None if it cannot be read, and what is wrong."""
    try:
        if currency and decimals(currency) is None:
            return None, None, (_unknown(currency), *_money(amount, None)[2])
        if amount and not currency:
            split_decimal(amount)  # whatever is wrong without knowing the currency
        if not amount or not currency:
            return None, currency, ()
        minor = parse_amount(amount, currency).minor
        if minor > LARGEST_AMOUNT:
            raise AmountError("too_large", f"{shown(amount)} is larger than any payment", "check the number of digits")
    except AmountError as error:
        return None, currency, (Problem("amount", error.code, str(error), error.mend),)
    return minor, currency, ()


def _unknown(currency: str) -> Problem:
    try:
        parse_amount("1", currency)
    except AmountError as error:
        return Problem("currency", error.code, str(error), error.mend)
    raise AssertionError(currency)


def _pack(extra: Mapping[str, str], found: list[Problem]) -> str:
    for name, text in extra.items():
        if not is_tidy_cell(text) and (problem := text_problem(name, text)):
            found.append(problem._replace(field=label(name)))
    return json.dumps(extra, separators=(",", ":"))  # in ASCII: bytes that did not decode can be kept too


_PLACES = {name: place for place, name in enumerate(COLUMNS)}


def _place(problem: Problem) -> int:
    return _PLACES.get(problem.field, len(COLUMNS))
