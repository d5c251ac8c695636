"""What the caller may set, and what is fixed: every limit and every column name in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from ...model.money import Money

REQUIRED = ("invoice", "beneficiary", "name", "account_type", "account", "amount", "currency")
OPTIONAL = ("programme", "cycle", "instalment", "channel", "reference")
COLUMNS = REQUIRED + OPTIONAL

# Characters. 140 is what ISO 20022 leaves for a name and for remittance text; 128 is our own for ids.
LONGEST: Mapping[str, int] = dict.fromkeys(COLUMNS, 128) | {"name": 140, "reference": 140, "account": 256}

DELIMITERS: Mapping[str, str] = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}

# A million million minor units is no payment to a person; and sums of 9,000,000 of them still fit in 64 bits.
LARGEST_AMOUNT = 10**12

# Many people may be paid at one payment point: sharing it says nothing.
SHARED_BY_NATURE = ("payment_point",)


@attrs.frozen(kw_only=True)
class Rules:
    """How to read one payroll, and what it must agree with.

    `channels` maps each channel that a line may name to its largest amount
    (None: no limit); `default_channel` is the payroll's own. `control_total` is decimal text in the payroll's currency.
    `delimiter` is one of DELIMITERS or its name; None finds out. At most `max_mistakes` findings of a sort are listed,
    the rest is counted. Limits are in bytes for the file and in characters for a line (quoted newlines included).
    `fill` makes whole rows of those read, before anything is checked; the columns `filled` need not be in a file then.
    """

    default_channel: str
    channels: Mapping[str, Money | None]
    control_total: str | None = None
    control_count: int | None = None
    delimiter: str | None = None
    encoding: str | None = None
    max_mistakes: int = 10_000
    max_file_bytes: int = 4 * 2**30
    max_line_chars: int = 64 * 2**10
    max_columns: int = 200
    fill: Callable[[Iterator[Any]], Iterator[Any]] | None = None
    filled: frozenset[str] = frozenset()
