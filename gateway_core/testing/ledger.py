"""The ledger of a mock provider: what it really did with the money, in a SQLite file of its own.

Money moved is durable before it is acknowledged (WAL, synchronous=FULL), so the file is the oracle after any crash.
Used by one thread at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

# What the institution has at first, in minor units of any currency, unless the ledger is told otherwise.
OPENING = 10**15

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    key TEXT PRIMARY KEY, reference TEXT NOT NULL, entitlement TEXT NOT NULL, account_type TEXT NOT NULL,
    account TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
    name TEXT NOT NULL, callback_url TEXT NOT NULL, status TEXT NOT NULL, code TEXT NOT NULL,
    moved INTEGER NOT NULL, reversed INTEGER NOT NULL CHECK (reversed <= moved), copies INTEGER NOT NULL,
    fault TEXT NOT NULL, becomes TEXT NOT NULL, due REAL, hidden_until REAL NOT NULL, decided_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS payments_due ON payments (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS under_way (no INTEGER PRIMARY KEY, key TEXT NOT NULL, due REAL NOT NULL);
CREATE TABLE IF NOT EXISTS closed_accounts (type TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (type, value));
CREATE TABLE IF NOT EXISTS openings (currency TEXT PRIMARY KEY, minor INTEGER NOT NULL);
"""


@attrs.frozen
class Order:
    """A payment as it was asked for. `amount` is in minor units; `reference` is the payer's own payment id."""

    key: str
    reference: str
    entitlement: str
    account_type: str
    account: str
    amount: int
    currency: str
    name: str = ""
    callback_url: str = ""

    def same_money(self, other: Order) -> bool:
        """Whether both ask for the same thing: a key that comes again with something else is a conflict."""
        return (self.account_type, self.account, self.amount, self.currency, self.reference) == (
            other.account_type, other.account, other.amount, other.currency, other.reference,
        )  # fmt: skip


@attrs.frozen
class Entry:
    """A payment in the ledger. `status`: absent (a copy came, none was taken), pending, paid, refused, reversed.

    `moved` and `reversed` count how often money went and came back. At `due` it turns into `becomes`.
    """

    order: Order
    status: str = "absent"
    code: str = ""
    moved: int = 0
    reversed: int = 0
    copies: int = 0
    fault: str = ""
    becomes: str = ""
    due: float | None = None
    hidden_until: float = 0.0
    decided_at: float = 0.0

    @property
    def receipt(self) -> str:
        """The provider's own reference."""
        return "D-" + self.order.key.replace("-", "")[:20].upper()


_ORDER = tuple(field.name for field in attrs.fields(Order))
_STATE = tuple(field.name for field in attrs.fields(Entry))[1:]
_COLUMNS = ", ".join(_ORDER + _STATE)
_PUT = f"INSERT OR REPLACE INTO payments ({_COLUMNS}) VALUES ({', '.join('?' * len(_ORDER + _STATE))})"  # noqa: S608
_GET = f"SELECT {_COLUMNS} FROM payments WHERE key = ?"  # noqa: S608
_DUE = f"SELECT {_COLUMNS} FROM payments WHERE due <= ? ORDER BY due, key"  # noqa: S608
_PAGE = f"SELECT {_COLUMNS} FROM payments WHERE key > ? ORDER BY key LIMIT ?"  # noqa: S608
_SPENT = "SELECT currency, SUM(amount * (moved - reversed)) FROM payments GROUP BY currency"
_NEXT = "SELECT MIN(due) FROM (SELECT MIN(due) AS due FROM payments UNION ALL SELECT MIN(due) FROM under_way)"


def _opened(path: str) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        there = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError as error:
        raise OSError(f"the ledger {path} cannot be opened: {error}") from None
    except sqlite3.DatabaseError:
        there = {""}
    if there and "under_way" not in there:
        db.close()
        raise FileExistsError(f"{path} is something else than a simulator's ledger; name another file, or a new one")
    return db


