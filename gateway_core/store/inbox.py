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
from .prepared import Prepared

# Unauthenticated arrivals only trigger a question: this many per key are kept, and they never displace authentic ones.
UNAUTHENTIC_PER_KEY = 16
AUTHENTIC_PER_KEY = 256
STRANGERS_PER_CHANNEL = 1000
LARGEST_OF_STRANGERS = 16_384
# A body that is repeated sooner (microseconds) was sent twice, and is no answer to another question.
AT_ONCE = 500_000
_a = t.arrivals.c
_about = (_a.channel == sa.bindparam("w_channel"), _a.key == sa.bindparam("w_key"))
_said = (*_about, _a.authentic == sa.bindparam("w_authentic"))
_SAME = Prepared(sa.select(_a.id, _a.at, _a.state).where(*_said, _a.blob == sa.bindparam("w_blob")))
_AGAIN = Prepared(sa.update(t.arrivals).where(_a.id == sa.bindparam("w_id")).values(times=_a.times + 1))
_RENEW = Prepared(
    sa.update(t.arrivals)
    .where(_a.id == sa.bindparam("w_id"))
    .values(
        times=_a.times + 1, state=sa.bindparam("b_state"), at=sa.bindparam("b_at"),
        headers=sa.bindparam("b_headers"), path=sa.bindparam("b_path"),
    )
)  # fmt: skip
_f, _p = t.facts.c, t.payments.c
_NEWS = Prepared(
    sa.select(_f.payment)
    .join(t.payments, _p.id == _f.payment)
    .where(_f.key == sa.bindparam("w_key"), sa.text("facts.key <> ''"), _f.kind == "intent", _p.open == sa.true())
    .where(sa.or_(_f.at > sa.bindparam("w_at"), sa.bindparam("w_long_ago") == sa.true()))
    .limit(1)
)
_HELD = Prepared(sa.select(sa.func.count().label("held")).select_from(t.arrivals).where(*_said))
_BLOB = Prepared(sa.select(t.blobs.c.digest).where(t.blobs.c.digest == sa.bindparam("w_blob")))
_KEEP_BLOB = Prepared(sa.insert(t.blobs).values(digest=sa.bindparam("digest"), body=sa.bindparam("body")))
_KEPT = ("channel", "at", "method", "path", "headers", "key", "authentic", "blob", "state")
_KEEP = Prepared(sa.insert(t.arrivals).values({name: sa.bindparam(name) for name in _KEPT}))
_NEW = Prepared(
    sa.select(t.arrivals, t.blobs.c.body)
    .join(t.blobs, t.blobs.c.digest == _a.blob)
    # Said as the index says it, so that it is used.
    .where(sa.text("arrivals.state = 'new'"))
    .order_by(_a.id)
    .limit(sa.bindparam("w_size"))
)
_CAME = Prepared(
    sa.select(t.arrivals, t.blobs.c.body)
    .join(t.blobs, t.blobs.c.digest == _a.blob)
    .where(*_said, _a.at >= sa.bindparam("w_at"))
    .order_by(_a.at.desc())
    .limit(1)
)
_MARK = Prepared(sa.update(t.arrivals).where(_a.id == sa.bindparam("w_id")).values(state=sa.bindparam("b_state")))


def keep(connection: Connection, channel: str, arrival: Arrival, key: str, authentic: bool) -> bool:
    """Store one arrival. A repeated body for the same key is counted. False: over the limit, and only counted.

    One that is authentic is news where something is open under its key that may have been asked since (a look-up of
    the same person, a question asked again): then it is acted on once more, as of now.
    """
    blob = hashlib.sha256(arrival.body).digest()
    said = {"w_channel": channel, "w_key": key, "w_authentic": authentic}
    if same := _SAME.rows(connection, **said, w_blob=blob):
        renews = authentic and (same[0].state == "unmatched" or _is_news(connection, key, same[0].at, same[0].state))
        if renews:
            told = {"b_at": now_us(), "b_headers": json.dumps(dict(arrival.headers)), "b_path": arrival.path}
            _RENEW.run(connection, [{"w_id": same[0].id, "b_state": "new", **told}])
        else:
            _AGAIN.run(connection, [{"w_id": row.id} for row in same])
        return True
    stranger = not authentic and not journal.asked_under(connection, key)
    if stranger and (len(arrival.body) > LARGEST_OF_STRANGERS or _strangers(connection, channel)):
        return False
    limit = AUTHENTIC_PER_KEY if authentic else UNAUTHENTIC_PER_KEY
    if _HELD.rows(connection, **said)[0].held >= limit:
        return False
    if not _BLOB.rows(connection, w_blob=blob):
        _KEEP_BLOB.run(connection, [{"digest": blob, "body": arrival.body}])
    kept = (
        channel, now_us(), arrival.method, arrival.path, json.dumps(dict(arrival.headers)), key, authentic, blob, "new",
    )  # fmt: skip
    _KEEP.run(connection, [dict(zip(_KEPT, kept, strict=True))])
    return True


def _is_news(connection: Connection, key: str, at: int, state: str) -> bool:
    """Whether a payment is open that asked under this key since, or was told so long ago that it may have asked.

    What nobody has acted on yet is renewed only where no payment asks under its key: a check may wait for it.
    """
    if state == "new":
        return not journal.asked_under(connection, key)
    given = {"w_key": key, "w_at": at, "w_long_ago": at < now_us() - AT_ONCE}
    return bool(key) and bool(_NEWS.rows(connection, **given))


def _strangers(connection: Connection, channel: str) -> bool:
    """Whether a channel holds enough of what nobody vouches for and that is about none of our payments."""
    kept = sa.select(_a.id).where(_a.channel == channel, sa.text(t.STRANGERS))
    last = connection.execute(kept.offset(STRANGERS_PER_CHANNEL - 1).limit(1)).first()
    return last is not None


def came(connection: Connection, channel: str, key: str, since: int) -> Record | None:
    """The latest authentic arrival under a key, with its body, that came at `since` or later."""
    rows = _CAME.rows(connection, w_channel=channel, w_key=key, w_authentic=True, w_at=since)
    return rows[0] if rows else None


def new(connection: Connection, size: int) -> list[Record]:
    """The next arrivals that nobody has acted on, with their bodies."""
    return list(_NEW.rows(connection, w_size=size))


def mark(connection: Connection, arrival: int, state: str) -> None:
    """Note what became of an arrival: heard, unmatched, ignored."""
    _MARK.run(connection, [{"w_id": arrival, "b_state": state}])
