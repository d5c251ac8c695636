"""How a pay list is printed: every choice in one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

# Widths in millimetres by column; "person" takes what is left. A column is left out by not naming it.
WIDTHS: Mapping[str, float] = {
    "number": 9, "code": 21, "person": 0, "beneficiary": 26, "invoice": 26, "alternates": 30, "amount": 25,
    "photo": 21, "signature": 40, "date": 20, "recipient": 34,
}  # fmt: skip
USUAL = ("number", "code", "person", "amount", "photo", "signature")
# What is printed, by what it says; another language is another table.
WORDS: Mapping[str, str] = {
    "title": "Pay list", "number": "No.", "code": "Code", "person": "Beneficiary", "beneficiary": "Id",
    "invoice": "Invoice", "alternates": "May be taken by", "amount": "Amount", "photo": "Photo",
    "signature": "Signature or thumbprint", "date": "Date", "recipient": "Taken by (if another)",
    "payroll": "Payroll", "point": "Payment point", "manager": "Manager", "days": "Days", "list": "List",
    "replaces": "Replaces", "page": "Page", "of": "of", "this_page": "This page", "so_far": "So far",
    "lines": "lines", "line": "line", "total": "Total", "check": "Check", "draft": "DRAFT", "issued": "ISSUED",
    "test": "TEST - no real money", "paid": "Paid out", "returned": "Returned", "officer": "Paid by (name, signature)",
    "second": "Counted by (name, signature)", "or": "or",
}  # fmt: skip


def _tuple(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _paths(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(paths)


def _columns(_: object, __: object, value: tuple[str, ...]) -> None:
    if not value or len(set(value)) < len(value) or set(value) - set(WIDTHS):
        raise ValueError(f"columns are some of {', '.join(WIDTHS)}, each once")
    if sum(WIDTHS[name] for name in value) > 155 and "person" in value:
        raise ValueError("these columns leave no room for names on a page in A4; leave some out")


@attrs.frozen(kw_only=True)
class PaperSettings:
    """`logo` is a PNG or JPEG file. `fonts`: TrueType files; a character is written in the first one that has it.

    `columns` are names of WIDTHS in their order. `words` replaces some of WORDS. Without `fonts`, Latin letters only.
    """

    logo: Path | None = None
    columns: tuple[str, ...] = attrs.field(default=USUAL, converter=_tuple, validator=_columns)
    fonts: tuple[Path, ...] = attrs.field(default=(), converter=_paths)
    words: Mapping[str, str] = attrs.field(factory=dict)

    def word(self, name: str) -> str:
        """What is printed for it."""
        return self.words.get(name, WORDS[name])
