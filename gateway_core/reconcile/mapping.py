"""Which column of a table is what, and which words mean what: of our own lists, and of each provider's statements.

A provider's is kept in the configuration, as `statement` of its channel.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import attrs

VERDICTS = ("paid", "refused", "returned", "pending", "ignored")
FIELDS = (
    "id", "invoice", "reference", "account", "status", "amount", "fee", "currency", "date", "reason", "text",
)  # fmt: skip
_PARTS = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d"}
_PATTERN = re.compile(r"(YYYY|YY|MM|DD)")
ISO = "YYYY-MM-DD"


@attrs.frozen(kw_only=True)
class SheetMapping:
    """`columns`: {field: the column's name as its header has it}. `words`: {word in small letters: verdict}.

    `date` is written with YYYY or YY, MM and DD. `signed`: amounts with a minus are paid, others came back. `header` is
    the line of the header.
    """

    columns: Mapping[str, str]
    words: Mapping[str, str]
    date: str = ISO
    decimal: str = "."
    thousands: str = ""
    currency: str = ""
    delimiter: str = ""
    encoding: str = ""
    header: int = 1
    signed: bool = False
    # A line without an amount means the whole payment; one without a status says nothing yet. Only in our own lists.
    whole: bool = False

    def day(self, text: str) -> datetime.date:
        """The day that a cell tells. Raises ValueError for any other form than the declared one."""
        form = _PATTERN.sub(lambda part: _PARTS[part[0]], self.date)
        # strptime alone would take "5/3/2026" for DD/MM/YYYY: then nobody knows which was meant.
        if len(text) != len(self.date):
            raise ValueError(text)
        return datetime.datetime.strptime(text, form).date()  # noqa: DTZ007 - a day has no zone


LIST = SheetMapping(
    columns={
        "id": "payment", "invoice": "invoice", "account": "account", "status": "paid", "reference": "receipt",
        "amount": "paid_amount", "fee": "fee", "currency": "currency", "date": "paid_on", "reason": "reason",
    },
    words={
        **dict.fromkeys(("yes", "y", "true", "1", "paid"), "paid"),
        **dict.fromkeys(("no", "n", "false", "0", "refused", "not paid", "unpaid"), "refused"),
        "returned": "returned",
        "pending": "pending",
    },
    whole=True,
)  # fmt: skip


class Unmapped(ValueError):
    """A mapping that cannot be used: `key`, the reason, and how to mend it."""

    def __init__(self, key: str, reason: str, mend: str) -> None:
        super().__init__(f"{key} {reason}")
        self.key, self.reason, self.mend = key, reason, mend


def read_mapping(given: Mapping[str, Any]) -> SheetMapping:
    """The mapping that a configuration writes. Raises Unmapped."""
    known = {*attrs.fields_dict(SheetMapping), *VERDICTS} - {"words", "whole"}
    for key in given:
        if key not in known:
            raise Unmapped(str(key), "is not known here", f"known are {', '.join(sorted(known))}")
    columns = _texts(given, "columns")
    for field, name in columns.items():
        if field not in FIELDS or not name:
            raise Unmapped(f"columns.{field}", "is no field of a statement", f"known are {', '.join(FIELDS)}")
    made = {key: _plain(given, key) for key in given if key not in ("columns", *VERDICTS)}
    mapping = SheetMapping(columns=columns, words=_words(given), **made)
    _usable(mapping)
    return mapping


def _texts(given: Mapping[str, Any], key: str) -> dict[str, str]:
    value = given.get(key)
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value.values()):
        raise Unmapped(key, "is no table of names", f'write {key} = {{ reference = "Transaction ID", ... }}')
    return {str(field): name.strip() for field, name in value.items()}


def _words(given: Mapping[str, Any]) -> dict[str, str]:
    words: dict[str, str] = {}
    for verdict in VERDICTS:
        said = given.get(verdict, [])
        if not isinstance(said, list | tuple) or not all(isinstance(word, str) for word in said):
            raise Unmapped(verdict, "is no list of words", f'write {verdict} = ["SUCCESSFUL"]')
        for word in said:
            if words.setdefault(word.strip().casefold(), verdict) != verdict:
                raise Unmapped(verdict, f"has {word!r}, which means something else already", "give each word once")
    return words


def _plain(given: Mapping[str, Any], key: str) -> Any:
    value, kinds = given[key], {"header": int, "signed": bool}
    right = type(value) is kinds.get(key, str)
    if not right or (isinstance(value, int) and key == "header" and not 1 <= value <= 100):
        raise Unmapped(key, "is of the wrong kind", "see the page about reconciling")
    return value


def _usable(mapping: SheetMapping) -> None:
    columns = mapping.columns
    named = {"id", "invoice", "reference"} & set(columns)
    if not named and not {"account", "amount", "date"} <= set(columns):
        raise Unmapped("columns", "names no payment", "map id, invoice or reference; or account, amount and date")
    if "amount" not in columns:
        raise Unmapped("columns", "has no amount", "map amount to the column of the amounts")
    if ("status" in columns) != bool(mapping.words):
        raise Unmapped("columns", "has a status without words for it, or words without a status", "map both or none")
    parts: list[str] = _PATTERN.findall(mapping.date)
    if sorted(part[0] for part in parts) != ["D", "M", "Y"]:
        raise Unmapped("date", "is no form of a date", f'write it with YYYY, MM and DD, such as "{ISO}"')
    if mapping.decimal not in (".", ",") or mapping.thousands not in ("", ".", ",", " ", "'", "\u00a0"):
        raise Unmapped("decimal", "or thousands is no separator", 'write decimal = "," and thousands = "."')
    if mapping.thousands == mapping.decimal:
        raise Unmapped("thousands", "is the decimal separator, too", "write two different ones")
