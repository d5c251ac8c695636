"""Filters: which invoices. All that are given must fit.

district=north        one of the texts, separated by commas        tags=urban        has one of the tags
district!=north       none of them                                 location^=UG-2    begins so
amount>=100.00        amounts, or whole numbers: < <= > >=
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import attrs

from ...model.errors import WrongState
from ...model.money import read_money
from ...model.payment import Invoice

_SHAPE = re.compile(r"([^=!<>^]+)(!=|\^=|<=|>=|=|<|>)(.*)", re.DOTALL)
_ORDER: Mapping[str, Callable[[int, int], bool]] = {
    "<": lambda one, other: one < other, "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other, ">=": lambda one, other: one >= other,
}  # fmt: skip
TAGS, AMOUNT = "tags", "amount"
MOST = 50


@attrs.frozen
class Filter:
    """One condition on a field."""

    field: str
    sign: str
    values: tuple[str, ...]

    def fits(self, fields: Mapping[str, str]) -> bool:
        """Whether an invoice with these fields is meant."""
        have = fields.get(self.field, "")
        if self.sign in _ORDER:
            return self._compared(have, fields.get("currency", ""))
        parts = _tags(have) if self.field == TAGS else {have}
        if self.sign == "^=":
            return any(part.startswith(value) for part in parts for value in self.values)
        return (self.sign == "=") == (not parts.isdisjoint(self.values))

    def _compared(self, have: str, currency: str) -> bool:
        one, other = (_number(text, currency if self.field == AMOUNT else "") for text in (have, self.values[0]))
        return one is not None and other is not None and _ORDER[self.sign](one, other)


def _tags(text: str) -> set[str]:
    return {tag.strip() for tag in text.split(",")} - {""}


def _number(text: str, currency: str) -> int | None:
    if currency:
        money = read_money(text, currency)
        return money.minor if money else None
    text = text.strip()
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= 18 else None


def read_filters(given: Sequence[str] | Mapping[str, str | Sequence[str]]) -> tuple[Filter, ...]:
    """Filters as text, or as {field: value or values}. Raises WrongState for what is none."""
    if len(given) > MOST:
        raise WrongState(f"at most {MOST} filters go together")
    if isinstance(given, Mapping):
        return tuple(Filter(name, "=", (v,) if isinstance(v, str) else tuple(v)) for name, v in given.items())
    return tuple(map(_read, given))


def _read(text: str) -> Filter:
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise WrongState(f"{text[:60]!r} is no filter: write FIELD=VALUE, or with !=, ^=, <, <=, > or >=")
    field, sign, value = found[1].strip(), found[2], found[3].strip()
    values = (value,) if sign in _ORDER else tuple(part.strip() for part in value.split(","))
    return Filter(field, sign, values)


def fields_of(invoice: Invoice, tags: Sequence[str] = ()) -> dict[str, str]:
    """All that filters and splits may name: the invoice's own columns, the host's, and the tags with the cycle's."""
    own = {
        "invoice": invoice.id, "beneficiary": invoice.beneficiary, "name": invoice.name,
        "account_type": invoice.account.type, "account": invoice.account.value, "amount": invoice.amount.text,
        "currency": invoice.amount.currency, "programme": invoice.programme, "cycle": invoice.cycle,
        "instalment": invoice.instalment, "channel": invoice.channel, "reference": invoice.reference,
        "payment_point": invoice.account.value if invoice.account.type == "payment_point" else "",
    }  # fmt: skip
    hers = [invoice.extra[TAGS]] if invoice.extra.get(TAGS) else []
    return {**invoice.extra, **own, TAGS: ",".join([*hers, *tags])}
