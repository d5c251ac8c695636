"""Money: an integer count of the currency's smallest unit. Never a float, never a bare Decimal.

Currencies and their decimals are ISO 4217's (the `iso4217` package carries the agency's own table).
"""

from __future__ import annotations

import re
from functools import cache

import attrs
from iso4217 import Currency

_PLAIN = re.compile(r"^\d{1,18}(\.\d{1,9})?$")


@cache
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


def parse_amount(text: str, currency: str) -> Money:
    """Read "500", "500.00" or "500.50" exactly. Zeros beyond the currency's decimals are harmless (500.00 UGX is 500).

    Raises AmountError: unknown_currency, missing, separators, not_a_number, negative, too_precise, zero.
    """
    places = decimals(currency)
    if places is None:
        raise AmountError("unknown_currency", f"{currency!r} is not an ISO 4217 currency", "write a code such as UGX")
    text = text.strip()
    if not text:
        raise AmountError("missing", "the amount is empty", "write the amount owed, for example 500.00")
    if re.fullmatch(r"-\s*[\d.,' ]+", text):
        raise AmountError("negative", f"{text!r} is negative", "an invoice is an amount owed; write it without a sign")
    if re.fullmatch(r"[\d.,'\s\u00a0\u202f]+", text) and not _PLAIN.match(text) and re.search(r"\d", text):
        raise AmountError(
            "separators", f"{text!r} has separators", "write digits and one decimal point only, for example 1500.00"
        )
    if not _PLAIN.match(text):
        raise AmountError("not_a_number", f"{text!r} is not a number", "write digits with a decimal point")
    whole, _, fraction = text.partition(".")
    significant = fraction.rstrip("0")
    if len(significant) > places:
        raise AmountError(
            "too_precise", f"{text!r} has more decimals than {currency} ({places})", f"round it to {places} decimals"
        )
    minor = int(whole) * 10**places + int(significant.ljust(places, "0") or 0)
    if minor == 0:
        raise AmountError("zero", "the amount is zero", "leave out invoices that owe nothing")
    return Money(minor, currency)
