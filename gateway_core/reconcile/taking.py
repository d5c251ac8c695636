"""A file, read and matched: what it would change, row by row, before anything is written. The dry run of by file."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import attrs

from ..engine.naming import Found, find
from ..lifecycle.intake.findings import Findings, Problem
from ..model.errors import Mistake, WrongState
from ..model.money import amount_text
from ..store import Store, payrolls, statements
from ..store import tables as t
from ..store.database import Record
from ..store.statements import Line
from . import weighing
from .lines import Said, said_in
from .mapping import LIST, SheetMapping
from .scratch import Scratch

EPOCH = datetime.date(1970, 1, 1).toordinal()
MISTAKES = 10_000
PAGE = 500
# Payrolls of which something may have been sent.
SENT = frozenset({"approved", "ongoing", "awaiting_reconciliation", "reconciled", "cancelled"})
# In a list of ours every row is about a payment of its payroll: what is not is a mistake, and nothing is taken.
_MEND = "download the list again, and fill in that one"


@attrs.frozen
class Change:
    """One row of the dry run. Amounts are decimal texts; `effect` as `weighing.effect` says, or known, unknown."""

    line: int
    effect: str
    payment: str
    invoice: str
    says: str
    amount: str
    currency: str
    reference: str
    booked: str
    ours: str
    owed: str
    name: str
    why: str


@attrs.frozen
class Contradiction:
    """A line that says otherwise than an earlier file of the same kind does: a changed copy is shown against it."""

    line: int
    payment: str
    earlier: str
    before: str
    now: str


@attrs.define
class Taken:
    """A file in hand. Nothing was written. Use it in a `with`, or call `close`.

    `known`: the statement's id if these very bytes were taken before; then they change nothing.
    """

    kind: str
    channel: str
    payroll: str
    name: str
    path: Path
    scratch: Scratch
    known: str = ""
    mistakes: list[Mistake] = attrs.field(factory=list)
    more: int = 0
    lines: int = 0
    counts: Mapping[str, int] = attrs.field(factory=dict)
    contradictions: list[Contradiction] = attrs.field(factory=list)

    def __enter__(self) -> Taken:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget it."""
        self.scratch.close()

    def changes(self, effect: str = "") -> Iterator[Change]:
        """What each line would do, in order; all, or those of one effect."""
        for row in self.scratch.rows(effect):
            (n, does, payment, invoice, verdict, amount, currency, reference, booked, why, state, owed, name) = row[:13]
            yield Change(
                n, does, payment, invoice, verdict, amount_text(amount or 0, currency), currency, reference, booked,
                state, "" if owed is None else amount_text(owed, currency), name, why,
            )  # fmt: skip

    def kept(self) -> Iterator[Line]:
        """Its lines as they are staged."""
        for row in self.scratch.rows():
            (n, _, payment, _, verdict, amount, currency, reference, booked, why) = row[:10]
            fee, account, reason, text, payroll, how = row[13:]
            yield Line(
                n, payment, payroll, how, verdict, amount or 0, fee, currency, reference, booked, account, reason, text,
                why,
            )  # fmt: skip


def take_list(store: Store, payroll: str, path: Path, sha256: str, asks: Callable[[str], bool]) -> Taken:
    """A payroll's own list that came back, filled in."""
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
        known = statements.same(connection, "list", "", row.id, sha256)
    taken = Taken("list", "", row.id, path.name, path, Scratch(), known=known.id if known is not None else "")
    return _filled(store, taken, [row], (), LIST, row.currency, asks)


def take_sheet(
    store: Store, channel: str, path: Path, sha256: str, mapping: SheetMapping, asks: Callable[[str], bool]
) -> Taken:
    """A provider's own statement, about whatever went over one channel."""
    with store.read() as connection:
        rows = [row for row in payrolls.listed(connection) if row.state in SENT]
        known = statements.same(connection, "sheet", channel, "", sha256)
    currency = _currency(channel, rows, mapping)
    taken = Taken("sheet", channel, "", path.name, path, Scratch(), known=known.id if known is not None else "")
    return _filled(store, taken, rows, (t.payments.c.channel == channel,), mapping, currency, asks)


def _currency(channel: str, rows: Sequence[Record], mapping: SheetMapping) -> str:
    """What an amount is in that says nothing of it: the one currency that went over the channel."""
    here = sorted({row.currency for row in rows if channel in payrolls.channels_of(row)})
    if len(here) > 1 and not mapping.currency and "currency" not in mapping.columns:
        raise WrongState(
            f"channel {channel!r} pays in {', '.join(here)}; "
            "say in its setting `statement` which column has the currency"
        )
    return here[0] if len(here) == 1 else ""


def _filled(
    store: Store, taken: Taken, rows: Sequence[Record], where: Any, mapping: SheetMapping, currency: str,
    asks: Callable[[str], bool],
) -> Taken:  # fmt: skip
    try:
        if not taken.known:
            _fill(store, taken, rows, where, mapping, currency, asks)
    except BaseException:
        taken.close()
        raise
    return taken


