"""Money: an integer count of the currency's smallest unit. Never a float, never a bare Decimal.

Currencies and their decimals are ISO 4217's (the `iso4217` package carries the agency's own table).
"""

from __future__ import annotations

import re
from functools import lru_cache

import attrs
from iso4217 import Currency

# [0-9], not \d: int() would read Arabic-Indic and full-width digits too, which nobody who approves the file sees alike.
_PLAIN = re.compile(r"[0-9]{1,18}(\.[0-9]{1,9})?")
# One class each, no neighbours that match the same character: linear on any input.
_SEPARATED = re.compile(r"[0-9.,'’\s]+")
_NEGATIVE = re.compile(r"[-\u2212][0-9.,'’\s]+")
_WRONG_SHAPES = (
    ("too_large", re.compile(r"[0-9]{19,}"), "is larger than any amount", "check the number of digits"),
    ("not_a_number", re.compile(r"[^0-9]*"), "is not a number", "write digits 0 to 9 with a decimal point"),
    ("negative", _NEGATIVE, "is negative", "an invoice is an amount owed; write it without a sign"),
    ("separators", _SEPARATED, "has separators", "write digits and one decimal point only, for example 1500.00"),
)
# Stores keep amounts in 64 bits with a sign.
_LARGEST = 2**63 - 1


@lru_cache(maxsize=1024)  # bounded: the codes may come from a file
def decimals(currency: str) -> int | None:
    """Decimals of an ISO 4217 code (UGX 0, USD 2, BHD 3), or None for a code that is not a currency to pay in."""
    try:
        known = Currency(currency)
    except ValueError:
        return None
    return known.exponent


@attrs.frozen(order=False)
class Money:
    """`minor` smallest units of `currency`: Money(50_000, "USD") is 500.00 dollars."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    @property
    def text(self) -> str:
        """The amount alone with the currency's decimals and no separators: "500.00"."""
        return amount_text(self.minor, self.currency)


def amount_text(minor: int, currency: str) -> str:
    """`minor` units as a plain decimal string: (-5, "USD") is "-0.05"."""
    places = decimals(currency) or 0
    if not places:
        return str(minor)
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


class AmountError(ValueError):
    """Why a text is no amount: `code` is stable, `mend` tells what to write instead."""

    def __init__(self, code: str, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.code, self.reason, self.mend = code, reason, mend


def split_decimal(text: str) -> tuple[str, str]:
    """("500", "5") for "500.50": digits before the point, and significant digits after it.

    Raises AmountError: missing, too_large, negative, separators, not_a_number. These need no currency to be seen.
    """
    text = text.strip()
    if not text:
        raise AmountError("missing", "the amount is empty", "write the amount owed, for example 500.00")
    if _PLAIN.fullmatch(text):
        whole, _, fraction = text.partition(".")
        return whole, fraction.rstrip("0")
    shown = repr(text if len(text) <= 40 else text[:40] + "…")
    for code, pattern, what, mend in _WRONG_SHAPES:
        if pattern.fullmatch(text):
            raise AmountError(code, f"{shown} {what}", mend)
    raise AmountError("not_a_number", f"{shown} is not a number", "write digits 0 to 9 with a decimal point")


def parse_amount(text: str, currency: str) -> Money:
    """Read "500", "500.00" or "500.50" exactly. Zeros beyond the currency's decimals are harmless (500.00 UGX is 500).

    Raises AmountError: unknown_currency, missing, separators, not_a_number, negative, too_precise, too_large, zero.
    """
    places = decimals(currency)
    if places is None:
        raise AmountError("unknown_currency", f"{currency!r} is not an ISO 4217 currency", _currency_mend(currency))
    whole, significant = split_decimal(text)
    text = text.strip()
    if len(significant) > places:
        raise AmountError(
            "too_precise", f"{text!r} has more decimals than {currency} ({places})", f"round it to {places} decimals"
        )
    minor = _minor(whole, significant, places)
    if minor == 0:
        raise AmountError("zero", "the amount is zero", "leave out invoices that owe nothing")
    if minor > _LARGEST:
        raise AmountError("too_large", f"{text!r} is larger than any amount", "check the number of digits")
    return Money(minor, currency)


def read_money(said: object, currency: object) -> Money | None:
    """An amount as a rail writes it ("1500.5", "1500.50", 1500), exactly; None for whatever is none.

    Zero is one, too (of a balance). What has more decimals than the currency has is none: nothing is rounded.
    """
    known = isinstance(said, str | int | float) and not isinstance(said, bool)
    places = decimals(currency) if known and isinstance(currency, str) else None
    if places is None:
        return None
    try:
        whole, significant = split_decimal(str(said))
    except ValueError:
        return None
    return Money(_minor(whole, significant, places), str(currency)) if len(significant) <= places else None


def _minor(whole: str, significant: str, places: int) -> int:
    return int(whole + significant.ljust(places, "0"))


def _currency_mend(currency: str) -> str:
    upper = currency.strip().upper()
    return f"write {upper}" if decimals(upper) is not None else "write a code such as UGX"
