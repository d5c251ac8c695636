"""Selecting: from the pool into payrolls, one or several by rule. The same selection again is the same payrolls.

What fits is read once, in order, into an unnamed scratch file, split as it comes: so memory stays flat, and a
selection that was interrupted between two of its payrolls goes on when it is made again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

import attrs
import sqlalchemy as sa

from ...model.errors import WrongState
from ...model.money import Money
from ...model.payment import Invoice
from ...store import Store, cycles
from ...store import tables as t
from . import keeping
from .filters import Filter, fields_of
from .pool import cycles_in, pooled

MOST = 1000
BETWEEN = " / "
_BATCH = 2000


@attrs.frozen(kw_only=True)
class Split:
    """How one selection becomes several payrolls: by fields' values, and by size. `channels`: {value: channel}."""

    by: tuple[str, ...] = ()
    at_most: int = 0
    at_most_amount: int = 0
    channels: Mapping[str, str] = attrs.field(factory=dict)
    channel: str = ""

    def channel_of(self, values: Sequence[str]) -> str:
        """The channel that is meant for these values of the fields, or ''."""
        return next((self.channels[value] for value in values if value in self.channels), self.channel)


@attrs.define
class Part:
    """A payroll to be: its lines and its sum so far."""

    name: str
    channel: str
    lines: int = 0
    total: int = 0
    currency: str = ""

    @property
    def money(self) -> Money:
        """Its sum."""
        return Money(self.total, self.currency)


class Selection:
    """What was picked, by payroll. Use it as a context manager: its scratch file goes at the end."""

    def __init__(self, name: str, split: Split) -> None:
        self._name, self._split = name, split
        self.parts: list[Part] = []
        # Of each cycle, by its id: how many generations were complete when it was read.
        self.seen: dict[str, int] = {}
        self._open: dict[tuple[str, ...], int] = {}
        self._numbers: dict[tuple[str, ...], int] = {}
        self._waiting: list[tuple[int, int, str]] = []
        # SQLite's own temporary file: it has no name on disk, and is gone with the process.
        self._scratch = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-8000"):
            self._scratch.execute(f"PRAGMA {pragma}")
        self._scratch.execute("CREATE TABLE picked (part INTEGER, n INTEGER, body TEXT, PRIMARY KEY (part, n))")
        self._scratch.execute("BEGIN")

    def add(self, invoice: Invoice, fields: Mapping[str, str]) -> None:
        """One more, into the payroll that its fields say."""
        at = self._place(invoice, tuple(fields.get(name, "") for name in self._split.by))
        part = self.parts[at]
        part.lines += 1
        part.total += invoice.amount.minor
        if part.channel:
            invoice = attrs.evolve(invoice, channel=part.channel)
        self._waiting.append((at, part.lines, cycles.body_of(invoice)))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _place(self, invoice: Invoice, values: tuple[str, ...]) -> int:
        at = self._open.get(values)
        if at is not None and not self._full(self.parts[at], invoice):
            return at
        if len(self.parts) >= MOST:
            raise WrongState(f"this would be more than {MOST} payrolls; split by less")
        number = self._numbers[values] = self._numbers.get(values, 0) + 1
        self.parts.append(
            Part(self._named(values, number), self._split.channel_of(values), currency=invoice.amount.currency)
        )
        self._open[values] = len(self.parts) - 1
        return len(self.parts) - 1

    def _full(self, part: Part, invoice: Invoice) -> bool:
        most, amount = self._split.at_most, self._split.at_most_amount
        too_much = amount and part.total + invoice.amount.minor > amount
        return bool((most and part.lines >= most) or too_much)

    def _named(self, values: tuple[str, ...], number: int) -> str:
        sized = [str(number)] if self._split.at_most or self._split.at_most_amount else []
        return BETWEEN.join([self._name, *(value or "none" for value in values), *sized])

    def _flush(self) -> None:
        self._scratch.executemany("INSERT INTO picked VALUES (?, ?, ?)", self._waiting)
        self._waiting.clear()

    def invoices(self, at: int) -> Iterator[Invoice]:
        """The invoices of a part, in order."""
        self._flush()
        query = "SELECT body FROM picked WHERE part = ? ORDER BY n"
        for (body,) in self._scratch.execute(query, (at,)):
            yield cycles.as_invoice(body)

    def close(self) -> None:
        """Forget everything."""
        self._scratch.close()

    def __enter__(self) -> Selection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def select(store: Store, name: str, address: str, where: Sequence[Filter], split: Split) -> Selection:
    """Pick what fits. Raises WrongState when nothing does. The caller closes what it gets."""
    mine = _own(store, name)
    selection = Selection(name, split)
    try:
        busy = _pick(store, selection, address, where, mine)
        if not selection.parts:
            raise WrongState(_nothing(busy, [one.field for one in where]))
        return selection
    except BaseException:
        selection.close()
        raise


def _pick(store: Store, selection: Selection, address: str, where: Sequence[Filter], mine: frozenset[str]) -> int:
    """Returns how many that fit lie in live payrolls."""
    busy = 0
    for row, terms in cycles_in(store, address):
        selection.seen[row.id] = row.generations
        with store.read() as connection:
            # Said before a million lines are staged; the proposal looks again.
            keeping.refuse_suspended(connection, row)
        for one in pooled(store, row, terms, where, mine):
            if not one.free:
                busy += 1
                continue
            invoice = one.invoice
            if not invoice.channel:
                invoice = attrs.evolve(invoice, channel=terms.channel)
            # Its cycle's tags tell nothing apart.
            selection.add(invoice, fields_of(invoice))
    return busy


def _nothing(busy: int, named: Sequence[str]) -> str:
    lies = f"; {busy:,} that fit lie in live payrolls" if busy else ""
    asked = f" (asked for: {', '.join(dict.fromkeys(named))})" if named else ""
    return f"nothing in the pool fits{asked}{lies}; `gateway pool` lists it"


def _own(store: Store, name: str) -> frozenset[str]:
    """Payrolls that this very selection made before."""
    if not name.strip() or len(name) > 150:
        raise WrongState("a selection needs a name of 1 to 150 characters")
    with store.read() as connection:
        rows = connection.execute(sa.select(t.payrolls.c.id, t.payrolls.c.name))
        return frozenset(row.id for row in rows if row.name == name or row.name.startswith(name + BETWEEN))