def _fill(
    store: Store, taken: Taken, rows: Sequence[Record], where: Any, mapping: SheetMapping, currency: str,
    asks: Callable[[str], bool],
) -> None:  # fmt: skip
    problems = Findings(MISTAKES)
    taken.scratch.load(store, rows, *where)
    matching = _Matching(store, taken, problems, asks)
    page: list[Said] = []
    for said in said_in(taken.path, mapping, currency, problems):
        page.append(said)
        if len(page) == PAGE:
            matching.add(page)
            page = []
    matching.add(page)
    if not taken.lines and not problems.total:
        problems.add(Problem("file", "empty", "no line says anything", "fill in what was paid").at(0))
    taken.mistakes, taken.more = problems.listed(), problems.more
    taken.counts = taken.scratch.counts()


class _Matching:
    """Page by page: which payment each line names, and what it would do."""

    def __init__(self, store: Store, taken: Taken, problems: Findings, asks: Callable[[str], bool]) -> None:
        self._store, self._taken, self._problems, self._asks = store, taken, problems, asks

    def add(self, page: Sequence[Said]) -> None:
        """Keep a page of lines."""
        found = [(said, self._named(said)) for said in page]
        ids = {named.payment for _, named in found if isinstance(named, Found)}
        with self._store.read() as connection:
            standing = statements.standing(connection, ids)
        for said, named in found:
            self._taken.lines += 1
            if isinstance(named, Found):
                self._about(said, named, standing.get(named.payment, []))
            else:
                self._stray(said, named)

    def _named(self, said: Said) -> Found | str:
        scratch = self._taken.scratch
        names = [name for name in (said.id, said.invoice) if name]
        ids = scratch.hits("id", [said.id] if said.id else names) if names else None
        references = scratch.hits("ref", [said.reference]) if said.reference else None
        return find(ids, references or None, lambda: self._alike(said), own_references=True)

    def _alike(self, said: Said) -> Sequence[tuple[str, int]]:
        if not (said.account and said.amount and said.booked):
            return ()
        day = datetime.date.fromisoformat(said.booked).toordinal() - EPOCH
        return self._taken.scratch.alike(said.account, said.amount, day)

    def _stray(self, said: Said, why: str, payroll: str = "") -> None:
        if self._taken.kind == "list":
            self._mistake(said, "unknown_payment", f"it is about no payment of this payroll: {why}")
        self._taken.scratch.add(attrs.evolve(said, amount=said.amount or 0), "", payroll, "", why, "unknown")

    def _mistake(self, said: Said, code: str, reason: str) -> None:
        self._problems.add(Problem("line", code, reason, _MEND).at(said.n))

    def _about(self, said: Said, named: Found, standing: list[Any]) -> None:
        payroll, of, state, owed, currency, _, channel, _, _ = self._taken.scratch.ours(named.payment)
        if said.currency and said.currency != currency:
            why = f"payment {named.payment} is in {currency}, the line in {said.currency}"
            self._stray(said, why, payroll)
            return
        amount = said.amount if said.amount is not None else owed if said.verdict in ("paid", "returned") else 0
        said = attrs.evolve(said, amount=amount, currency=currency)
        does = weighing.effect(state, of, owed, said.verdict, amount, self._asks(channel))
        if does == "unsent":
            why = f"payment {named.payment} was never sent"
            if self._taken.kind == "list":
                self._mistake(said, "never_sent", f"{why}: nothing can have become of it")
            self._taken.scratch.add(said, "", payroll, "", why, "unknown")
            return
        mine = [line for line in standing if line.of == self._taken.kind]
        if any(self._same(said, line) for line in mine):
            does = "known"
        elif contrary := next((line for line in mine if self._contrary(said, line)), None):
            self._contradicts(said, named.payment, contrary)
        if named.how == "proposed":
            does = "proposed"
        self._taken.scratch.add(said, named.payment, payroll, named.how, "", does)

    @staticmethod
    def _same(said: Said, line: Any) -> bool:
        return bool(
            (said.verdict, said.reference, said.amount) == (line.verdict, line.reference, line.amount)
            and (said.reference or said.booked == line.booked)
        )

    def _contrary(self, said: Said, line: Any) -> bool:
        """A list tells all about a payment; two bookings of a statement are two unless they have one reference."""
        return self._taken.kind == "list" or bool(said.reference and said.reference == line.reference)

    def _contradicts(self, said: Said, payment: str, line: Any) -> None:
        if len(self._taken.contradictions) < MISTAKES:
            self._taken.contradictions.append(
                Contradiction(said.n, payment, line.statement, _words(line), _words(said))
            )


def _words(line: Any) -> str:
    amount = amount_text(line.amount, line.currency) if line.currency else str(line.amount)
    return " ".join(filter(None, (line.verdict, amount, line.currency, line.reference, line.booked)))
