"""The store on PostgreSQL: what is checked at each connection, transactions beside one another, what a lost one means.

A write transaction takes an advisory lock first. Alone, it keeps every other writer out, as on SQLite: all that checks
and then writes relies on that. Senders take it together for what is locked row by row (`together`): claims, the writes
of a group, arrivals. Whatever of these turns out to touch what is not its own is done again, alone.

Writers read committed: each statement sees all that was committed before it, and so, behind the lock, everything.
Readers have one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import IntegrityError, InterfaceError, InternalError, OperationalError

from ..model.errors import RestoredStore, StoreError, StoreUncertain
from .database import NotAlone, Store
from .server import Server

T = TypeVar("T")
REFUSALS = (OperationalError, InternalError, InterfaceError)
# Of libpq; the address may say otherwise. A server that vanished is noticed within half a minute.
CONNECTING: dict[str, Any] = {
    "application_name": "gateway-core", "client_encoding": "utf8", "connect_timeout": 10, "keepalives": 1,
    "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000,
}  # fmt: skip
# Who stands still inside a transaction has it taken away before those who wait for its locks give up.
SETTINGS = {
    "lock_timeout": "30s", "idle_in_transaction_session_timeout": "15s", "client_min_messages": "warning", "jit": "off",
}  # fmt: skip
# A COMMIT that waits for its standby must not be cut short: the server would report it as done.
STATEMENTS = {True: "0", False: "10min"}
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock{}({})"


class ServerStore(Store):
    """A store on PostgreSQL. Several processes may send from it; each has its own lease, session and mark."""

    refusals = REFUSALS

    def _connect(self) -> None:
        self._server: Server | None = None
        self._warned: list[str] = []
        super()._connect()

    def _engines(self) -> tuple[Engine, Engine]:
        return self._engine(writes=True), self._engine(writes=False)

    def _engine(self, *, writes: bool) -> Engine:
        url = make_url(self.url)
        known = {name: value for name, value in CONNECTING.items() if name not in url.query}
        how: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if writes else {"pool_pre_ping": True}
        engine = sa.create_engine(url, connect_args=known, hide_parameters=True, use_native_hstore=False, **how)

        @event.listens_for(engine, "connect")
        def connected(raw: Any, record: object) -> None:
            try:
                self._prepare(raw, writes)
            except BaseException:
                raw.close()
                raise

        return engine

    def _prepare(self, raw: Any, writes: bool) -> None:
        """A new connection: is it to the server that we know, and does that keep what it reports?"""
        raw.autocommit = True
        found = Server.of(raw)
        if self._server is None:
            self._server = found
        elif found.life != self._server.life:
            raise RestoredStore(
                "the server was replaced while the store was open (a failover, or a backup put in its place), and may "
                "have lost commits: open the store again"
            )
        settings = SETTINGS | {"statement_timeout": STATEMENTS[writes], "synchronous_commit": found.synchronous_commit}
        each = ", ".join(["set_config(%s, %s, false)"] * len(settings))
        raw.execute(f"SELECT {each}", [part for pair in settings.items() for part in pair])
        if writes:
            raw.add_notice_handler(lambda said: self._warned.append(said.message_primary or ""))
        else:
            raw.autocommit = False
            raw.isolation_level, raw.read_only = IsolationLevel.REPEATABLE_READ, True

    @property
    def server(self) -> str:
        """See Store.server."""
        return self._known().life

    @property
    def address(self) -> str:
        """See Store.address."""
        return f"{self.shown} (schema {self._known().schema})"

    def _known(self) -> Server:
        if self._server is None:
            with self.read():
                pass
        assert self._server is not None
        return self._server

    # -- transactions -------------------------------------------------------------------------------------------------

    def together(self, job: Callable[[Connection], T]) -> T:
        """See Store.together."""
        self._survive_fork()
        with self.lock:
            self.alone = False
            try:
                with self.write() as connection:
                    return job(connection)
            except (NotAlone, IntegrityError):
                pass
            finally:
                self.alone = True
            with self.write() as connection:
                return job(connection)

    def _begin(self) -> tuple[Connection, Any]:
        # A connection that was lost while it was idle is noticed here, and only here may another take its place.
        fresh = self._writing is None
        try:
            connection = self._connected()
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute(BEGIN.format("" if self.alone else "_shared", self._known().key))
        except (psycopg.Error, *REFUSALS) as error:
            lost = self._drop()
            if lost and not fresh:
                return self._begin()
            raise StoreError(f"the database gives no write transaction: {_said(error)}") from error
        return connection, raw

    def _connected(self) -> Connection:
        if self._writing is None:
            connection = self._writer.connect()
            try:
                self._still_there(connection)
            except BaseException:
                connection.close()
                raise
            self._writing = connection
        return self._writing

    def _still_there(self, connection: Connection) -> None:
        """What this session wrote last is there: no snapshot of the disk was put in its place either."""
        n, chain = self.head
        last = "SELECT chain FROM facts WHERE session = %(session)s AND n = %(n)s"
        if n and connection.exec_driver_sql(last, {"session": self.session, "n": n}).scalar() != chain:
            raise RestoredStore("the server has lost commits that it had reported: open the store again")

    def _roll_back(self, raw: Any) -> None:
        with suppress(psycopg.Error):
            raw.rollback()
        if raw.closed:
            self._drop()

    def _drop(self) -> bool:
        """Let go of a writing connection that cannot be used any more, or end its transaction. Was it lost?"""
        if self._writing is None:
            return True
        raw = None if self._writing.invalidated else self._writing.connection.driver_connection
        if raw is not None and not raw.closed:
            raw.rollback()
            return False
        self._hang_up()
        return True

    def _hang_up(self) -> None:
        if self._writing is not None:
            self._writing.invalidate()
            self._writing.close()
            self._writing = None

    def close(self) -> None:
        """See Store.close."""
        self._hang_up()
        super().close()

    def _commit(self, raw: Any) -> None:
        if raw.info.transaction_status != TransactionStatus.INTRANS:
            # The server would answer such a COMMIT with ROLLBACK, and not call it an error.
            self._roll_back(raw)
            raise StoreError("a statement failed in this transaction; nothing was written")
        self._warned.clear()
        super()._commit(raw)
        if self._warned:
            # Such as "canceling wait for synchronous replication": done here, and perhaps lost at a failover.
            self.uncertain = True
            raise StoreUncertain(f"a COMMIT was reported with a warning ({self._warned[0]}); reopen the store")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See Store.read."""
        try:
            with super().read() as connection:
                yield connection
        except REFUSALS as error:
            raise StoreError(f"the database refused: {_said(error)}") from error


def _said(error: BaseException) -> str:
    """The first line of what the driver said: it never holds a password, the statement or its values."""
    return str(getattr(error, "orig", error)).partition("\n")[0]
