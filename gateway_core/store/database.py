"""The connection to the store: opening, pragmas, transactions, and what happens when a COMMIT raises.

SQLite is used in WAL mode with synchronous=FULL: a commit that returned survives a power loss. There is one write
transaction at a time, from any process; each must stay short (design section 7).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import OperationalError
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
    "PRAGMA wal_autocheckpoint=4000",
    # macOS: fsync alone does not reach the platter.
    "PRAGMA fullfsync=ON",
)


# KiB of pages that a connection keeps: there is one writer and a few readers, and memory must stay flat.
WRITER_CACHE, READER_CACHE = 8000, 2000

# A row of a query. SQLAlchemy types rows by their columns; ours are read by name.
Record: TypeAlias = Any


class Store:
    """One opened store and its writer session. Threads may share it; after a fork the child opens its own.

    `deployment` must equal the store's. Stores carry their identity in the table `meta`.
    """

    def __init__(self, url: str, deployment: str, *, connection: Any = None) -> None:
        self.url, self.deployment = url, deployment
        self._memory = connection
        # How a writer session begins; whoever opens the store sets it, a forked child begins one of its own by it.
        self.begin: Callable[[], None] = lambda: None
        self._connect()
        self.session = 0
        self.head: tuple[int, bytes] = (0, b"")
        self.identity = ""
        self.environment = ""

    def _connect(self) -> None:
        self.uncertain, self.pid, self.lock = False, os.getpid(), threading.RLock()
        memory = self._memory
        self._writer = _engine(self.url, memory, immediate=True)
        self._reader = self._writer if memory is not None else _engine(self.url, memory, immediate=False)
        self._turn = Turnstile(self.file)

    def _survive_fork(self) -> None:
        """A forked child leaves its parent's connections alone and opens its own, with a session of its own."""
        if os.getpid() == self.pid:
            return
        if self._memory is not None:
            raise StoreError("a store in memory does not survive a fork")
        self._writer.dispose(close=False)
        self._reader.dispose(close=False)
        self._connect()
        self.begin()

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None for another database or one in memory."""
        url = make_url(self.url)
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return None
        return Path(url.database)

    @property
    def shown(self) -> str:
        """The address for people and files: without user, password and query."""
        parts = make_url(self.url)
        return str(sa.URL.create(parts.drivername, host=parts.host, port=parts.port, database=parts.database))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction. A COMMIT that raises is unknown: every later call is refused (StoreUncertain)."""
        self._survive_fork()
        with self.lock, self._turn:
            self._usable()
            connection = self._writer.connect()
            try:
                _begin(connection)
                head = self.head
                try:
                    yield connection
                except BaseException as error:
                    self.head = head
                    connection.rollback()
                    if isinstance(error, OperationalError):
                        raise StoreError(f"the database refused: {error.orig}; nothing was written") from error
                    raise
                self._commit(connection)
            finally:
                connection.close()

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except BaseException as error:
            self.uncertain = True
            raise StoreUncertain(f"a COMMIT raised ({error}); reopen the store to see what is in it") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one consistent picture."""
        self._survive_fork()
        self._usable()
        with self._reader.connect() as connection:
            yield connection

    def _usable(self) -> None:
        if self.uncertain:
            raise StoreUncertain("an earlier COMMIT raised; reopen the store")

    def close(self) -> None:
        """Close all connections; the store may be opened again."""
        self._writer.dispose()
        self._reader.dispose()
        self._turn.close()


def _begin(connection: Connection) -> None:
    try:
        connection.begin()
    except OperationalError as error:
        raise StoreError(f"the database gives no write transaction: {error.orig}") from error


def _engine(url: str, connection: Any, *, immediate: bool) -> Engine:
    if connection is not None:
        engine = sa.create_engine(url, creator=lambda: connection, poolclass=StaticPool)
    else:
        engine = sa.create_engine(url, connect_args={"check_same_thread": False} if url.startswith("sqlite") else {})
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine, immediate)
    return engine


def _prepare_sqlite(engine: Engine, immediate: bool) -> None:
    """The driver's own transaction handling is switched off: we say BEGIN ourselves."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for pragma in (*PRAGMAS, f"PRAGMA cache_size=-{WRITER_CACHE if immediate else READER_CACHE}"):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


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
    """Read the store's identity and refuse a foreign one, then begin a writer session."""
    with store.read() as connection:
        if not sa.inspect(connection).has_table("meta"):
            raise StoreError(f"there is no store at {store.shown}; `gateway init` makes one")
        found = {row.key: row.value for row in connection.execute(sa.select(t.meta))}
    expected = {"schema": str(t.SCHEMA), "deployment": store.deployment, "environment": environment}
    for key, value in expected.items():
        if found.get(key) != value:
            raise StoreError(f"the store's {key} is {found.get(key)!r}, the configuration says {value!r}")
    store.identity, store.environment = found["store"], environment
