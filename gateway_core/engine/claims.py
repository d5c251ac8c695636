"""The driver's transactions: each opens, does one thing, and commits. They run on the writer thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.facts import Fact
from ..store import Store, journal, payments, payrolls, senders, writes
from ..store import tables as t
from ..store.database import now_us
from ..store.payments import Line

apply = writes.apply


@attrs.frozen
class Page:
    """Claimed lines, and why some of them may not be sent: {payment: reason}."""

    lines: list[Line]
    refused: Mapping[str, str]


def start(store: Store, lease: int, alone: bool) -> int:
    """Become a sender; take over from those that are gone."""
    with store.write() as connection:
        token = senders.start(connection, lease, alone=alone)
        senders.take_over(connection)
        return token


def renew(store: Store, token: int, lease: int) -> bool:
    """Prolong the lease; free what dead senders hold."""
    with store.write() as connection:
        senders.take_over(connection)
        return senders.renew(connection, token, lease)


def end(store: Store, token: int) -> None:
    """Stop being a sender."""
    with store.write() as connection:
        senders.end(connection, token)
        journal.record_head(connection, store, "sender ended")


def page(store: Store, token: int, payroll: str, channel: str, now: int, size: int, sent_only: bool) -> Page:
    """Claim a page of due payments and take their entitlements."""
    with store.write() as connection:
        sent_only = sent_only or not payrolls.sends(connection, payroll)
        rows, refused = senders.claim(connection, token, payroll, channel, now, size, sent_only=sent_only)
        if not rows:
            return Page([], {})
        known = [row.id for row in rows if row.facts]
        facts = journal.facts_of_many(connection, known) if known else {}
        payrolls.begun(connection, store, payroll)
    return Page([payments.as_line(row, facts.get(row.id, [])) for row in rows], refused)


def facts(store: Store, payment: str) -> list[Fact]:
    """A payment's facts as they are now."""
    with store.read() as connection:
        return journal.facts_of(connection, payment)


def next_due(store: Store, jobs: Sequence[tuple[str, str, bool]]) -> int | None:
    """The earliest time at which any of the (payroll, channel, sent_only) has something to do."""
    with store.read() as connection:
        dues = [
            payments.next_due(connection, payroll, channel, sent_only or not payrolls.sends(connection, payroll))
            for payroll, channel, sent_only in jobs
        ]
    return min((due for due in dues if due is not None), default=None)


def note_stop(store: Store, channel: str, reason: str) -> None:
    """The rail stopped the channel: nothing new goes over it until a person lifts the stop."""
    with store.write() as connection:
        connection.execute(sa.delete(t.stops).where(t.stops.c.channel == channel))
        connection.execute(sa.insert(t.stops).values(channel=channel, reason=reason[:500], at=now_us()))


def stops(connection: Connection) -> dict[str, str]:
    """Channels that their rails stopped, with the reasons."""
    return {row.channel: row.reason for row in connection.execute(sa.select(t.stops))}
