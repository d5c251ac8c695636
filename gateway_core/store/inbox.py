"""Arrivals: callbacks as they came in, stored before they are answered (law 8). Equal bodies share one blob."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..contract.replies import Arrival
from . import journal
from . import tables as t
from .database import Record, now_us

# Unauthenticated arrivals only trigger a question: this many per key are kept, and they never displace authentic ones.
UNAUTHENTIC_PER_KEY = 16
AUTHENTIC_PER_KEY = 256
STRANGERS_PER_CHANNEL = 1000
LARGEST_OF_STRANGERS = 16_384
_a = t.arrivals.c


def keep(connection: Connection, channel: str, arrival: Arrival, key: str, authentic: bool) -> bool:
    """Store one arrival. A repeated body for the same key is counted. False: over the limit, and only counted."""
    blob = hashlib.sha256(arrival.body).digest()
    same = sa.update(t.arrivals).where(_a.channel == channel, _a.key == key, _a.blob == blob, _a.authentic == authentic)
    if connection.execute(same.values(times=_a.times + 1)).rowcount:
        return True
    stranger = not authentic and journal.payment_of_key(connection, key) is None
    if stranger and (len(arrival.body) > LARGEST_OF_STRANGERS or _strangers(connection, channel)):
        return False
    limit = AUTHENTIC_PER_KEY if authentic else UNAUTHENTIC_PER_KEY
    held = sa.select(sa.func.count()).where(_a.channel == channel, _a.key == key, _a.authentic == authentic)
    if (connection.execute(held).scalar() or 0) >= limit:
        return False
    if connection.execute(sa.select(t.blobs.c.digest).where(t.blobs.c.digest == blob)).first() is None:
        connection.execute(sa.insert(t.blobs).values(digest=blob, body=arrival.body))
    connection.execute(
        sa.insert(t.arrivals).values(
            channel=channel, at=now_us(), method=arrival.method, path=arrival.path,
            headers=json.dumps(dict(arrival.headers)), key=key, authentic=authentic, blob=blob, state="new",
        )
    )  # fmt: skip
    return True


def _strangers(connection: Connection, channel: str) -> bool:
    """Whether a channel holds enough of what nobody vouches for and that is about none of our payments."""
    kept = sa.select(_a.id).where(_a.channel == channel, sa.text(t.STRANGERS))
    last = connection.execute(kept.offset(STRANGERS_PER_CHANNEL - 1).limit(1)).first()
    return last is not None


def new(connection: Connection, size: int) -> list[Record]:
    """The next arrivals that nobody has acted on, with their bodies."""
    query = (
        sa.select(t.arrivals, t.blobs.c.body)
        .join(t.blobs, t.blobs.c.digest == _a.blob)
        .where(_a.state == "new")
        .order_by(_a.id)
        .limit(size)
    )
    return list(connection.execute(query))


def mark(connection: Connection, arrival: int, state: str) -> None:
    """Note what became of an arrival: heard, unmatched, ignored."""
    connection.execute(sa.update(t.arrivals).where(_a.id == arrival).values(state=state))
