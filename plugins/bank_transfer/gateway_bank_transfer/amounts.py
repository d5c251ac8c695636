"""Amounts as banks write them, in minor units; or nothing where a text is no amount of that currency."""

from __future__ import annotations

import re
from functools import lru_cache

from gateway_core.contract import Money, decimals

# [0-9], not \d; ISO 20022 lets a number begin with a sign or a dot, and no bank's statement does.
_COUNT = re.compile(r"[0-9]{1,15}")
_NUMBER = re.compile(r"([0-9]{1,18})(?:\.([0-9]{0,17}))?")


# An entry's amount is asked for several times on its way.
@lru_cache(maxsize=1024)
def money(text: str | None, currency: str | None) -> Money | None:
    """ "100.00" or "100" of a currency with two decimals is 10000; more decimals than it has must be zeros."""
    minor = _minor(text or "", currency or "")
    return None if minor is None else Money(minor, currency or "")


def _minor(text: str, currency: str) -> int | None:
    places = decimals(currency)
    found = _NUMBER.fullmatch(text.strip())
    if places is None or found is None:
        return None
    fraction = (found[2] or "").rstrip("0")
    if len(fraction) > places:
        return None
    return int(found[1]) * int(10**places) + int(fraction.ljust(places, "0") or 0)


def count(text: str | None) -> int | None:
    """A number of lines as the schemas have it (up to 15 digits); None of anything else."""
    return int(text) if text is not None and _COUNT.fullmatch(text) else None
