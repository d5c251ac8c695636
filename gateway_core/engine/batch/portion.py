"""A portion: the payments that one call of `prepare_batch` is given, and which line of which file each became.

It lies in a scratch file on the disk, so that a file of 100,000 lines takes no more memory than one of 1,000.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

import attrs

from ...contract.batch import BatchCtx, Document, LeftOut
from ...contract.batch_channel import Batch, Faulty
from ...model.accounts import Account
from ...model.money import Money
from ...model.payment import Payment
from ...store.documents import Place
from .scratch import Scratch

PAGE = 100
_TABLES = """
CREATE TABLE line (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE, attempt INTEGER, facts INTEGER, amount INTEGER, currency TEXT, body BLOB);
CREATE TABLE placed (
    file INTEGER, place INTEGER, n INTEGER UNIQUE, key TEXT UNIQUE, PRIMARY KEY (file, place)) WITHOUT ROWID;
"""
_ADD = "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?)"
_BODIES = "SELECT body, id, attempt FROM line WHERE n >= ? AND n < ? ORDER BY n"
_PLACE = "INSERT INTO placed SELECT ?, ?, n, ? FROM line WHERE id = ?"
_LINES = """SELECT place, id, attempt, key, amount FROM placed JOIN line USING (n)
    WHERE file = ? AND place > ? ORDER BY place LIMIT ?"""
_SUMS = "SELECT count(*), sum(amount), min(currency) FROM placed JOIN line USING (n) WHERE file = ?"
_WHOLE = """SELECT body, attempt, facts FROM placed JOIN line USING (n)
    WHERE file = ? AND place > ? AND place <= ? ORDER BY place"""
_ELSEWHERE = "SELECT 1 FROM placed JOIN line USING (n) WHERE id = ? AND NOT (file = ? AND place = ?)"
_UNSETTLED = """SELECT n, id, facts FROM line LEFT JOIN placed USING (n)
    WHERE n > ? AND (file IS NULL OR file > ?) ORDER BY n LIMIT ?"""


@attrs.frozen
class Known:
    """A payment of ours, and how many facts there were of it when it was claimed."""

    payment: str
    facts: int


class Portion(Sequence[Payment]):
    """`asked`: so many payments were to be claimed for it. It has those that could be, in the order of their lines."""

    def __init__(self) -> None:
        self.scratch = Scratch(_TABLES)
        self._recent = dict[str, int]()
        self._size = self._left_out = self.asked = 0
        # Files are counted from 1; whoever is left out is in file 0. What is in a file up to `settled` is done with.
        self.file = self.settled = 0

    @classmethod
    def of(cls, payments: Iterable[Payment], attempts: Mapping[str, int]) -> Portion:
        """These payments, of which nothing else is known."""
        made = cls()
        made.add((payment, attempts[payment.id], 0) for payment in payments)
        return made

    def add(self, lines: Iterable[tuple[Payment, int, int]]) -> None:
        """More of them: (payment, attempt, how many facts there are of it)."""
        rows = [
            (n, line.id, attempt, facts, line.amount.minor, line.amount.currency, _packed(line))
            for n, (line, attempt, facts) in enumerate(lines, start=self._size)
        ]
        self.scratch.many(_ADD, rows)
        self._size += len(rows)

    def close(self) -> None:
        """Nobody needs it any more."""
        self.scratch.close()

    # -- the payments, as a gateway sees them -------------------------------------------------------------------------

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, at: int) -> Payment: ...
    @overload
    def __getitem__(self, at: slice) -> list[Payment]: ...
    def __getitem__(self, at: int | slice) -> Payment | list[Payment]:
        if isinstance(at, slice):
            first, last, step = at.indices(self._size)
            return self._from_to(first, last) if step == 1 else [self[n] for n in range(first, last, step)]
        n = range(self._size)[at]
        return self._from_to(n, n + 1)[0]

    def __iter__(self) -> Iterator[Payment]:
        for at in range(0, self._size, PAGE):
            yield from self._from_to(at, at + PAGE)

    def _from_to(self, first: int, last: int) -> list[Payment]:
        rows = self.scratch.rows(_BODIES, first, last)
        self._recent = {payment: attempt for _, payment, attempt in rows}
        return [_unpacked(body) for body, _, _ in rows]

    def attempt(self, payment: str) -> int | None:
        """Which attempt of a payment this is; None: it is none of these. Asked of those that were just read, mostly."""
        if (attempt := self._recent.get(payment)) is not None:
            return attempt
        found = self.scratch.rows("SELECT attempt FROM line WHERE id = ?", payment)
        return int(found[0][0]) if found else None

    # -- what the gateway makes of them -------------------------------------------------------------------------------

    def made(self, batch: Batch, ctx: BatchCtx) -> Iterator[Document | LeftOut]:
        """The documents over these payments, each line written down here; each payment stands in one, once.

        Raises Faulty, or whatever the gateway raises.
        """
        for made in batch.prepare(self, ctx):
            if isinstance(made, Document):
                self._place(made)
            else:
                self._left_out += 1
                self._put([(0, self._left_out, None, made.payment)])
            yield made
        ((placed,),) = self.scratch.rows("SELECT count(*) FROM placed")
        if left := self._size - placed:
            raise Faulty(f"prepare_batch says nothing of {left} of {self._size} payments")

    def _place(self, document: Document) -> None:
        self.file += 1
        rows = ((self.file, n, key, payment) for n, (payment, key) in enumerate(document.pairs(), start=1))
        count = 0
        while page := list(islice(rows, PAGE)):
            self._put(page)
            count += len(page)
        if not count:
            raise Faulty(f"{document.name} has no lines")

    def _put(self, rows: Sequence[tuple[int, int, str | None, str]]) -> None:
        """Lines (file, place, key, payment)."""
        try:
            if self.scratch.many(_PLACE, rows) == len(rows):
                return
        except sqlite3.IntegrityError:
            ids = [payment for *_, payment in rows]
            known = [self.scratch.rows(_ELSEWHERE, payment, file, n) for file, n, _, payment in rows]
            if len(set(ids)) == len(ids) and not any(known):
                raise Faulty("two lines have the same key") from None
        raise Faulty("prepare_batch puts a payment into two files, or one that it was not given")

    # -- as the core needs them ---------------------------------------------------------------------------------------

    def places(self, file: int, after: int = 0) -> Iterator[Place]:
        """The lines of a file after line `after`."""
        while page := self.page(file, after, PAGE):
            yield from page
            after = page[-1].n

    def page(self, file: int, after: int, size: int) -> list[Place]:
        """The next of them."""
        return [Place(*row) for row in self.scratch.rows(_LINES, file, after, size)]

    def sums(self, file: int) -> tuple[int, int, str]:
        """Of a file: how many lines, what they come to in minor units, and the currency."""
        ((count, total, currency),) = self.scratch.rows(_SUMS, file)
        return count, total, currency

    def halves(self, file: int) -> Iterator[Portion]:
        """The payments of a file, in two portions."""
        count, _, _ = self.sums(file)
        for after, last in ((0, count // 2), (count // 2, count)):
            yield self._some(file, after, last)

    def _some(self, file: int, after: int, last: int) -> Portion:
        made = Portion()
        while after < last and (page := self.scratch.rows(_WHOLE, file, after, min(after + PAGE, last))):
            made.add((_unpacked(body), attempt, facts) for body, attempt, facts in page)
            after += len(page)
        return made

    def known(self, payment: str) -> Known:
        """One of them."""
        return Known(*self.scratch.rows("SELECT id, facts FROM line WHERE id = ?", payment)[0])

    def ids(self) -> Iterator[list[str]]:
        """All of them, page by page."""
        for at in range(0, self._size, PAGE):
            rows = self.scratch.rows("SELECT id FROM line WHERE n >= ? AND n < ?", at, at + PAGE)
            yield [row[0] for row in rows]

    def unsettled(self) -> Iterator[list[Known]]:
        """Whatever is in no file, or in one that came to nothing, page by page."""
        after = -1
        while page := self.scratch.rows(_UNSETTLED, after, self.settled, PAGE):
            yield [Known(payment, facts) for _, payment, facts in page]
            after = page[-1][0]


class Attempts(Mapping[str, int]):
    """{payment: which attempt of it this is}."""

    def __init__(self, portion: Portion) -> None:
        self._portion = portion

    def __getitem__(self, payment: str) -> int:
        attempt = self._portion.attempt(payment)
        if attempt is None:
            raise KeyError(payment)
        return attempt

    def __len__(self) -> int:
        return len(self._portion)

    def __iter__(self) -> Iterator[str]:
        for page in self._portion.ids():
            yield from page


def _packed(payment: Payment) -> bytes:
    account, amount = payment.account, payment.amount
    return marshal.dumps((
        payment.id, payment.number, payment.invoice, payment.entitlement, payment.beneficiary, payment.name,
        account.type, account.value, amount.minor, amount.currency, payment.programme, payment.cycle,
        payment.instalment, payment.reference, payment.channel, dict(payment.extra),
    ))  # fmt: skip


def _unpacked(body: bytes) -> Payment:
    said: tuple[Any, ...] = marshal.loads(body)  # noqa: S302 - we wrote it
    ident, number, invoice, entitlement, beneficiary, name, kind, value, minor, currency, *rest = said
    programme, cycle, instalment, reference, channel, extra = rest
    return Payment(
        id=ident, number=number, invoice=invoice, entitlement=entitlement, beneficiary=beneficiary, name=name,
        account=Account(kind, value), amount=Money(minor, currency), programme=programme, cycle=cycle,
        instalment=instalment, reference=reference, channel=channel, extra=extra,
    )  # fmt: skip
