"""MT940 and MT942 into words: our own splitter, the library's tags, our own signs.

The library gives several statements of a file as one, under the account of the last: so each is cut out here, between
`:20:` and the next, and read alone. Its signs are not used: a reversal of a credit (RC) is a debit, of a debit (RD) a
credit, and which it was stands in the status.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, BinaryIO

import mt940

from .. import keys
from ..accounts import Ours
from ..profile import Profile
from ..words import Stated, Word
from .entries import Said
from .safe import LARGEST, Refused, pieces

# Longer statements come as camt; the library holds one in memory.
LONGEST = 64 << 20
_ENTRY, _CLOSED = re.compile(r"^:61:", re.MULTILINE), re.compile(r"^:62[FM]:", re.MULTILINE)
_START = re.compile(r"^:20:", re.MULTILINE)
_REFERENCE = re.compile(r"(?:/EREF/|EREF\+|\?2\dEREF\+)\s*([^/?+\s]+)")
_BATCH = re.compile(r"(?:/PREF/|/KREF/|KREF\+)\s*([^/?+\s]+)")
# A text may go on with such a sign, too.
_HEAD, _TAIL = re.compile(r"\{[14]:"), re.compile(r"-(\}.*)?")
# Not: dates, direction, a letter of the currency, an amount, a kind. The library reads some amount all the same.
_ODD = re.compile(r"^:61:(?![0-9]{6}(?:[0-9]{4})?[RE]?[CD][A-Z]?[0-9]{1,15}(?:,[0-9]{0,3})?[A-Za-z])", re.MULTILINE)
DIRECTIONS = {"D": "DBIT", "RC": "DBIT", "C": "CRDT", "RD": "CRDT"}


def statements(file: BinaryIO, largest: int = LARGEST) -> Iterator[str]:
    """Each statement's text, from its `:20:` on. Raises Refused where the file holds none, or is cut off."""
    body = bytearray()
    for piece in pieces(file, min(largest, LONGEST)):
        body += piece
    text = _decoded(bytes(body)).replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    text = "".join(_unwrapped(line) for line in text.splitlines(keepends=True))
    starts = [found.start() for found in _START.finditer(text)] + [len(text)]
    if len(starts) == 1 or ":61:" in text[: starts[0]]:
        raise Refused("it does not begin as an MT940: there is no :20:")
    for start, end in pairwise(starts):
        yield text[start:end]


def _unwrapped(line: str) -> str:
    """A line without SWIFT's envelope: {1:..}{2:..}{4: before a message, -} or - behind it."""
    if _HEAD.match(line):
        return line.partition("{4:")[2]
    return "" if _TAIL.fullmatch(line.rstrip()) else line


def _decoded(body: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return body.decode("latin-1")


class Messages:
    """The words of one file."""

    def __init__(self, profile: Profile, ours: Ours, kind: str) -> None:
        self._profile, self._ours, self._kind = profile, ours, kind
        self._group = 0

    def words(self, file: BinaryIO) -> Iterator[Said]:
        """Statement by statement."""
        for text in statements(file, self._profile.answers.largest):
            yield from self._statement(text)

    def _statement(self, text: str) -> Iterator[Said]:
        if odd := _ODD.search(text):
            raise Refused(f"an entry that is none: {text[odd.start() : odd.start() + 40].splitlines()[0]!r}")
        found = _parsed(text)
        if len(found.transactions) != len(_ENTRY.findall(text)):
            raise Refused("not every :61: of it could be read")
        if self._kind == "mt940" and not _CLOSED.search(text):
            raise Refused("a statement without its closing balance: is it cut off?")
        data, account = found.data, str(found.data.get("account_identification") or "")
        ours, total = self._ours.is_account(account), Decimal(0)
        again: dict[tuple[str, str], int] = {}
        for transaction in found.transactions:
            said = transaction.data
            direction = DIRECTIONS.get(str(said.get("status")))
            if direction is None or said.get("amount") is None:
                raise Refused(f"an entry without direction or amount: {said.get('status')!r}")
            amount = abs(said["amount"].amount)
            total += amount if direction == "CRDT" else -amount
            self._group += 1
            yield self._word(said, direction, f"{amount:f}", str(said["amount"].currency), ours, again)
        yield self._stated(data, account, ours, total)

    def _word(
        self, said: dict[str, Any], direction: str, amount: str, currency: str, ours: bool,
        again: dict[tuple[str, str], int],
    ) -> Word:  # fmt: skip
        text = " ".join(
            str(said.get(name) or "") for name in ("transaction_details", "purpose", "extra_details")
        ).strip()
        flat = text.replace("\n", "")
        given = keys.said(str(said.get("customer_reference") or ""))
        # The library takes German :86: apart by itself.
        told = keys.said(str(said.get("end_to_end_reference") or ""))
        if not told and (found := _REFERENCE.search(flat)):
            told = keys.said(found[1])
        e2e = given if keys.is_key(given) or not told else told
        batch = _BATCH.search(flat)
        reference = keys.said(str(said.get("bank_reference") or ""))
        if not reference and e2e:
            again[e2e, direction] = number = again.get((e2e, direction), 0) + 1
            reference = f"{said.get('entry_date') or said.get('date')} no. {number}"
        says = {"DBIT": "booked", "CRDT": "returned"}[direction]
        if str(said.get("status")) == "RC":
            says = "review"
        final = self._kind == "mt940" or self._profile.answers.intraday_is_final
        return Word(
            "line", (says if final else "noted") if ours else "foreign", self._group, e2e=e2e,
            msg_id=keys.said(batch[1]) if batch else "", reference=reference, amount=amount, currency=currency,
            text=flat[:500], why="a debit that takes back a credit" if says == "review" else "",
        )  # fmt: skip

    def _stated(self, data: dict[str, Any], account: str, ours: bool, total: Decimal) -> Stated:
        opening, closing = (_balance(data, kinds) for kinds in (("opening",), ("closing",)))
        balanced: bool | None = None
        why = ""
        if opening and closing and self._kind == "mt940":
            balanced = _number(opening) + total == _number(closing) and opening[1] == closing[1]
            why = "" if balanced else f"it does not balance: {_number(opening)} and {total} are not {_number(closing)}"
        sequence = str(data.get("statement_number") or "")
        ident = f"{data.get('transaction_reference') or ''} {sequence}/{data.get('sequence_number') or ''}"
        at = closing[3] if closing else ""
        three = (opening[:3] if opening else None, closing[:3] if closing else None)
        return Stated(account, ident, sequence, *three, at, balanced, ours, self._kind == "mt940", why)


def _parsed(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = mt940.models.Transactions()
            found.parse(text)
    except Exception as error:
        # The library raises whatever its regular expressions meet.
        raise Refused(f"it is no MT940 that can be read: {str(error)[:200]}") from None
    return found


def _balance(data: dict[str, Any], which: tuple[str, ...]) -> tuple[str, str, str, str] | None:
    """(amount, currency, direction, day)."""
    for name in which:
        for kind in ("final", "intermediate"):
            found = data.get(f"{kind}_{name}_balance")
            if found is not None and found.amount is not None:
                amount = found.amount.amount
                return f"{abs(amount):f}", str(found.amount.currency), _side(amount), str(found.date or "")
    return None


def _side(amount: Decimal) -> str:
    return "DBIT" if amount < 0 else "CRDT"


def _number(balance: tuple[str, str, str, str]) -> Decimal:
    return Decimal(balance[0]) * (-1 if balance[2] == "DBIT" else 1)
