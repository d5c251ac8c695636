"""Rows of a table -> what each line says, and every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from ..engine.evidence import plain
from ..lifecycle.intake.findings import Findings, Problem, Unreadable, shown
from ..lifecycle.intake.text import text_problem
from ..model.formulas import undefused
from ..model.money import AmountError, decimals, parse_amount
from .mapping import FIELDS, SheetMapping
from .sheets import rows_of

LONGEST = 200
REASON = 500
DAYS = 1000
_MEND_DATE = "write every date in the one form that is declared, {}"
_FORMULA = Problem("", "formula", "is a formula", "paste its value")


@attrs.frozen
class Said:
    """One line: `amount` and `fee` in minor units of `currency`; None: the whole payment. `booked` is an ISO date."""

    n: int
    verdict: str
    id: str = ""
    invoice: str = ""
    reference: str = ""
    account: str = ""
    amount: int | None = None
    fee: int = 0
    currency: str = ""
    booked: str = ""
    reason: str = ""
    text: str = ""


def said_in(path: Path, mapping: SheetMapping, currency: str, problems: Findings) -> Iterator[Said]:
    """Every line that says something. What is wrong with the file or a line goes to `problems`."""
    try:
        yield from _said_in(path, mapping, currency, problems)
    except Unreadable as error:
        problems.add(error.mistake)


def _said_in(path: Path, mapping: SheetMapping, currency: str, problems: Findings) -> Iterator[Said]:
    reader: _Reader | None = None
    for line, cells in rows_of(path, tuple(mapping.columns.values()), mapping.delimiter, mapping.encoding):
        if line < mapping.header:
            continue
        if reader is None:
            reader = _Reader(mapping, _places(line, cells, mapping), currency)
            continue
        said, wrong = reader.read(line, cells)
        for problem in wrong:
            problems.add(problem.at(line))
        if said is not None and not wrong:
            yield said
    if reader is None:
        raise Unreadable(0, Problem("file", "empty", "the file has no header", "give a file with a header and lines"))


def _places(line: int, cells: list[str], mapping: SheetMapping) -> dict[str, int]:
    """Where each field's column lies. Raises Unreadable when one that is needed is missing."""
    names = [name.strip().casefold() for name in cells]
    places: dict[str, int] = {}
    for field, column in mapping.columns.items():
        at = [n for n, name in enumerate(names) if name == column.strip().casefold()]
        if len(at) > 1:
            reason = f"{len(at)} columns are named {shown(column)}"
            raise Unreadable(line, Problem("header", "duplicate_column", reason, "leave or rename all but one"))
        if at:
            places[field] = at[0]
    missing = [mapping.columns[field] for field in mapping.columns if field not in places]
    optional = {"invoice", "account", "fee", "currency", "date", "reason", "text"} if mapping.whole else set()
    needed = [mapping.columns[field] for field in mapping.columns if field not in places and field not in optional]
    if mapping.whole and "id" not in places and "invoice" in places:
        needed = [name for name in needed if name != mapping.columns["id"]]
    if needed:
        known = ", ".join(cells)[:200]
        reason = f"has no column {', '.join(map(repr, needed))}"
        raise Unreadable(line, Problem("header", "missing_column", reason, f"its columns are {known}"))
    assert len(missing) >= len(needed)
    return places


