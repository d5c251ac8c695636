"""Who is owed in a cycle, before anybody has said how much; and the items that an amount is made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import attrs

from .accounts import Account
from .money import Money, amount_text, read_money

# The column of an invoice's extra data in which its items stand: so they are under the approval digest (law 5).
ITEMS = "line_items"
BENEFICIARY, INSTITUTION = "beneficiary", "institution"


@attrs.frozen(kw_only=True)
class Beneficiary:
    """A person whom a cycle owes. `amount` is her own; None: the cycle's. `extra`: the host's data as text, which rules
    and filters may name.
    """

    id: str
    name: str
    account: Account
    amount: Money | None = None
    instalment: str = ""
    channel: str = ""
    reference: str = ""
    extra: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Item:
    """A part of an amount, in minor units: what is taken off is negative. One that the institution bears is beside the
    amount, and not in it. `kind`: base, supplement, limit, tax, fee, rebate.
    """

    name: str
    kind: str
    minor: int
    borne_by: str = BENEFICIARY


def total(items: Sequence[Item]) -> int:
    """The amount: the sum of what the beneficiary gets and bears."""
    return sum(item.minor for item in items if item.borne_by == BENEFICIARY)


def written(items: Sequence[Item], currency: str) -> str:
    """Items as an invoice carries them: JSON, [name, kind, amount] each, and "institution" where that bears it."""
    rows = [
        [i.name, i.kind, amount_text(i.minor, currency), *([i.borne_by] if i.borne_by != BENEFICIARY else [])]
        for i in items
    ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def items_of(extra: Mapping[str, str], currency: str) -> list[Item]:
    """The items of an invoice or payment; [] where it has none. Raises ValueError where they are not ours to read."""
    return [
        Item(name, kind, _minor(amount, currency), *borne_by)
        for name, kind, amount, *borne_by in json.loads(extra.get(ITEMS) or "[]")
    ]


def _minor(text: str, currency: str) -> int:
    money = read_money(text.removeprefix("-"), currency)
    if money is None:
        raise ValueError(f"{text!r} is no amount in {currency}")
    return -money.minor if text.startswith("-") else money.minor
