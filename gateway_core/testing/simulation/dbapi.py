"""SQLite through apsw as Python's own driver shows it, so that SQLAlchemy and the store run on a disk of ours.

Errors come as `sqlite3`'s: the store must not know which driver it has. `pip install 'gateway-core[sim]'`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import apsw


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from error
    except apsw.Error as error:
        raise sqlite3.OperationalError(f"{type(error).__name__}: {error}") from error


class Cursor:
    """A cursor as PEP 249 has it; rows are fetched at once."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, text: str, parameters: Any = ()) -> Cursor:
        """One statement."""
        raw, seen = self._connection.raw, list[Any]()

        def trace(cursor: Any, *_: Any) -> bool:
            seen[:] = cursor.get_description()
            return True

        with _told():
            cursor = raw.cursor()
            cursor.exec_trace = trace
            before = raw.total_changes()
            self._rows = list(cursor.execute(text, _plain(parameters)))
        self.description = [(column[0], *[None] * 6) for column in seen] or None
        changed = raw.total_changes() - before
        self.rowcount = changed if not seen else -1
        self.lastrowid = raw.last_insert_rowid()
        return self

    def executemany(self, text: str, rows: Sequence[Any]) -> Cursor:
        """One statement for each row of parameters."""
        for row in rows:
            self.execute(text, row)
        return self

    def fetchall(self) -> list[tuple[Any, ...]]:
        """What is left."""
        found, self._rows = self._rows, []
        return found

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """The next rows."""
        found, self._rows = self._rows[:size], self._rows[size:]
        return found

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def close(self) -> None:
        """Nothing is open."""


class Connection:
    """A connection that can be opened anew in place: whoever holds it goes on, as another process would."""

    isolation_level: str | None = None

    def __init__(self, open_: Callable[[], apsw.Connection]) -> None:
        self._open = open_
        with _told():
            self.raw = open_()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return bool(self.raw.in_transaction)

    def cursor(self) -> Cursor:
        """A cursor."""
        return Cursor(self)

    def execute(self, text: str, parameters: Any = ()) -> Cursor:
        """One statement, on a cursor of its own."""
        return Cursor(self).execute(text, parameters)

    def commit(self) -> None:
        """Commit, if there is a transaction."""
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back, if there is a transaction: SQLite may have done so by itself."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def reopen(self) -> None:
        """Close it and open it again: what was not committed is gone."""
        with suppress(apsw.Error):
            self.raw.close(force=True)
        with _told():
            self.raw = self._open()

    def close(self) -> None:
        """Close it."""
        self.raw.close(force=True)

    def create_function(self, *given: Any, **named: Any) -> None:
        """SQLAlchemy's own functions are not used."""


def _plain(parameters: Any) -> Any:
    return parameters if isinstance(parameters, dict) else tuple(parameters)
