"""Statements of the hot path: compiled once per dialect, run with plain tuples (or dicts, as the driver takes them).

SQLAlchemy's own execution prepares each row of parameters and each row of results anew, which costs more than the
database's work. Results carry the driver's own values: a boolean is 0 or 1 on SQLite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect


@attrs.frozen
class _Text:
    """A compiled statement: its text, constants that it brings, and the order of parameters where it is positional."""

    text: str
    constants: Mapping[str, Any]
    order: Sequence[str] | None

    @classmethod
    def of(cls, statement: Any, dialect: Dialect) -> _Text:
        compiled = statement.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return cls(str(compiled), constants, compiled.positiontup if compiled.positional else None)

    def given(self, values: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them."""
        named = {**self.constants, **values} if self.constants else values
        return dict(named) if self.order is None else tuple([named[name] for name in self.order])


class Prepared:
    """A statement whose parameters are all bound by name."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._made: dict[str, _Text] = {}

    def _text(self, connection: Connection) -> _Text:
        made = self._made.get(connection.dialect.name)
        if made is None:
            made = self._made[connection.dialect.name] = _Text.of(self._statement, connection.dialect)
        return made

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an INSERT or UPDATE once per row, in one call of the driver."""
        text = self._text(connection)
        connection.exec_driver_sql(text.text, [text.given(row) for row in rows])

    def rows(self, connection: Connection, **values: Any) -> Sequence[Any]:
        """The rows of a SELECT, with columns by name."""
        text = self._text(connection)
        return connection.exec_driver_sql(text.text, text.given(values)).all()


class Among:
    """A SELECT of the rows whose column is among some values, compiled once per number of values."""

    def __init__(self, statement: sa.Select[Any], column: sa.ColumnElement[Any]) -> None:
        self._statement, self._column = statement, column
        self._made: dict[tuple[str, int], _Text] = {}

    def run(self, connection: Connection, values: Sequence[Any]) -> Sequence[Any]:
        """The rows, with columns by name."""
        where = (connection.dialect.name, len(values))
        text = self._made.get(where)
        if text is None:
            bound = [sa.bindparam(f"v{number}", type_=self._column.type) for number in range(len(values))]
            text = _Text.of(self._statement.where(self._column.in_(bound)), connection.dialect)
            self._made[where] = text
        given = text.given({f"v{number}": value for number, value in enumerate(values)})
        return connection.exec_driver_sql(text.text, given).all()
