"""Records of officers' phones in the store: read once from what arrived, then decided about by people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import cash_tables as c
from . import document_lines
from . import document_tables as d
from .database import Record
from .document_lines import MANY

PAGE = 200
_q = c.proofs.c
_l = d.lines.c


def unread(connection: Connection, channels: Collection[str]) -> list[Record]:
    """Arrivals over these channels that were applied and not read into the table yet, oldest first."""
    a = d.answers.c
    read = sa.select(c.arrivals.c.answer)
    query = sa.select(d.answers).where(a.channel.in_(channels), a.state == "applied", a.id.not_in(read))
    return list(connection.execute(query.order_by(a.at, a.id)))


def read(connection: Connection, answer: str, records: int) -> None:
    """All of an arrival is in the table; another process may have been quicker."""
    if connection.execute(sa.select(c.arrivals.c.answer).where(c.arrivals.c.answer == answer)).first() is None:
        connection.execute(sa.insert(c.arrivals).values(answer=answer, records=records))


def keep(connection: Connection, rows: Sequence[dict[str, Any]], keys: Mapping[str, str]) -> None:
    """Add a page of an arrival's records; of those that are there already, only a signature is news. `keys`: {id:
    line's key}.
    """
    ids = [row["id"] for row in rows]
    if signed := rows[0]["signed"] if rows else "":
        connection.execute(sa.update(c.proofs).where(_q.id.in_(ids)).values(signed=signed))
    there = set(connection.execute(sa.select(_q.id).where(_q.id.in_(ids))).scalars())
    places = _places(connection, set(keys.values()))
    fresh: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row["id"] not in there:
            document, payment, attempt = places.get(keys[row["id"]], ("", "", 0))
            fresh[row["id"]] = {**row, "document": document, "payment": payment, "attempt": attempt}
    if fresh:
        connection.execute(sa.insert(c.proofs), list(fresh.values()))


def _places(connection: Connection, keys: Collection[str]) -> dict[str, tuple[str, str, int]]:
    """{line key: (document, payment, attempt)} of those that are ours."""
    known = document_lines.by_key(connection, keys)
    payments = sorted({payment for payment, _ in known.values()})
    query = sa.select(_l.key, _l.document, _l.payment, _l.attempt).where(_l.payment.in_(payments), _l.key.in_(keys))
    return {row.key: (row.document, row.payment, row.attempt) for row in connection.execute(query)} if payments else {}


def of_list(
    connection: Connection, document: str, after: str = "", size: int = PAGE, *, undecided: bool = False
) -> list[Record]:
    """A page of a list's records, by id."""
    query = sa.select(c.proofs).where(_q.document == document, _q.id > after).order_by(_q.id).limit(size)
    return list(connection.execute(query.where(_q.decision == "", _q.kind == "paid") if undecided else query))


def these(connection: Connection, ids: Collection[str]) -> list[Record]:
    """Records by their ids."""
    return list(connection.execute(sa.select(c.proofs).where(_q.id.in_(ids)).order_by(_q.id)))


def undecided(connection: Connection, document: str) -> int:
    """How many pay-outs by a list await the checker."""
    query = sa.select(sa.func.count()).where(_q.document == document, _q.decision == "", _q.kind == "paid")
    return int(connection.execute(query).scalar() or 0)


def decide(
    connection: Connection, ids: Sequence[str], decision: str, by: str, why: str, flags: Mapping[str, str]
) -> None:
    """Write what a checker decided about records; `flags` as JSON, as they were then."""
    here = sa.update(c.proofs).where(_q.id == sa.bindparam("b_id"), _q.decision == "")
    values = here.values(
        decision=sa.bindparam("b_decision"), decided_by=sa.bindparam("b_by"), why=sa.bindparam("b_why"),
        flags=sa.bindparam("b_flags"),
    )  # fmt: skip
    rows = [
        {"b_id": one, "b_decision": decision, "b_by": by, "b_why": why, "b_flags": flags.get(one, "")} for one in ids
    ]
    if rows:
        connection.execute(values, rows)


def devices(connection: Connection, document: str) -> list[str]:
    """The devices from which a record of this list came."""
    query = sa.select(_q.device).where(_q.document == document).distinct().order_by(_q.device)
    return list(connection.execute(query).scalars())


def chain(connection: Connection, device: str, after: tuple[int, str], size: int = 1000) -> list[Record]:
    """A page of a device's records, of every list, after (number, id): number, id (its hash), previous."""
    number, ident = after
    beyond = sa.or_(_q.number > number, sa.and_(_q.number == number, _q.id > ident))
    query = sa.select(_q.number, _q.id, _q.previous).where(_q.device == device, beyond)
    return list(connection.execute(query.order_by(_q.number, _q.id).limit(size)))


def officers(connection: Connection, document: str) -> list[str]:
    """Who paid out by a list, as its records say."""
    return sorted(connection.execute(sa.select(_q.officer).where(_q.document == document).distinct()).scalars())


def givers(connection: Connection, document: str) -> list[str]:
    """Who gave its records in."""
    return sorted(connection.execute(sa.select(_q.by).where(_q.document == document).distinct()).scalars())


def photographed(connection: Connection, digests: Collection[str]) -> dict[str, list[str]]:
    """{digest of a photo: ids of the records that have it}, the first that came first.

    Two files are the same photograph where the same was kept of both: what a camera or a hand wrote beside the picture
    makes no other one of it.
    """
    if not digests:
        return {}
    one, other = c.photos.alias("one"), c.photos.alias("other")
    same = sa.select(one.c.original, other.c.original.label("as_well")).where(
        one.c.original.in_(digests), one.c.kept != "", other.c.kept == one.c.kept
    )
    files = {digest: {digest} for digest in digests}
    for row in connection.execute(same):
        files[row.original].add(row.as_well)
    query = sa.select(_q.photo, _q.id).where(_q.photo.in_(set().union(*files.values())))
    having = list(connection.execute(query.order_by(_q.received_at, _q.id)))
    return {digest: [row.id for row in having if row.photo in alike] for digest, alike in files.items()}


def awaiting(connection: Connection, payments: Sequence[str]) -> set[str]:
    """Those of these payments with a proof that awaits the checker."""
    there = sa.select(_q.payment).where(_q.decision == "", _q.kind == "paid")
    return {
        payment
        for at in range(0, len(payments), MANY)
        for payment in connection.execute(there.where(_q.payment.in_(payments[at : at + MANY]))).scalars()
    }
