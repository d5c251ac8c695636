"""The connection to the store: opening, pragmas, transactions, and what happens when a COMMIT raises.

SQLite is used in WAL mode with synchronous=FULL: a commit that returned survives a power loss. There is one write
transaction at a time, from any process; each must stay short (design section 7). What is otherwise on PostgreSQL is in
`postgresql`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from ..model.errors import StoreError, StoreUncertain
from . import tables as t
from .clock import now_us as now_us
from .turnstile import Turnstile

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
    # `tidy` comes first; the commit that finds so many pages in the log would stand still to move them.
    "PRAGMA wal_autocheckpoint=40000",
    # macOS: fsync alone does not reach the platter.
    "PRAGMA fullfsync=ON",
)


# After so many transactions the log is worth moving into the file: about 16 MB of a proposal.
UNTIDY = 16
# KiB of pages that a connection keeps: there is one writer and a few readers, and memory must stay flat.
WRITER_CACHE, READER_CACHE = 8000, 2000

# A row of a query. SQLAlchemy types rows by their columns; ours are read by name.
Record: TypeAlias = Any
T = TypeVar("T")

# What a forked child must not touch, not even to let go of it: its parent is still speaking over these.
_LEFT_TO_PARENT: list[Any] = []


class NotAlone(Exception):
    """A job that runs beside others must touch what may be theirs: `Store.together` does it again, alone."""


class Store:
    """One opened store and its writer session. Threads may share it; after a fork the child opens its own.

    `deployment` must equal the store's. Stores carry their identity in the table `meta`.
    """

    # Whether a write transaction of ours keeps every other one out: always so on SQLite.
    alone = True
    # What the database raises when it cannot do its work.
    refusals: tuple[type[Exception], ...] = (OperationalError,)

    def __init__(self, url: str, deployment: str, *, connection: Any = None) -> None:
        self.url, self.deployment = url, deployment
        self._memory = connection
        # How a writer session begins; whoever opens the store sets it, a forked child begins one of its own by it.
        self.begin: Callable[[], None] = lambda: None
        self._connect()
        self.session = 0
        self.head: tuple[int, bytes] = (0, b"")
        # Where the session was ended: closing twice says nothing more.
        self.ended: tuple[int, bytes] | None = None
        self.identity = ""
        self.environment = ""

    def _connect(self) -> None:
        self.uncertain, self.pid, self.lock = False, os.getpid(), threading.RLock()
        self._writer, self._reader = self._engines()
        self._writing: Connection | None = None
        self._untidy = 0
        self._turn = Turnstile(self.file)
        self._lies = self.file.resolve() if self.file else None
        self._opened = _which(self._lies)

    def _engines(self) -> tuple[Engine, Engine]:
        """The engine that writes, whose transactions `write` begins and ends, and the one that reads."""
        return _engine(self.url, self._memory, writes=True), _engine(self.url, self._memory, writes=False)

    def _survive_fork(self) -> None:
        """A forked child leaves its parent's connections alone and opens its own, with a session of its own."""
        if os.getpid() == self.pid:
            return
        if self._memory is not None:
            raise StoreError("a store in memory does not survive a fork")
        _LEFT_TO_PARENT.append((self._writing, self._writer.pool, self._reader.pool))
        self._connect()
        self.begin()

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for another database or one in memory."""
        return _file_at(self.url)

    @property
    def shown(self) -> str:
        """The address for people and files: without user, password and query."""
        parts = make_url(self.url)
        return str(sa.URL.create(parts.drivername, host=parts.host, port=parts.port, database=parts.database))

    @property
    def address(self) -> str:
        """What tells this store from a copy of it that lies elsewhere."""
        return str(self.file.resolve()) if self.file else self.shown

    @property
    def server(self) -> str:
        """Which server the store lies on, and in which life of it: another may have lost commits. '' for a file."""
        return ""

    def together(self, job: Callable[[Connection], T]) -> T:
        """Run `job` in a write transaction, beside those of other senders where the database can do that.

        For jobs that lock each row they judge. It may be run twice, the second time alone: it must change nothing but
        the database.
        """
        with self.write() as connection:
            return job(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction. A COMMIT that raises is unknown: every later call is refused (StoreUncertain)."""
        self._survive_fork()
        with self.lock, self._turn:
            self._usable()
            connection, raw = self._begin()
            head = self.head
            try:
                yield connection
            except BaseException as error:
                self.head = head
                self._roll_back(raw)
                if self._refused(error):
                    said = getattr(error, "orig", error)
                    raise StoreError(f"the database refused: {said}; nothing was written") from error
                raise
            try:
                self._commit(raw)
            except StoreError:
                if not self.uncertain:
                    self.head = head
                raise

    def _begin(self) -> tuple[Connection, Any]:
        """The one connection that writes, in a transaction of ours, and the driver's own.

        SQLAlchemy's own connecting, beginning and closing cost as much as writing ten payments.
        """
        try:
            if self._writing is None:
                self._writing = self._writer.connect()
            raw = self._writing.connection.driver_connection
            assert raw is not None
            raw.execute("BEGIN IMMEDIATE")
        except (DatabaseError, sqlite3.DatabaseError) as error:
            raise StoreError(f"the database gives no write transaction: {getattr(error, 'orig', error)}") from error
        return self._writing, raw

    def _refused(self, error: BaseException) -> bool:
        """Whether the database could not do its work; a constraint that holds is not that. Damage has no name."""
        return isinstance(error, self.refusals) or type(error) in (DatabaseError, sqlite3.DatabaseError)

    def _roll_back(self, raw: Any) -> None:
        raw.rollback()

    def _commit(self, raw: Any) -> None:
        try:
            raw.commit()
        except BaseException as error:
            self.uncertain = True
            raise StoreUncertain(f"a COMMIT raised ({error}); reopen the store to see what is in it") from error
        self._untidy += 1

    def tidy(self) -> None:
        """Move what was committed from SQLite's log into its file, beside whoever writes: nobody waits for it.

        Whoever writes much calls it between transactions.
        """
        if self.file is None or self._untidy < UNTIDY:
            return
        self._survive_fork()
        self._untidy = 0
        # Where that fails, all of it still lies in the log: whoever writes next finds out what is wrong.
        with suppress(DatabaseError, sqlite3.DatabaseError), self._reader.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one consistent picture."""
        self._survive_fork()
        self._usable()
        # Said outright: prepared statements go past SQLAlchemy, which would begin at its own first one.
        try:
            with self._reader.connect() as connection, connection.begin():
                yield connection
        except Exception as error:
            if self._refused(error):
                raise StoreError(f"the database cannot be read: {getattr(error, 'orig', error)}") from error
            raise

    def _usable(self) -> None:
        if self.uncertain:
            raise StoreUncertain("an earlier COMMIT raised; reopen the store")
        if (lies := _which(self._lies)) != self._opened:
            # What is written from here on would lie in a file that nobody finds again.
            if self._opened is not None:
                raise StoreError(f"{self._lies} was moved, removed or replaced while it was open; open it again")
            self._opened = lies

    def close(self) -> None:
        """Close all connections; the store may be opened again."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None
        self._writer.dispose()
        self._reader.dispose()
        self._turn.close()


