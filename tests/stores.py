"""Where the stores of tests lie: SQLite files, or with `--store postgresql` schemas of one database on a server.

A store is named by the path that its file has, or would have.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

from gateway_core.store import tables as t
from gateway_core.testing.postgresql import Schemas

# Set by the fixture `stores` where the stores lie on a server.
SCHEMAS: Schemas | None = None
# Stores that are not as they were made.
CHANGED: set[str] = set()
_CHANGES = re.compile(r"\s*(DROP|ALTER|CREATE)\b", re.IGNORECASE)
_BYTES = re.compile(r"\bx'([0-9a-f]*)'")


def address(path: Path) -> str:
    """What a configuration says in `store`."""
    return f"sqlite:///{path}" if SCHEMAS is None else SCHEMAS.store(str(path))


@contextmanager
def connected(path: Path) -> Iterator[Connection]:
    """A connection past the framework, in a transaction that is committed at the end."""
    engine = sa.create_engine(address(path), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection


def run(path: Path, sql: str, values: Sequence[object] = ()) -> int:
    """What somebody with access to the database could do. Returns how many rows were changed. Parameters are `?`."""
    if _CHANGES.match(sql):
        CHANGED.add(str(path))
    with connected(path) as connection:
        return connection.exec_driver_sql(_asked(sql), tuple(values)).rowcount


def rows(path: Path, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """What a query says."""
    with connected(path) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(_asked(sql), tuple(values))]


def _asked(sql: str) -> str:
    """The same in PostgreSQL's words. Say TRUE and FALSE, which both understand."""
    return sql if SCHEMAS is None else _BYTES.sub(r"'\\x\1'::bytea", sql.replace("%", "%%").replace("?", "%s"))


def give_back(path: str) -> None:
    """The store is not needed any more."""
    assert SCHEMAS is not None
    SCHEMAS.give_back(path, again=path not in CHANGED)
    CHANGED.discard(path)


def copy(path: Path, to: Path) -> Path:
    """A copy of a store that nobody uses just now."""
    if SCHEMAS is None:
        return Path(shutil.copy(path, to))
    with connected(path) as connection:
        source = connection.exec_driver_sql("SELECT current_schema()").scalar()
    with connected(to) as connection:
        t.metadata.create_all(connection)
        for table in t.metadata.sorted_tables:
            connection.execute(sa.delete(table))
        for table in t.metadata.sorted_tables:
            connection.exec_driver_sql(f"INSERT INTO {table.name} SELECT * FROM {source}.{table.name}")
            if "id" in table.c and isinstance(table.c.id.type, sa.Integer):
                newest = f"(SELECT coalesce(max(id), 0) + 1 FROM {table.name})"
                connection.exec_driver_sql(f"SELECT setval('{table.name}_id_seq', {newest}, false)")
    return to
