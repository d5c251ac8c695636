"""Amounts: FSPIOP's text, our minor units, and back, exactly. Of "100" and "100.00" only the first is FSPIOP.

A text that came from elsewhere is never written anew: it is copied, because packet and condition cover it.
"""

from __future__ import annotations

from functools import lru_cache

from iso4217 import Currency

from gateway_core.contract import Money

from .texts import LEXICAL, Malformed

# Currencies that hubs still know and ISO 4217 has withdrawn (all of them have two decimals).
WITHDRAWN = frozenset({"ANG", "BGN", "CUC", "HRK", "SLL", "ZWL"})
# A packet's amount has 64 bits; a hub's ledger 18 digits in all, four of them decimals.
LARGEST_PACKET = 2**64 - 1


@lru_cache(maxsize=512)
def decimals(currency: str) -> int:
    """Raises Malformed for what is no currency to pay in."""
    if currency in WITHDRAWN:
        return 2
    try:
        places = Currency(currency).exponent
    except ValueError:
        places = None
    if places is None:
        raise Malformed(f"{currency[:10]!r} is no currency to pay in")
    return places


def amount_text(money: Money) -> str:
    """ "200" for 200.00, "200.5" for 200.50."""
    text = money.text
    return text.rstrip("0").rstrip(".") if "." in text else text


def minor_units(amount: object, currency: object) -> int:
    """Smallest units of a Money's texts. Raises Malformed: no Amount, an unknown currency, parts of a smallest unit."""
    if not isinstance(amount, str) or not isinstance(currency, str) or not LEXICAL["Amount"].fullmatch(amount):
        raise Malformed(f"{str(amount)[:30]!r} is no Amount")
    whole, _, fraction = amount.partition(".")
    places = decimals(currency)
    if len(fraction) > places:
        raise Malformed(f"{amount} has parts of the smallest unit of {currency}")
    return int(whole + fraction.ljust(places, "0"))


def packet_amount(amount: object, currency: object) -> int:
    """As an ILP packet has it. Raises Malformed; implementations in use cut parts off, or wrap around at 2**64."""
    minor = minor_units(amount, currency)
    if minor > LARGEST_PACKET:
        raise Malformed(f"{amount} {currency} does not fit into a packet")
    return minor
