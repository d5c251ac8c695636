"""The scratch file: a private SQLite file that holds the lines while they are compared, so that memory stays flat."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .row import Record

# A scratch file is never recovered: whoever reads a payroll reads it again. So no journal and no fsync; and the cache
# is small, because the flat memory is the point.
_PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-16000", "page_size=8192")

# `amount` is in minor units. A cell with a mistake is NULL: it takes no part in comparisons, its neighbours do.
_TABLE = """
    CREATE TABLE line (
        line INTEGER PRIMARY KEY, invoice TEXT, beneficiary TEXT, name TEXT, account_type TEXT, account TEXT,
        amount INTEGER, currency TEXT, programme TEXT, cycle TEXT, instalment TEXT, channel TEXT, reference TEXT,
        extra TEXT, good INTEGER
    )
"""
_INSERT = f"INSERT INTO line VALUES ({', '.join('?' * 15)})"  # noqa: S608 - question marks only
_BATCH = 2000


class Scratch:
    """Add records in the order of their lines, then `flush`, then query. Used by one thread at a time."""

    def __init__(self, directory: Path | None = None) -> None:
        handle, name = tempfile.mkstemp(prefix="gateway-intake-", suffix=".db", dir=directory)  # mode 0600
        os.close(handle)
        self._path, self._waiting = Path(name), list[Record]()
        self._connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_TABLE)
        self._connection.execute("BEGIN")
        # The file holds people's names and accounts. Without a name on disk it is gone with the process, however that
        # ends. Where open files cannot be removed (Windows), close() does it.
        with contextlib.suppress(OSError):
            self._path.unlink()

    def add(self, record: Record) -> None:
        """Keep one record."""
        self._waiting.append(record)
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        self._connection.executemany(_INSERT, self._waiting)
        self._waiting.clear()

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self._connection.execute(sql, values)

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """The only row of a query."""
        row: tuple[Any, ...] = self._connection.execute(sql, values).fetchone()
        return row

    def pages(self, columns: str, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Good lines in order, `size` at a time, by the last line seen. `line` is the first of the columns."""
        last = -1
        while True:
            page = self._connection.execute(
                f"SELECT line, {columns} FROM line WHERE line > ? AND good ORDER BY line LIMIT ?",  # noqa: S608
                (last, size),
            ).fetchall()
            if not page:
                return
            yield page
            last = page[-1][0]

    def close(self) -> None:
        """Forget everything. Closing twice is harmless."""
        self._connection.close()
        self._path.unlink(missing_ok=True)
