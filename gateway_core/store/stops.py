"""Channels that their rails stopped (wrong credentials, no balance): nothing new goes over one until a person lifts it.

Each stop, and who lifted it, stands in the channel's book.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import books, journal
from . import tables as t
from .database import Store, now_us
from .prepared import Prepared

STOPPED, LIFTED = "stopped", "lifted"
LONGEST = 500
_s = t.stops.c
_ALL = Prepared(sa.select(_s.channel, _s.reason))


def book_of(channel: str) -> str:
    """The book of what happened to a channel."""
    return f"channel {channel}"


def standing(connection: Connection) -> dict[str, str]:
    """{channel: why its rail stopped it}."""
    return {row.channel: row.reason for row in _ALL.rows(connection)}


def note(store: Store, channel: str, reason: str) -> None:
    """The rail stopped the channel. Said again for the same reason, it is nothing new."""
    reason = reason[:LONGEST]
    with store.write() as connection:
        if standing(connection).get(channel) == reason:
            return
        connection.execute(sa.delete(t.stops).where(_s.channel == channel))
        connection.execute(sa.insert(t.stops).values(channel=channel, reason=reason, at=now_us()))
        books.record(connection, store, book_of(channel), STOPPED, "driver", {"reason": reason})


def lift(store: Store, channel: str, by: str) -> None:
    """A person uses the channel again. Nothing where it is not stopped."""
    with store.write() as connection:
        if channel in standing(connection):
            connection.execute(sa.delete(t.stops).where(_s.channel == channel))
            books.record(connection, store, book_of(channel), LIFTED, by, {})


def wrong(store: Store) -> Iterator[str]:
    """For `verify`: whether a channel is stopped, and why, is what its book said last."""
    with store.read() as connection:
        there, said = standing(connection), dict[str, str]()
        for book in books.beginning(connection, book_of("")):
            for fact in journal.facts_of_payroll(connection, book)[-1:]:
                if fact.kind == STOPPED:
                    said[book.removeprefix(book_of(""))] = str(fact.body.get("reason", ""))
    for channel in sorted(there.keys() | said.keys()):
        if there.get(channel) != said.get(channel):
            is_so, by_its_book = (f"stopped: {why}" if why is not None else "not stopped"
                                  for why in (there.get(channel), said.get(channel)))  # fmt: skip
            yield f"channel {channel!r} is in the table {is_so}, and by its book {by_its_book}"
