"""Facts that are about no payroll, payment or file. A book begins with its first fact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.facts import Fact
from . import book_tables as b
from . import journal
from .database import Record, Store, now_us
from .findings import miscounted

DESK = "desk"
_b = b.books.c


def balance_of(channel: str) -> str:
    """The book of what people said about the balance behind a channel."""
    return f"balance of {channel}"


def find(connection: Connection, book: str) -> Record:
    """A book by its name. Raises NotFoundError."""
    row = connection.execute(sa.select(b.books).where(_b.id == book)).first()
    if row is None:
        raise NotFoundError(f"there is no book {book!r}")
    return row


def record(connection: Connection, store: Store, book: str, kind: str, by: str, body: Mapping[str, Any]) -> None:
    """State a fact in a book."""
    row = connection.execute(sa.select(b.books).where(_b.id == book)).first()
    known = row.facts if row is not None else 0
    journal.append(connection, store, [(book, "", Fact(known + 1, now_us(), kind, "", by, body=body))])
    if row is None:
        connection.execute(sa.insert(b.books).values(id=book, facts=1))
        return
    same = sa.update(b.books).where(_b.id == book, _b.facts == known).values(facts=known + 1)
    if connection.execute(same).rowcount != 1:
        raise WrongState("somebody else wrote into the same book just now; try again")


def beginning(connection: Connection, words: str) -> list[str]:
    """The names of the books that begin with these words."""
    query = sa.select(_b.id).where(_b.id.startswith(words, autoescape=True)).order_by(_b.id)
    return list(connection.execute(query).scalars())


def facts_of(store: Store, book: str) -> list[Fact]:
    """What was said in it, in order; nothing where it was never begun."""
    with store.read() as connection:
        return journal.facts_of_payroll(connection, book)


def wrong(store: Store) -> Iterator[str]:
    """For `verify`: each book's facts are numbered without a gap, and there are as many as it counts."""
    with store.read() as connection:
        rows = list(connection.execute(sa.select(b.books).order_by(_b.id)))
    for row in rows:
        with store.read() as connection:
            facts = journal.rows_of_payroll(connection, row.id)
        if why := miscounted(row, facts):
            yield f"book {row.id!r}: {why}"
