"""The real store on an in-memory SQLite: made once for each shape of payroll, cloned for every schedule."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...lifecycle import approval, proposing
from ...lifecycle.intake import Rules, read
from ...model.accounts import Account
from ...model.money import Money
from ...model.payment import Invoice
from ...store import Store, clock, journal
from ...store.database import create, recognise

DEPLOYMENT = "simulation"
PAYROLL = "simulated payroll"
CHANNEL = "rail"
# Virtual time begins here: a real date, so that it is never mistaken for "no time".
EPOCH = 1_750_000_000_000_000


def invoices(count: int, missing: bool) -> list[Invoice]:
    """The first two share account and amount, so that nothing can be told by those; one account may not exist."""

    def one(number: int) -> Invoice:
        account = f"acc{max(number, 2)}" + ("x" if missing and number == count else "")
        return Invoice(
            id=f"I{number}", beneficiary=f"B{number}", name=f"Name {number}", account=Account("wallet", account),
            amount=Money(1_000, "UGX"), programme="P", cycle="1",
        )  # fmt: skip

    return [one(number) for number in range(1, count + 1)]


class OneConnection(Store):
    """The real store without the ceremony of a connection per transaction: half of a schedule's time was that."""

    def on(self, connection: Connection, raw: sqlite3.Connection) -> OneConnection:
        """Use this connection for everything; one coroutine runs at a time, and none inside a transaction."""
        self._connection, self._raw = connection, raw
        return self

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """See Store.write."""
        head = self.head
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self.head = head
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See Store.read."""
        yield self._connection


class Home:
    """One connection for all schedules of this Python process; `move_in` puts a fresh, approved payroll into it."""

    def __init__(self) -> None:
        self.raw = sqlite3.connect(":memory:", check_same_thread=False)
        autocommit = sa.create_engine(
            "sqlite://", creator=lambda: self.raw, poolclass=sa.StaticPool, isolation_level="AUTOCOMMIT"
        )
        store = OneConnection("sqlite://", DEPLOYMENT, connection=self.raw)
        self._store: Store = store.on(autocommit.connect(), self.raw)
        with clock.stepped(lambda: EPOCH):
            create(self._store, "test", "simulated")
            recognise(self._store, "test")
        self._bare = self.raw.serialize()
        self._made: dict[tuple[object, ...], bytes] = {}

    def move_in(self, count: int, missing: bool, fingerprint: str) -> None:
        """Begin anew with an approved payroll of so many payments."""
        shape = (count, missing, fingerprint)
        if shape not in self._made:
            self._made[shape] = self._make(invoices(count, missing), fingerprint)
        self.raw.deserialize(self._made[shape])

    def opened(self) -> Store:
        """The store as one more process opens it: a writer session of its own."""
        store = copy.copy(self._store)
        store.uncertain = False
        journal.begin_session(store)
        return store

    def _make(self, given: list[Invoice], fingerprint: str) -> bytes:
        self.raw.deserialize(self._bare)
        why = "the first two share an account"
        rules = Rules(default_channel=CHANNEL, channels={CHANNEL: None})
        with clock.stepped(lambda: EPOCH), read(given, rules) as taken:
            journal.begin_session(self._store)
            prints = {CHANNEL: fingerprint}
            payroll = proposing.propose(self._store, PAYROLL, taken, CHANNEL, prints.__getitem__, "maker", note=why)
            approval.approve(self._store, payroll, "checker", prints, despite=why)
        return self.raw.serialize()