class _Reader:
    """One table's lines, each by the same columns."""

    def __init__(self, mapping: SheetMapping, places: dict[str, int], currency: str) -> None:
        self._mapping, self._currency = mapping, mapping.currency or currency
        self._places = [(field, places[field]) for field in FIELDS if field in places]
        self._wrong: list[Problem] = []
        # A statement has few days and many lines.
        self._days = {"": ""}
        thousands = re.escape(mapping.thousands)
        self._grouped = re.compile(rf"\d{{1,3}}(?:{thousands}\d{{3}})+(?!\d)") if mapping.thousands else None

    def read(self, line: int, cells: list[str]) -> tuple[Said | None, list[Problem]]:
        """What a line says, or None where it says nothing; and what is wrong with it."""
        self._wrong = []
        width = len(cells)
        given = {field: undefused(cells[at].strip()) for field, at in self._places if at < width}
        verdict = self._verdict(given.get("status", ""), given.get("amount", ""))
        if not verdict or verdict == "ignored":
            return None, self._wrong
        currency = given.get("currency", "") or self._currency
        said = Said(
            line, verdict, id=self._id(given, "id"), invoice=self._id(given, "invoice"),
            reference=self._id(given, "reference"), account=self._id(given, "account"),
            amount=self._amount(given, currency, verdict), fee=self._fee(given, currency),
            currency=currency if decimals(currency) is not None else "", booked=self._day(given.get("date", "")),
            reason=plain(given.get("reason", ""), REASON), text=plain(given.get("text", ""), REASON),
        )  # fmt: skip
        return said, self._wrong

    def _verdict(self, status: str, amount: str) -> str:
        words = self._mapping.words
        if not words:
            return self._signed(amount)
        if not status and self._mapping.whole:
            return ""
        if status.casefold() in words:
            return words[status.casefold()]
        mend = f"write one of {', '.join(words)}" if self._mapping.whole else "say what it means in the mapping"
        self._wrong.append(Problem("status", "unknown_status", f"{shown(status)} is no known status", mend))
        return "pending"

    def _signed(self, amount: str) -> str:
        if not self._mapping.signed:
            return "paid"
        return "paid" if amount.startswith(("-", "−")) or amount.endswith("-") else "returned"

    def _id(self, given: dict[str, str], field: str) -> str:
        text = given.get(field, "")
        problem = text_problem("invoice", text)
        if problem is None and len(text) > LONGEST:
            problem = Problem(field, "too_long", f"has {len(text):,} characters, at most {LONGEST} are allowed", "cut")
        if problem is not None:
            self._wrong.append(problem._replace(field=field))
            return ""
        return text

    def _amount(self, given: dict[str, str], currency: str, verdict: str) -> int | None:
        text = given.get("amount", "")
        if not text and (self._mapping.whole or verdict in ("refused", "pending")):
            return None
        return self._money(text, currency, "amount")

    def _fee(self, given: dict[str, str], currency: str) -> int:
        text = given.get("fee", "")
        return self._money(text, currency, "fee", zero=True) if text else 0

    def _money(self, text: str, currency: str, field: str, zero: bool = False) -> int:
        figure = text.removeprefix("-").removeprefix("−").removesuffix("-").strip() if self._mapping.signed else text
        if self._grouped is not None:
            figure = self._grouped.sub(lambda found: found[0].replace(self._mapping.thousands, ""), figure)
        if self._mapping.decimal != ".":
            figure = figure.replace(".", "x").replace(self._mapping.decimal, ".")
        try:
            return parse_amount(figure, currency).minor
        except AmountError as error:
            if zero and error.code == "zero":
                return 0
            self._wrong.append(Problem(field, error.code, error.reason, error.mend))
            return 0

    def _day(self, text: str) -> str:
        if text in self._days:
            return self._days[text]
        day = self._read_day(text)
        if len(self._days) < DAYS:
            self._days |= {text: day} if day else {}
        return day

    def _read_day(self, text: str) -> str:
        try:
            return self._mapping.day(text).isoformat()
        except ValueError:
            # A cell of a workbook that is a date is one in any form.
            with_iso = attrs.evolve(self._mapping, date="YYYY-MM-DD")
            try:
                return with_iso.day(text).isoformat()
            except ValueError:
                mend = _MEND_DATE.format(self._mapping.date)
                self._wrong.append(Problem("date", "bad_date", f"{shown(text)} is no such date", mend))
                return ""


Progress = Callable[[int], None]