@lru_cache(64)
def _file_at(address: str) -> Path | None:
    url = make_url(address)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database)


def _which(file: Path | None) -> tuple[int, int] | None:
    """Which file lies there now: (device, inode)."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found is not None else None


def _engine(url: str, connection: Any, *, writes: bool) -> Engine:
    how: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if writes else {}
    if connection is not None:
        engine = sa.create_engine(url, creator=lambda: connection, poolclass=StaticPool, **how)
    else:
        engine = sa.create_engine(url, connect_args={"check_same_thread": False}, **how)
    _prepare_sqlite(engine, writes)
    return engine


def _prepare_sqlite(engine: Engine, writes: bool) -> None:
    """The driver's own transaction handling is switched off: we say BEGIN ourselves."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for pragma in (*PRAGMAS, f"PRAGMA cache_size=-{WRITER_CACHE if writes else READER_CACHE}"):
            connection.execute(pragma)

    if not writes:

        @event.listens_for(engine, "begin")
        def begun(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")


def create(store: Store, environment: str, identity: str) -> None:
    """Make the tables and write the store's identity. Refuses a store that has one already."""
    with store.write() as connection:
        if sa.inspect(connection).has_table("meta"):
            raise StoreError("there is a store already; open it without create")
        t.metadata.create_all(connection)
        rows = {
            "schema": str(t.SCHEMA),
            "store": identity,
            "deployment": store.deployment,
            "environment": environment,
        }
        connection.execute(sa.insert(t.meta), [{"key": key, "value": value} for key, value in rows.items()])


def recognise(store: Store, environment: str) -> None:
    """Read the store's identity. Raises StoreError where there is no store, or another's."""
    with store.read() as connection:
        if not sa.inspect(connection).has_table("meta"):
            raise StoreError(f"there is no store at {store.shown}; `gateway init` makes one")
        found = {row.key: row.value for row in connection.execute(sa.select(t.meta))}
    expected = {"schema": str(t.SCHEMA), "deployment": store.deployment, "environment": environment}
    for key, value in expected.items():
        if found.get(key) != value:
            raise StoreError(f"the store's {key} is {found.get(key)!r}, the configuration says {value!r}")
    store.identity, store.environment = found["store"], environment
