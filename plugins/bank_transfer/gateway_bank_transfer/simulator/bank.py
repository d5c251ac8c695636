"""The bank: files in, orders into a ledger, files out. What it does wrong it does by a seed, or when it is told to.

lost_acknowledgement    it takes a file and does not report on it (the statement does)
taken_twice             it reads a file twice; whoever dedupes answers DUPL the second time, and pays once
truncated_answer        a file of its own ends in the middle; the whole one follows
partial_report          it lists the refused alone, and says PART
out_of_sequence         the next statement comes before this one
unknown_reason          it refuses with a code that is in no list, and corrects itself later
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs

from gateway_core.testing.behaviours import Chaos
from gateway_core.testing.ledger import Ledger, Order
from gateway_core.testing.provider import MockProvider

from . import answers
from .answers import Booking, Row, Status
from .orders import Cancellation, Faulty, Line, Orders, cancellation, read

FAULTS = (
    "lost_acknowledgement", "taken_twice", "truncated_answer", "partial_report", "out_of_sequence", "unknown_reason",
)  # fmt: skip
T = TypeVar("T")
# So many days an order is pending at most.
LONGEST = 8
# Of lines, in chaos.
RETURNED = 0.02
# The ledger's words as ISO's.
REASONS = {"no_such_account": "AC01", "insufficient_funds": "AM04", "refused_by_provider": "AC04"}


@attrs.define
class Taken:
    """A file that the bank has. `open`: lines of which it will still say something; `silent`: days without a report."""

    orders: Orders
    open: dict[str, Line]
    silent: int = 0
    acknowledged: bool = False
    debits: int = 0
    age: int = 0


class Bank:
    """`folder`/out is where files are dropped, `folder`/in where its own appear.

    `speaks`: camt.053 or mt940, each beside pain.002; or csv, in which it says everything.
    """

    def __init__(
        self, folder: Path, *, ledger: str = ":memory:", chaos: int | None = None, dedupe: bool = True,
        speaks: str = "camt.053", faults: Mapping[str, float] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self.folder, self.speaks, self.clock = folder, speaks, clock
        self.ledger = Ledger(ledger)
        self.provider = MockProvider(self.ledger, dedupe=dedupe, chaos=Chaos(chaos) if chaos is not None else None)
        self.dedupe, self._chance = dedupe, random.Random(chaos or 0)  # noqa: S311 - chaos, no secret
        given = dict.fromkeys(FAULTS, 0.25) if chaos is not None and faults is None else dict(faults or {})
        self.faults, self.returned = given, RETURNED if chaos is not None else 0.0
        self.taken: dict[str, Taken] = {}
        # What the next statement has, per account and currency; what was booked and not yet stated.
        self._balances: dict[tuple[str, str], int] = {}
        self._unstated: dict[tuple[str, str], list[Booking]] = {}
        self._numbers, self._files = itertools.count(1), itertools.count(1)
        # Files that come later, lines to report as they really are, lines whose debit was booked.
        self._later: list[tuple[str, str]] = []
        self._corrections: list[tuple[str, list[Status]]] = []
        self._debited: set[str] = set()
        # Lines that it cancelled on request.
        self._cancelled: set[str] = set()
        self._returning: list[str] = []
        for name in ("out", "in", "collected"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    # -- the day ------------------------------------------------------------------------------------------------------

    def work(self) -> int:
        """Take what was dropped, report, carry out, book, state. Returns how many files came."""
        for name, text in self._taken_out(self._later):
            self._put(name, text)
        for msg_id, lines in self._taken_out(self._corrections):
            self._put_report(self.taken[msg_id].orders, "", "PART", lines, "")
        came = self._collect()
        with self.ledger.transaction():
            self.provider.tick()
            for key in self._taken_out(self._returning):
                self.provider.reverse(key)
        for file in self.taken.values():
            self._look(file)
        self._state()
        return came

    @staticmethod
    def _taken_out(waiting: list[T]) -> list[T]:
        found = list(waiting)
        waiting.clear()
        return found

    def _happens(self, fault: str) -> bool:
        return self._chance.random() < self.faults.get(fault, 0.0)

    # -- files in -----------------------------------------------------------------------------------------------------

    def _collect(self) -> int:
        came: list[bytes] = []
        for path in sorted((self.folder / "out").iterdir()):
            if path.name.startswith("."):
                continue
            target = self.folder / "collected" / path.name
            path.rename(target)
            came.append(target.read_bytes())
        # What is to be cancelled is not carried out first.
        requests = [found for body in came if (found := cancellation(body)) is not None]
        stopped = {what for request in requests for what in request.keys or [request.msg_id]}
        for body in came:
            for _ in range(2 if self._happens("taken_twice") else 1):
                self._take(body, stopped)
        for request in requests:
            self._resolve(request)
        return len(came)

    def _take(self, body: bytes, stopped: Collection[str]) -> None:
        try:
            file = read(body)
        except Faulty:
            return
        if file.msg_id in self.taken and self.dedupe:
            self._put_report(file, "RJCT", "", [], "DUPL")
            return
        silent = 3 if self._happens("lost_acknowledgement") else 0
        lines = [line for line in file.lines if line.key not in stopped and file.msg_id not in stopped]
        self._cancelled |= {line.key for line in file.lines} - {line.key for line in lines}
        self.taken.setdefault(file.msg_id, Taken(file, {line.key: line for line in lines}, silent))
        for start in range(0, len(lines), 500):
            with self.ledger.transaction():
                for line in lines[start : start + 500]:
                    self.provider.take(self._order(line))

    def _resolve(self, request: Cancellation) -> None:
        """What is not booked yet is cancelled; what is stays, and what was never here is said so."""
        file = self.taken.get(request.msg_id)
        known = {line.key for line in file.orders.lines} if file is not None else set[str]()
        statuses = []
        for key in request.keys or sorted(known):
            if file is not None and key in file.open and key not in self._debited:
                entry = self.ledger.entry(key)
                if entry is not None and entry.status == "pending" and not entry.moved:
                    with self.ledger.transaction():
                        self.provider.reverse(key)
                    del file.open[key]
                    self._cancelled.add(key)
            reason = "" if key in self._cancelled else "ARDT" if key in known else "NOOR"
            statuses.append(Status(key, key, "RJCR" if reason else "ACCR", reason))
        n = next(self._files)
        pmt_inf = file.orders.pmt_inf if file is not None else request.pmt_inf
        text = answers.resolution(f"{n}", pmt_inf, statuses, self.clock())
        self._put(f"{n:06d}-camt.029.xml", "".join(text))

    def _order(self, line: Line) -> Order:
        return Order(line.key, line.key, "", "bank_account", line.account, line.minor, line.currency, line.name)

    # -- one file, as it goes on --------------------------------------------------------------------------------------

    def _look(self, file: Taken) -> None:
        """What became of its lines since: refused, booked, come back."""
        file.age += 1
        file.silent = max(file.silent - 1, 0)
        refused, new, back = [], [], []
        for line in list(file.open.values()):
            entry = self.ledger.entry(line.key)
            if entry is None or entry.status == "absent":
                # It has the order, and its own books did not take it at the first try.
                with self.ledger.transaction():
                    self.provider.take(self._order(line))
                continue
            if entry.status == "pending" and entry.due is None and file.age > LONGEST:
                # It would stay so for ever; the bank gives it up.
                with self.ledger.transaction():
                    entry = self.provider.reverse(line.key) or entry
            if entry.status == "refused" and not entry.moved:
                if not file.silent:
                    refused.append((line, REASONS.get(entry.code, "AC04")))
                    del file.open[line.key]
            elif entry.moved and line.key not in self._debited:
                self._debited.add(line.key)
                new.append((line.key, line.minor))
                if self.returned and self._chance.random() < self.returned:
                    self._returning.append(line.key)
                elif entry.status == "paid" and entry.due is None:
                    del file.open[line.key]
            elif entry.reversed:
                back.append((line.key, line.minor))
                del file.open[line.key]
        if not file.silent:
            self._report(file, refused)
        self._book(file, new, back)

    def _report(self, file: Taken, refused: list[tuple[Line, str]]) -> None:
        """First the file as a whole, then lines as they are decided."""
        statuses, right = [], []
        for line, reason in refused:
            if self._happens("unknown_reason"):
                statuses.append(Status(line.key, line.instr, "RJCT", "X-9999", own=True))
                right.append(Status(line.key, line.instr, "RJCT", reason))
            elif self._happens("partial_report"):
                right.append(Status(line.key, line.instr, "RJCT", reason))
            else:
                statuses.append(Status(line.key, line.instr, "RJCT", reason))
        if right:
            self._corrections.append((file.orders.msg_id, right))
        if not file.acknowledged or statuses:
            level = "PART" if statuses else "ACSP"
            self._put_report(file.orders, level, level if statuses else "", statuses, "")
            file.acknowledged = True

    def _put_report(
        self, file: Orders, group: str, batch: str, lines: list[Status], reason: str
    ) -> None:  # fmt: skip
        n = next(self._files)
        if self.speaks == "csv":
            self._put(f"{n:06d}-avis.csv", "".join(answers.rows(_told(file, group, lines), self.clock())))
            return
        text = answers.report(
            f"PSR-{n}", file.msg_id, file.version, file.pmt_inf, group, batch, lines, self.clock(), reason
        )
        self._put(f"{n:06d}-pain.002.xml", "".join(text))

    def _book(self, file: Taken, new: list[tuple[str, int]], back: list[tuple[str, int]]) -> None:
        """Debits in one entry or one each, returns each by itself."""
        about = file.orders
        where = self._unstated.setdefault((about.account, about.currency), [])
        if about.batch and new:
            file.debits += 1
            whole = len(new) == len(about.lines)
            where.append(Booking(
                f"B{file.debits}-{about.msg_id[-12:]}", sum(minor for _, minor in new), about.currency, new,
                msg_id=about.msg_id, pmt_inf=about.pmt_inf, details=not whole or self._chance.random() < 0.5,
            ))  # fmt: skip
        else:
            where += [Booking(f"E-{key}", minor, about.currency, [(key, minor)]) for key, minor in new]
        where += [Booking(f"R-{key}", minor, about.currency, [(key, minor)], back="AC01") for key, minor in back]

    def _state(self) -> None:
        """A statement per account with something on it."""
        for (account, currency), bookings in self._unstated.items():
            if not bookings:
                continue
            number, opening = next(self._numbers), self._balances.get((account, currency), 10**14)
            text = "".join(_STATED[self.speaks](number, account, currency, opening, bookings, self.clock()))
            self._balances[account, currency] = opening + sum(b.minor if b.back else -b.minor for b in bookings)
            name = f"{next(self._files):06d}-statement-{number}.{_ENDS[self.speaks]}"
            if self._happens("out_of_sequence"):
                self._later.append((name, text))
            else:
                self._put(name, text)
            bookings.clear()

    # -- files out ----------------------------------------------------------------------------------------------------

    def _put(self, name: str, text: str) -> None:
        if self._happens("truncated_answer"):
            self._later.append((f"whole-{name}", text))
            text = text[: len(text) * 2 // 3]
        part, final = self.folder / "in" / f".{name}.tmp", self.folder / "in" / name
        part.write_text(text, encoding="utf-8", newline="")
        os.rename(part, final)  # noqa: PTH104 - as banks do

    @property
    def owes(self) -> bool:
        """Whether it will still say something by itself."""
        return bool(self._later or self._corrections or self._returning or any(f.open for f in self.taken.values()))

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()


def _told(file: Orders, group: str, lines: list[Status]) -> Iterator[Row]:
    """A report as rows: of lines, or of every line where it is about the file."""
    said = {status.key: status for status in lines}
    for line in file.lines:
        status = said.get(line.key)
        if status is not None:
            yield Row(line.key, line.minor, line.currency, "REJETE", reason=status.reason)
        elif not lines:
            yield Row(line.key, line.minor, line.currency, "DOUBLON" if group == "RJCT" else "EN COURS")


def _booked(
    number: int, account: str, currency: str, opening: int, bookings: Sequence[Booking], at: datetime
) -> Iterator[str]:  # fmt: skip
    """A statement as rows; a batch is booked line by line in it."""
    return answers.rows(
        (
            Row(key, minor, currency, "RETOURNE" if booking.back else "EXECUTE", booking.reference, booking.back)
            for booking in bookings
            for key, minor in booking.keys
        ),
        at,
    )


_STATED: Mapping[str, Callable[..., Iterator[str]]] = {
    "camt.053": partial(answers.statement, "camt.053"),
    "mt940": answers.mt940,
    "csv": _booked,
}
_ENDS = {"camt.053": "xml", "mt940": "sta", "csv": "csv"}
