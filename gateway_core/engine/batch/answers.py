"""Files from the bank, applied: read whole first, then page by page, each page in one transaction.

The gateway reads a file once; what it said is kept aside, counted, and only then applied. What is not whole (its own
count differs, the reader raises) changes nothing. A line states a fact about the payment that its key names, never
about another one; what names none is kept as a stray. After a crash the file is read again, and it goes on at the page
where it was.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs

from ...contract.batch import Incoming, LineFact, StatementFact
from ...contract.batch_channel import Batch
from ...contract.guard import Hung
from ...model.errors import StoreError
from ...model.moments import as_time
from ...store import Store, answer_facts, answers, cases, documents, files, payrolls
from ...store.database import Record
from ..decide import Rules
from ..evidence import plain
from . import balances, whole
from .calm import calm
from .heard import Heard
from .lines import all_of, tell
from .matching import Applied, apply_page, ours_among

# Some 50 ms each, so that nobody else's intent waits long.
PAGE = 500
LONGEST = 20_000_000
# Of the machine, and for now: disk, quota, memory, open files, a device.
OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS})
UNREADABLE, UNKNOWN_LINE = "unreadable_answer", "unknown_line"


@attrs.define
class Reading:
    """One answer in our hands. `applied`: what it was about so far; `statements`: of the account itself; `lines`: of
    payments, and `wholes`: of whole documents, that were read."""

    store: Store
    channel: str
    batch: Batch
    rules: Rules
    answer: Record
    applied: Applied = attrs.field(factory=Applied)
    statements: list[StatementFact] = attrs.field(factory=list)
    lines: int = 0
    wholes: int = 0
    _heard: Heard | None = None
    _resumed: bool = False

    def incoming(self) -> Incoming:
        """What the gateway is given."""
        row, store = self.answer, self.store
        return Incoming(
            row.name, row.sha256, row.size, as_time(row.at), lambda: files.open_file(store, row.sha256)
        )  # fmt: skip

    def look_through(self) -> str:
        """Read it without applying anything; how long it is, is noted. Returns why it is unreadable, or ''."""
        if why := self.faults():
            self.unreadable(why)
            return why
        with self.store.write() as connection:
            answers.long(connection, self.answer, self.lines + self.wholes)
        return ""

    def faults(self) -> str:
        """Read it to its end and count. Why it cannot be believed, or ''. Raises what says nothing of it: Hung, and a
        failure of our own machine."""
        if why := answer_facts.altered(self.store, self.answer):
            return why
        self.lines = self.wholes = 0
        try:
            self.statements.clear()
            heard = Heard()
            reader = self.batch.read(self.incoming(), self.statements)
            while True:
                said = next(reader)
                heard.add(said)
                whole_document = is_whole(said)
                self.lines += not whole_document
                self.wholes += whole_document
                if self.lines > LONGEST:
                    return f"it has more than {LONGEST} lines"
        except StopIteration as stop:
            heard.close()
            self._heard = heard
            if stop.value is not None and stop.value != self.lines:
                return f"it says that it has {stop.value} lines, and {self.lines} were read: is it cut off?"
            return ""
        except Exception as error:
            if not_its_own(error):
                raise
            return plain("".join(traceback.format_exception(error, limit=-4)), 2000)

    def pages(self) -> Iterator[list[tuple[int, LineFact]]]:
        """The lines in which `faults` found none, from where it was left, numbered from 1: some of payments, or one of
        a whole document."""
        assert self._heard is not None
        page: list[tuple[int, LineFact]] = []
        for n, said in enumerate(self._heard, start=1):
            if n <= self.answer.done:
                continue
            if page and (len(page) == PAGE or is_whole(said)):
                yield page
                page = []
            page.append((n, said))
            if is_whole(said):
                yield page
                page = []
        if page:
            yield page

    def untold(self) -> list[str]:
        """Documents whose lines must be told something now. After a crash those are among them of which a page that
        was applied spoke: nobody else may look at them any more."""
        if not self._resumed:
            self._resumed = True
            with self.store.read() as connection:
                self.applied.telling |= set(documents.untold(connection, self.channel))
        found = sorted(self.applied.telling)
        self.applied.telling.clear()
        return found

    def apply(self, page: list[tuple[int, LineFact]], now: int) -> bool:
        """One page, in one transaction. False: not before lines were told what is `untold`."""
        if is_whole(page[0][1]):
            return whole.apply(self.store, self.channel, self.answer, page[0], self.applied, now)
        apply_page(self.store, self.channel, self.rules, self.answer, page, self.applied, now)
        return True

    def over(self) -> None:
        """All of it was applied: what it leaves for people is a case, and what it ended is closed."""
        with self.store.write() as connection:
            row = answers.get(connection, self.answer.id)
            if row.state != answers.NEW:
                return
            said: dict[str, Any] = {name: getattr(row, name) for name in ("applied", "known", "strays")}
            if self.statements:
                said["statements"] = [balances.body(one) for one in self.statements]
            answers.record(connection, self.store, row, "applied", "driver", said, state="applied", lines=row.done)
            if self.applied.ours_unmatched or _ours_unmatched(connection, row):
                cases.open_case(connection, row.id, self.applied.payroll, UNKNOWN_LINE)
            documents.close_finished(connection, self.applied.documents)
            for payroll in sorted(self.applied.payrolls):
                payrolls.paid_out(connection, self.store, payroll)

    def unreadable(self, why: str) -> None:
        """Nothing of it was applied, and nothing will be: people must look."""
        with self.store.write() as connection:
            row = answers.get(connection, self.answer.id)
            if row.state not in (answers.UNCONFIRMED, answers.NEW):
                return
            answers.record(connection, self.store, row, "unreadable", "driver", {"why": why}, state=answers.UNREADABLE)
            cases.open_case(connection, row.id, "", UNREADABLE)


def not_its_own(error: BaseException | None) -> bool:
    """Whether what went wrong, or what that came from, is no fault of the file: it is read again another time."""
    while error is not None:
        if isinstance(error, Hung | MemoryError | StoreError) or (isinstance(error, OSError) and error.errno in OURS):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_whole(said: LineFact) -> bool:
    """Whether it speaks of a whole document."""
    return bool(said.document) and not said.key and not said.reference


def _ours_unmatched(connection: Any, row: Record) -> bool:
    """After a crash: a stray of an earlier page may have named something of ours."""
    return row.strays > 0 and ours_among(connection, answers.strays(connection, row.id))


def read_now(reading: Reading, now: Callable[[], int]) -> str:
    """The whole of it, in this thread. Returns why it is unreadable, or ''."""
    with calm():
        return _read_now(reading, now)


def _read_now(reading: Reading, now: Callable[[], int]) -> str:
    if why := reading.faults():
        reading.unreadable(why)
        return why
    pages, page = reading.pages(), list[tuple[int, LineFact]]()
    while True:
        for document in reading.untold():
            all_of(partial(tell, reading.store, document, reading.rules, now()))
        page = page or next(pages, [])
        if not page:
            break
        if reading.apply(page, now()):
            page = []
    reading.over()
    return ""
