"""A SQLite file without a name, for what is noted while files are planned: it takes no memory, and outlives nobody.

Threads may share it, and one may close it while another still uses it (a run that is cancelled): that one gets an
error, where the driver would end the process.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...model.errors import StoreError

# Each statement is on its own: one that found the disk full leaves what was there before readable.
TUNED = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;"


class Scratch:
    """`broken`: why it cannot be used any more (its disk is full, say), once that was so."""

    def __init__(self, tables: str) -> None:
        self.broken: StoreError | None = None
        self._lock = threading.Lock()
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._db.executescript(TUNED + tables)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a statement gives."""
        with self._lock, self._telling():
            return self._db.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        """Run a statement once per row, all of it or nothing. Returns how many rows were changed.

        Raises sqlite3.IntegrityError where a constraint does not hold.
        """
        with self._lock, self._telling():
            self._db.execute("BEGIN")
            try:
                changed = self._db.executemany(sql, rows).rowcount
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            return changed

    def close(self) -> None:
        """Nobody needs it any more."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What is not about what was given (a constraint, a value of another type) is not a gateway's fault."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if not isinstance(error, sqlite3.OperationalError) and type(error) is not sqlite3.DatabaseError:
                raise
            self.broken = StoreError(
                f"the scratch file for planning (in SQLITE_TMPDIR, else /var/tmp) cannot be used: {error}; "
                "nothing of what was being planned was sent"
            )
            raise self.broken from error
