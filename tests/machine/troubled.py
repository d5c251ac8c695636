"""A real SQLite connection that fails where it is told: at a COMMIT, done or not, or at a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
import pytest

DISK = "disk I/O error"
# What a COMMIT does that raises: it is on disk after all, or not, and its transaction is over or still open.
FAILS = ("done", "undone", "open")


@attrs.define
class Trouble:
    """`commit(n)` says how the n-th COMMIT of a write transaction fails ('': not), `statement(n)` whether the n-th
    statement in one does.
    """

    commit: Callable[[int], str] = lambda n: ""
    statement: Callable[[int], bool] = lambda n: False
    commits: int = 0
    statements: int = 0
    failed: int = 0

    @contextmanager
    def everywhere(self) -> Iterator[Trouble]:
        """All connections that are opened inside are of this kind."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3.dbapi2, "connect", partial(sqlite3.connect, factory=partial(_Connection, self)))
            yield self

    def at_commit(self) -> str:
        self.commits += 1
        how = self.commit(self.commits)
        self.failed += bool(how)
        return how

    def at_statement(self) -> None:
        self.statements += 1
        if self.statement(self.statements):
            self.failed += 1
            raise sqlite3.OperationalError(DISK)


class _Connection(sqlite3.Connection):
    def __init__(self, trouble: Trouble, *how: Any, **more: Any) -> None:
        super().__init__(*how, **more)
        self.trouble, self.writes = trouble, False

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(_Cursor)

    def execute(self, sql: str, *values: Any) -> Any:
        return self.cursor().execute(sql, *values)

    def commit(self) -> None:
        how = self.trouble.at_commit() if self.writes else ""
        self.writes = False
        if how == "done":
            super().commit()
        elif how == "undone":
            self.rollback()
        elif not how:
            super().commit()
        if how:
            raise sqlite3.OperationalError(DISK)

    def rollback(self) -> None:
        self.writes = False
        super().rollback()


class _Cursor(sqlite3.Cursor):
    connection: _Connection

    def execute(self, sql: str, *values: Any) -> Any:
        if self.connection.writes:
            self.connection.trouble.at_statement()
        done = super().execute(sql, *values)
        if sql.startswith("BEGIN IMMEDIATE"):
            self.connection.writes = True
        return done

    def executemany(self, sql: str, rows: Any) -> Any:
        if self.connection.writes:
            self.connection.trouble.at_statement()
        return super().executemany(sql, rows)
