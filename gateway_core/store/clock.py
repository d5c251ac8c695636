"""The one clock port of the store: leases and the times of facts are read here, so that a simulation can step it.

Leases run by the database's clock: on PostgreSQL, senders on several machines would not agree on another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles


def _system() -> int:
    return time.time_ns() // 1000


_read: Callable[[], int] = _system


def now_us() -> int:
    """This machine's clock, in UTC microseconds: the one of a SQLite file, too."""
    return _read()


class DatabaseNow(sa.ColumnElement[int]):
    """The database's clock within a statement, in UTC microseconds. SQLite is told it, as `w_now`."""

    inherit_cache = True
    type = sa.BigInteger()


@compiles(DatabaseNow)
def _told(element: DatabaseNow, compiler: Any, **how: Any) -> str:
    return str(compiler.process(sa.bindparam("w_now", type_=sa.BigInteger), **how))


@compiles(DatabaseNow, "postgresql")
def _asked(element: DatabaseNow, compiler: Any, **how: Any) -> str:
    # Not now(), which is when the transaction began.
    return "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


@contextmanager
def stepped(read: Callable[[], int]) -> Iterator[None]:
    """Read another clock inside: for simulations only."""
    global _read
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before
