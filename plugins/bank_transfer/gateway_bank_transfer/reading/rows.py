"""CSV files of a bank's own into words, by the mapping of its profile. A row that cannot be read refuses the file."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from .. import codes, keys
from ..accounts import Ours
from ..amounts import money
from ..profile import CsvRules, Profile
from ..words import Word
from .entries import Said
from .safe import Refused, pieces

# What a column of sides may say.
SIDES = {
    **dict.fromkeys(("D", "DR", "DBIT", "DEBIT", "S", "SOLL"), "debit"),
    **dict.fromkeys(("C", "CR", "CRDT", "CREDIT", "H", "HABEN"), "credit"),
}
MONEY = frozenset({"booked", "returned"})
_REASONED = frozenset({"rejected", "duplicate"})
# Kinds of reason that refuse nobody, as in a status report.
_DOUBTED = {
    "duplicate": "", "unproven": "refused without proof: ", "": "refused for a reason that is in no list: ",
}  # fmt: skip


class Rows:
    """The words of one file."""

    def __init__(self, profile: Profile, ours: Ours, rules: CsvRules) -> None:
        self._profile, self._ours, self._rules = profile, ours, rules
        self._again: dict[tuple[str, str, str], int] = {}

    def words(self, file: BinaryIO) -> Iterator[Said]:
        """A word per row."""
        rules, names, n = self._rules, list[str](), 0
        waiting: list[list[str]] = []
        for n, row in enumerate(self._rows(file), start=1):
            if n < rules.header:
                continue
            if n == rules.header:
                names = [cell.strip() for cell in row]
                self._columns(names)
                continue
            # The last rows are the bank's own totals.
            waiting.append(row)
            if len(waiting) > rules.footer:
                yield self._word(names, waiting.pop(0), n)
        if not names:
            raise Refused("there is no header line")

    def _rows(self, file: BinaryIO) -> Iterator[list[str]]:
        rules = self._rules
        decode = codecs.getincrementaldecoder(rules.encoding)()

        def lines() -> Iterator[str]:
            left = ""
            for piece in pieces(file, self._profile.answers.largest):
                *whole, left = (left + decode.decode(piece)).splitlines(keepends=True) or [""]
                if len(left) > csv.field_size_limit():
                    raise Refused("a line has no end")
                # A line end may be cut in two between pieces.
                yield from whole
            yield from io.StringIO(left + decode.decode(b"", final=True), newline="")

        try:
            for row in csv.reader(lines(), delimiter=rules.delimiter, strict=True):
                if any(cell.strip() for cell in row):
                    yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise Refused(f"it cannot be read: {error}") from None

    def _columns(self, names: list[str]) -> None:
        rules = self._rules
        wanted = (rules.key, rules.text, rules.bank_reference, rules.amount, rules.debit, rules.credit, rules.side,
                  rules.currency, rules.account, rules.booked, rules.status, rules.reason)  # fmt: skip
        if missing := [name for name in wanted if name and name not in names]:
            raise Refused(f"there is no column {', '.join(missing)}")
        if len(set(names)) != len(names):
            raise Refused("two columns have the same name")

    def _word(self, names: list[str], row: list[str], n: int) -> Word:
        rules = self._rules
        if len(row) != len(names):
            raise Refused(f"row {n} has {len(row)} cells, the header {len(names)}")
        cells = dict(zip(names, (cell.strip() for cell in row), strict=True))
        cells[""] = ""
        direction, amount = self._amount(cells, n)
        currency = cells[rules.currency] or self._profile.payment.currencies[0]
        if money(amount, currency) is None:
            raise Refused(f"row {n}: {amount!r} is no amount in {currency!r}")
        self._day(cells[rules.booked], n)
        says, why = self._says(cells, direction)
        given = cells[rules.key]
        reason = self._profile.answers.reasons.get(cells[rules.reason], cells[rules.reason])
        if says in _REASONED and reason and (kind := codes.reason_class(reason)) in _DOUBTED:
            says, why = ("duplicate", "") if kind == "duplicate" else ("review", _DOUBTED[kind] + reason)
        text = " ".join(cells[name] for name in (rules.text, rules.reason) if name)
        return Word(
            "line", says, n, e2e=keys.said(given), reference=self._reference(cells, says), amount=amount,
            currency=currency, reason=reason, text=text[:500], why=why,
        )  # fmt: skip

    def _reference(self, cells: dict[str, str], says: str) -> str:
        """The bank's. Without one, two bookings of one payment are told apart by their day and their number on it."""
        rules = self._rules
        found, key, day = keys.said(cells[rules.bank_reference]), cells[rules.key], cells[rules.booked]
        if found or not key or says not in MONEY:
            return found
        what = (key, says, day)
        self._again[what] = number = self._again.get(what, 0) + 1
        return f"{day} no. {number}".strip()

    def _amount(self, cells: dict[str, str], n: int) -> tuple[str, str]:
        rules = self._rules
        if rules.amount and rules.side:
            side = SIDES.get(cells[rules.side].upper())
            if side is None:
                raise Refused(f"row {n}: {cells[rules.side]!r} is neither debit nor credit")
            return side, self._number(cells[rules.amount]).strip("+-() ")
        if rules.amount:
            text = self._number(cells[rules.amount])
            negative = text.startswith(("-", "(")) or text.endswith("-")
            other = "debit" if rules.positive == "credit" else "credit"
            return (other if negative else rules.positive), text.strip("+-() ")
        sides = {side: self._number(cells[name]) for side, name in (("debit", rules.debit), ("credit", rules.credit))}
        given = [(side, text.strip("+-() ")) for side, text in sides.items() if text.strip("+-() 0.")]
        if len(given) != 1:
            raise Refused(f"row {n} has no amount, or two")
        return given[0]

    def _number(self, text: str) -> str:
        rules = self._rules
        text = text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")
        text = text.replace("\N{MINUS SIGN}", "-")
        if rules.thousands:
            text = text.replace(rules.thousands, "")
        return text.replace(" ", "").replace(rules.decimal, ".") if rules.decimal != "." else text.replace(" ", "")

    def _day(self, text: str, n: int) -> None:
        if text:
            try:
                datetime.strptime(text, self._rules.date)  # noqa: DTZ007 - a day has no zone
            except ValueError:
                raise Refused(f"row {n}: {text!r} is no date as {self._rules.date}") from None

    def _says(self, cells: dict[str, str], direction: str) -> tuple[str, str]:
        rules = self._rules
        if rules.account and not self._ours.is_account(cells[rules.account]):
            return "foreign", "of another account"
        if not rules.status:
            return ("booked" if direction == "debit" else "returned"), ""
        means = rules.statuses.get(cells[rules.status])
        if means is None:
            return "review", f"status {cells[rules.status]!r} is not in the profile"
        return ("noted" if means == "ignored" else means), ""
