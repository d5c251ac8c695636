"""Amounts as operators write them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway_core.contract import Money


def plain_amount(money: Money) -> str:
    """ "200" for 200.00, "200.5" for 200.50: the shape that every pattern in use accepts."""
    text = money.text
    return text.rstrip("0").rstrip(".") if "." in text else text


def same_amount(said: object, wanted: object) -> bool:
    """Whether two spellings are one amount ("50", 50, "50.00")."""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return False
    try:
        return Decimal(str(said).strip()) == Decimal(str(wanted))
    except InvalidOperation:
        return False


def money_of(body: Mapping[str, Any]) -> Money:
    """A balance {"available": "1200.50", "currency": "KES"} in smallest units, cut down to a whole one.

    Raises ValueError for what is no amount.
    """
    currency = str(body["currency"])
    one = Money(1, currency)
    places = len(one.text.partition(".")[2])
    try:
        return Money(int(Decimal(str(body["available"]).strip()).scaleb(places)), currency)
    except (InvalidOperation, OverflowError, ValueError):
        raise ValueError("the balance is no amount") from None
