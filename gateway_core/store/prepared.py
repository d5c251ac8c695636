"""Statements of the hot path: compiled once per dialect, run by the driver, rows read as plain named tuples.

SQLAlchemy's own execution prepares each statement, each row of parameters and each row of results anew, which costs
more than the database's work. Results carry the driver's own values: a boolean is 0 or 1 on SQLite.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect


@attrs.define
class _Text:
    """A compiled statement: its text, and what makes the driver's parameters of named ones."""

    text: str
    given: Callable[[Mapping[str, Any]], Any]
    shape: Any = None

    @classmethod
    def of(cls, statement: Any, dialect: Dialect) -> _Text:
        compiled = statement.compile(dialect=dialect)
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        bind = _binder(compiled.positiontup if compiled.positional else None)
        return cls(str(compiled), (lambda values: bind({**constants, **values})) if constants else bind)

    def rows(self, connection: Connection, given: Any) -> list[Any]:
        """What a statement returns."""
        driver: Any = connection.connection.dbapi_connection
        try:
            cursor = driver.execute(self.text, given)
            found: list[Any] = cursor.fetchall()
        except Exception as error:
            raise _told(connection, error) from error
        if not found:
            return found
        if self.shape is None:
            row: Any = namedtuple("Row", [column[0] for column in cursor.description])  # type: ignore[misc]
            self.shape = partial(tuple.__new__, row)
        return list(map(self.shape, found))

    def run(self, connection: Connection, given: Sequence[Any]) -> None:
        """Once per row of parameters, in one call of the driver."""
        driver: Any = connection.connection.dbapi_connection
        try:
            if len(given) == 1:
                driver.execute(self.text, given[0])
            else:
                driver.cursor().executemany(self.text, given)
        except Exception as error:
            raise _told(connection, error) from error


def _binder(order: Sequence[str] | None) -> Callable[[Mapping[str, Any]], Any]:
    """Named parameters as a dict, positional ones as a tuple in their order."""
    if order is None:
        return dict
    if len(order) > 1:
        return itemgetter(*order)
    # `itemgetter` of one name gives no tuple, and of none it cannot be made.
    return (lambda named: (named[order[0]],)) if order else lambda named: ()


def _told(connection: Connection, error: Exception) -> Exception:
    """The driver's error as SQLAlchemy's of the same name (PEP 249); never with the parameters, which are people's.

    A connection that is lost is not used again.
    """
    for kind in type(error).__mro__:
        known = getattr(sa.exc, kind.__name__, None)
        if isinstance(known, type) and issubclass(known, sa.exc.DBAPIError):
            if connection.dialect.is_disconnect(error, None, None):  # type: ignore[arg-type]
                connection.invalidate(error)
            return known("", None, error)
    return error


class Prepared:
    """A statement whose parameters are all bound by name."""

    def __init__(self, statement: sa.Executable) -> None:
        self._statement = statement
        self._made: dict[str, _Text] = {}

    def _text(self, dialect: Dialect) -> _Text:
        made = self._made[dialect.name] = _Text.of(self._statement, dialect)
        return made

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run an INSERT or UPDATE once per row."""
        dialect = connection.dialect
        text = self._made.get(dialect.name) or self._text(dialect)
        text.run(connection, list(map(text.given, rows)))

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """The rows of a SELECT, with columns by name."""
        dialect = connection.dialect
        text = self._made.get(dialect.name) or self._text(dialect)
        return text.rows(connection, text.given(values))


class Among:
    """A SELECT of the rows whose column is among some values, compiled once per number of values."""

    def __init__(self, statement: sa.Select[Any], column: sa.ColumnElement[Any]) -> None:
        self._statement, self._column = statement, column
        self._made: dict[tuple[str, int], _Text] = {}

    def run(self, connection: Connection, values: Sequence[Any]) -> list[Any]:
        """The rows, with columns by name."""
        where = (connection.dialect.name, len(values))
        text = self._made.get(where)
        if text is None:
            bound = [sa.bindparam(f"v{number}", type_=self._column.type) for number in range(len(values))]
            text = _Text.of(self._statement.where(self._column.in_(bound)), connection.dialect)
            self._made[where] = text
        return text.rows(connection, text.given({f"v{number}": value for number, value in enumerate(values)}))
