"""The driver's transactions: each opens, does one thing, and commits. They run on the writer thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from sqlalchemy.engine import Connection

from ..model.facts import Fact
from ..store import Store, journal, payments, payrolls, senders, writes
from ..store.database import Record
from ..store.payments import Line
from .presence import Presence

apply = writes.apply
# Microseconds in which somebody notices that a lease has ended; see Driver._renew.
TAKEN_OVER = 1_000_000


@attrs.frozen
class Page:
    """Claimed lines, and why some of them may not be sent: {payment: reason}."""

    lines: list[Line]
    refused: Mapping[str, str]


def start(store: Store, lease: int, alone: bool, presence: Presence | None = None) -> int:
    """Become a sender; take over from those that are gone."""
    gone = presence.gone() if presence else []
    with store.write() as connection:
        token = senders.start(connection, lease, alone=alone, presence=presence.name if presence else "")
        senders.note_gone(connection, gone)
        senders.take_over(connection)
        senders.forget_the_future(connection)
    if presence:
        presence.forget(gone)
    return token


def renew(store: Store, token: int, lease: int, presence: Presence | None = None) -> bool:
    """Prolong the lease; free what dead senders hold."""
    gone = presence.gone() if presence else []
    with store.write() as connection:
        senders.note_gone(connection, gone)
        senders.take_over(connection)
        renewed = senders.renew(connection, token, lease)
    if presence:
        presence.forget(gone)
    return renewed


def end(store: Store, token: int) -> None:
    """Stop being a sender."""
    with store.write() as connection:
        senders.end(connection, token)
        journal.record_head(connection, store, "sender ended")


def page(store: Store, token: int, payroll: str, channel: str, now: int, size: int, sent_only: bool) -> Page:
    """Claim a page of due payments and take their entitlements.

    Beside other senders, who take other rows. Two payments of one entitlement that are claimed at the same time meet in
    its unique index: the second claim is done again alone, and finds that it is taken.
    """

    def claimed(connection: Connection) -> tuple[Sequence[Record], Mapping[str, str], Mapping[str, list[Fact]]]:
        sends = not sent_only and payrolls.sends(connection, payroll)
        rows, refused = senders.claim(connection, token, payroll, channel, now, size, sent_only=not sends)
        known = [row.id for row in rows if row.facts]
        facts = journal.facts_of_many(connection, known) if known else {}
        if rows:
            payrolls.begun(connection, store, payroll)
        return rows, refused, facts

    rows, refused, facts = store.together(claimed)
    return Page([payments.as_line(row, facts.get(row.id, [])) for row in rows], refused)


def facts(store: Store, payment: str) -> list[Fact]:
    """A payment's facts as they are now."""
    with store.read() as connection:
        return journal.facts_of(connection, payment)


def next_due(store: Store, token: int, jobs: Sequence[tuple[str, str, bool]], now: int) -> int | None:
    """The earliest time at which any of the (payroll, channel, sent_only) has something to do.

    What another sender holds may come to us when its lease ends.
    """
    dues: list[int | None] = []
    with store.read() as connection:
        for payroll, channel, sent_only in jobs:
            sent_only = sent_only or not payrolls.sends(connection, payroll)
            dues.append(payments.next_due(connection, payroll, channel, sent_only))
            lasts = senders.others(connection, token, payroll, channel)
            dues.append(None if lasts is None else now + max(lasts, TAKEN_OVER))
    return min((due for due in dues if due is not None), default=None)
