"""The real store on an in-memory SQLite: made once for each kind of payroll, and used again for every schedule.

A schedule is one transaction that is rolled back in the end: nothing is copied, and no statement is compiled anew. What
the store takes for transactions are savepoints inside it; the constraints judge each statement as they always do.
"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...lifecycle import approval, proposing
from ...lifecycle.intake import Rules, read
from ...model.accounts import Account
from ...model.errors import StoreError, StoreUncertain
from ...model.money import Money
from ...model.payment import Invoice
from ...store import Store, clock, journal
from ...store.database import create, recognise

DEPLOYMENT = "simulation"
PAYROLL = "simulated payroll"
SECOND_PAYROLL = "the same people again"
CHANNEL = "rail"
# Virtual time begins here: a real date, so that it is never mistaken for "no time".
EPOCH = 1_750_000_000_000_000
WHY = "the first two share an account"
# Writer sessions that each store has ready: one for each process that opens it.
SESSIONS = 4
COMMITS = ("goes well", "raises, and is on disk", "raises, and is not on disk", "the database is locked")
WELL, _, NOT_ON_DISK, LOCKED = COMMITS


@attrs.frozen
class Kind:
    """What a store begins with: an approved payroll of so many payments.

    `missing`: the last account does not exist. `again`: a second payroll, approved too, for the same people.
    """

    count: int
    missing: bool
    fingerprint: str
    again: bool = False


def invoices(count: int, missing: bool) -> list[Invoice]:
    """The first two share account and amount, so that nothing can be told by those; one account may not exist."""

    def one(number: int) -> Invoice:
        value = f"acc{max(number, 2)}" + ("x" if missing and number == count else "")
        return Invoice(
            id=f"I{number}", beneficiary=f"B{number}", name=f"Name {number}", account=Account("wallet", value),
            amount=Money(1_000, "UGX"), programme="P", cycle="1",
        )  # fmt: skip

    return [one(number) for number in range(1, count + 1)]


class OneConnection(Store):
    """The real store over one connection: one coroutine runs at a time, and none inside a transaction.

    `commits` says how each COMMIT goes (see COMMITS).
    """

    commits: Callable[[], str] = staticmethod(lambda: WELL)

    def on(self, connection: Connection, raw: sqlite3.Connection) -> OneConnection:
        """Use this connection for everything."""
        self.connection, self.raw, self._reading = connection, raw, _Reading(connection)
        return self

    def write(self) -> AbstractContextManager[Connection]:  # type: ignore[override]
        """See Store.write."""
        self._usable()
        fate = self.commits()
        if fate == LOCKED:
            raise StoreError("the database gives no write transaction: database is locked")
        return _Writing(self, fate)

    def read(self) -> AbstractContextManager[Connection]:  # type: ignore[override]
        """See Store.read."""
        self._usable()
        return self._reading


class _Reading:
    """There is nothing to begin and nothing to end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        """Nothing was changed."""


class _Writing:
    """A transaction of a store that is a savepoint of the schedule's own. `fate`: how its COMMIT goes."""

    __slots__ = ("_execute", "_fate", "_head", "_store")

    def __init__(self, store: OneConnection, fate: str) -> None:
        self._store, self._fate, self._head, self._execute = store, fate, store.head, store.raw.execute

    def __enter__(self) -> Connection:
        self._execute("SAVEPOINT written")
        return self._store.connection

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None and self._fate == WELL:
            self._execute("RELEASE written")
        else:
            self._end_otherwise(failed=kind is not None)

    def _end_otherwise(self, failed: bool) -> None:
        if failed:
            self._store.head = self._head
        if failed or self._fate == NOT_ON_DISK:
            self._execute("ROLLBACK TO written")
        self._execute("RELEASE written")
        if not failed:
            self._store.uncertain = True
            raise StoreUncertain("a COMMIT raised (disk I/O error); reopen the store to see what is in it")


class AnyHome(Protocol):
    """Where a world's store lives. `raw` is its connection, for looking at it with plain SQL."""

    raw: sqlite3.Connection

    def move_in(self, kind: Kind) -> None:
        """Begin anew with approved payrolls of this kind."""

    def opened(self) -> OneConnection:
        """The store as one more process opens it: a writer session of its own."""


class Home:
    """The stores of this Python process, one for each kind. `move_in` begins a schedule, `raw` is its connection."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:")
        self._engine = sa.create_engine(
            "sqlite://", creator=lambda: self._next, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
        )
        self._made: dict[Kind, OneConnection] = {}
        self._empty: sqlite3.Connection | None = None
        self._taken = 0

    def move_in(self, kind: Kind) -> None:
        """Begin anew with approved payrolls of this kind."""
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        self._store, self._taken = self._made[kind], 0
        self.raw = self._store.raw
        self.raw.execute("BEGIN IMMEDIATE")

    def opened(self) -> OneConnection:
        """The store as one more process opens it: a writer session of its own."""
        store = copy.copy(self._store)
        store.uncertain = False
        self._taken += 1
        if self._taken <= SESSIONS:
            store.session, store.head = self._taken, (0, b"")
        else:
            journal.begin_session(store)
        return store

    def _make(self, kind: Kind) -> OneConnection:
        raw = self._next = _in_memory()
        full = self._engine.connect()
        store = OneConnection("sqlite://", DEPLOYMENT, connection=raw).on(full, raw)
        with clock.stepped(lambda: EPOCH):
            self._founded(store, raw)
            recognise(store, "test")
            furnish(store, raw, kind)
        return store

    def _founded(self, store: OneConnection, raw: sqlite3.Connection) -> None:
        """The tables and the sessions: made once, and copied for the other kinds."""
        if self._empty is None:
            create(store, "test", "simulated")
            for _ in range(SESSIONS + 1):
                journal.begin_session(store)
            self._empty = _in_memory()
            raw.backup(self._empty)
        else:
            self._empty.backup(raw)
            store.session, store.head = SESSIONS + 1, (0, b"")


def _in_memory() -> sqlite3.Connection:
    """Small pages, as whole ones are kept for each savepoint; what was deleted is not wiped."""
    raw = sqlite3.connect(":memory:", check_same_thread=False, cached_statements=512, isolation_level=None)
    raw.execute("PRAGMA page_size=512")
    raw.execute("PRAGMA secure_delete=OFF")
    return raw


def furnish(store: Store, raw: sqlite3.Connection, kind: Kind) -> None:
    """Propose and approve what a store of this kind begins with."""
    _approve(store, PAYROLL, kind)
    if kind.again:
        # As it comes about when an officer tries a refused payment again that was carried over meanwhile.
        raw.execute("UPDATE payrolls SET state = 'rejected'")
        _approve(store, SECOND_PAYROLL, kind)
        raw.execute("UPDATE payrolls SET state = 'approved'")


def _approve(store: Store, name: str, kind: Kind) -> None:
    rules = Rules(default_channel=CHANNEL, channels={CHANNEL: None})
    prints = {CHANNEL: kind.fingerprint}
    with read(invoices(kind.count, kind.missing), rules) as taken:
        payroll = proposing.propose(store, name, taken, CHANNEL, prints.__getitem__, "maker", note=WHY)
        approval.approve(store, payroll, "checker", prints, despite=WHY)