class Ledger:
    """The file `path` (or ":memory:"), made when it is missing. Raises FileExistsError for a file of another kind: a
    store of payments must not become a simulator's ledger by a slip. OSError where it cannot be opened.
    """

    def __init__(self, path: str | Path) -> None:
        self._db = _opened(str(path))
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self._remember()

    def close(self) -> None:
        """Close the file; everything in it is durable already."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside is on disk when it ends, or none of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._remember()
            raise

    def _remember(self) -> None:
        """What is asked for with every payment is kept in memory; the file is its source."""
        self._openings: dict[str, int] = dict(self._db.execute("SELECT currency, minor FROM openings"))
        self._spent: dict[str, int] = dict(self._db.execute(_SPENT))
        self._closed: set[tuple[str, str]] = set(self._db.execute("SELECT type, value FROM closed_accounts"))
        self._next_due: float | None = self._db.execute(_NEXT).fetchone()[0]

    # Accounts

    def available(self, currency: str) -> int:
        """What the institution can still pay out, in minor units."""
        return self._openings.get(currency, OPENING) - self._spent.get(currency, 0)

    def deposit(self, currency: str, minor: int) -> None:
        """Set what the institution had at first."""
        with self.transaction():
            self._db.execute("INSERT OR REPLACE INTO openings VALUES (?, ?)", (currency, minor))
            self._openings[currency] = minor

    def exists(self, account_type: str, account: str) -> bool:
        """Every account exists that was not closed: payrolls are invented, lists of wallets would only get stale."""
        return (account_type, account) not in self._closed

    def close_account(self, account_type: str, account: str) -> None:
        """From now on nobody has this account."""
        with self.transaction():
            self._db.execute("INSERT OR IGNORE INTO closed_accounts VALUES (?, ?)", (account_type, account))
            self._closed.add((account_type, account))

    # Payments (inside a transaction)

    def entry(self, key: str) -> Entry | None:
        """The payment with this key."""
        row = self._db.execute(_GET, (key,)).fetchone()
        return _entry(row) if row else None

    def put(self, new: Entry, old: Entry | None) -> None:
        """Write a payment in place of what it was."""
        order = new.order
        self._db.execute(
            _PUT,
            (
                order.key, order.reference, order.entitlement, order.account_type, order.account, order.amount,
                order.currency, order.name, order.callback_url, new.status, new.code, new.moved, new.reversed,
                new.copies, new.fault, new.becomes, new.due, new.hidden_until, new.decided_at,
            ),
        )  # fmt: skip
        times = new.moved - new.reversed - (old.moved - old.reversed if old else 0)
        if times:
            self._spent[order.currency] = self._spent.get(order.currency, 0) + times * order.amount
        self._expect(new.due)

    def page(self, after: str = "", limit: int = 1000) -> list[Entry]:
        """The payments in the order of their keys, page by page."""
        return [_entry(row) for row in self._db.execute(_PAGE, (after, limit))]

    # What happens later

    def send_later(self, key: str, due: float) -> None:
        """A copy of a request is still under way: it lands at `due`."""
        self._db.execute("INSERT INTO under_way (key, due) VALUES (?, ?)", (key, due))
        self._expect(due)

    def anything_due(self, now: float) -> bool:
        """Whether something happens now. Costs nothing: it is asked before everything."""
        return self._next_due is not None and self._next_due <= now

    def landed(self, now: float) -> list[str]:
        """The keys of copies that land now; they are under way no longer."""
        rows = self._db.execute("DELETE FROM under_way WHERE due <= ? RETURNING key", (now,)).fetchall()
        return [key for (key,) in rows]

    def decided(self, now: float) -> list[Entry]:
        """The payments that turn into something else now."""
        return [_entry(row) for row in self._db.execute(_DUE, (now,)).fetchall()]

    def look_ahead(self) -> None:
        """After what was due has happened: when is the next?"""
        self._next_due = self._db.execute(_NEXT).fetchone()[0]

    def _expect(self, due: float | None) -> None:
        if due is not None:
            self._next_due = due if self._next_due is None else min(due, self._next_due)


def _entry(row: tuple[str | int | float | None, ...]) -> Entry:
    values: tuple[object, ...] = row
    cut = len(_ORDER)
    return Entry(Order(*values[:cut]), *values[cut:])  # type: ignore[arg-type]
