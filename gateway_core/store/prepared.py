"""Statements of the hot path: compiled once per dialect, run with plain tuples (or dicts, as the driver takes them).

SQLAlchemy's own executemany prepares each row of parameters anew, which costs more than the row's insert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect


class Prepared:
    """An INSERT or UPDATE whose parameters are all bound by name."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._made: dict[str, tuple[str, Sequence[str] | None]] = {}

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it once per row, in one call of the driver."""
        text, order = self._made.get(connection.dialect.name) or self._compile(connection.dialect)
        if order is None:
            connection.exec_driver_sql(text, list(rows))
        else:
            connection.exec_driver_sql(text, [tuple([row[name] for name in order]) for row in rows])

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str] | None]:
        compiled = self._statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        made = (str(compiled), compiled.positiontup if compiled.positional else None)
        self._made[dialect.name] = made
        return made


class Among:
    """A SELECT of the rows whose column is among some values, compiled once per number of values."""

    def __init__(self, statement: sa.Select[Any], column: sa.ColumnElement[Any]) -> None:
        self._statement, self._column = statement, column
        self._made: dict[tuple[str, int], tuple[str, Mapping[str, Any], Sequence[str] | None]] = {}

    def run(self, connection: Connection, values: Sequence[Any]) -> Sequence[Any]:
        """The rows, with columns by name."""
        where = (connection.dialect.name, len(values))
        text, constants, order = self._made.get(where) or self._compile(connection.dialect, where)
        named = {**constants, **{f"v{number}": value for number, value in enumerate(values)}}
        given: Any = named if order is None else tuple([named[name] for name in order])
        return connection.exec_driver_sql(text, given).all()

    def _compile(self, dialect: Dialect, where: tuple[str, int]) -> tuple[str, Mapping[str, Any], Sequence[str] | None]:
        values = [sa.bindparam(f"v{number}", type_=self._column.type) for number in range(where[1])]
        compiled = self._statement.where(self._column.in_(values)).compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        made = (str(compiled), constants, compiled.positiontup if compiled.positional else None)
        self._made[where] = made
        return made
