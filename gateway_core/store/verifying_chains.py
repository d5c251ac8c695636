"""Verifying the journal: the chain of each writer session, and the heads that pin it from inside and outside the store.

After a broken row the check goes on from what is stored there, so that one altered row is one finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.engine import Connection

from . import tables as t
from .database import Record, Store
from .findings import Verification, shown_row, shown_time
from .heads import Head, read_heads
from .journal import link

PAGE = 2000
LOWEST = -(2**63)
_f = t.facts.c
_h = t.heads.c


def check_chains(store: Store, result: Verification, progress: Callable[[int], None]) -> None:
    """Every session's rows, in order from 1, each with the digest of its body and linked to the one before."""
    erased = 0
    session = _next_session(store, LOWEST)
    while session is not None:
        result.sessions += 1
        erased += _check_session(store, session, result, progress)
        session = _next_session(store, session)
    if erased:
        result.note(f"the bodies of {erased:,} facts were erased; the chain still covers that they were there")


def _wide(number: int) -> sa.ColumnElement[int]:
    """A number that no column of PostgreSQL's plain integers could hold, to be compared with one."""
    return sa.literal(number, sa.BigInteger)


def _next_session(store: Store, after: int) -> int | None:
    with store.read() as connection:
        return connection.execute(sa.select(sa.func.min(_f.session)).where(_f.session > _wide(after))).scalar()


def _check_session(store: Store, session: int, result: Verification, progress: Callable[[int], None]) -> int:
    previous, expected, erased = b"", 1, 0
    first, later = "", 0
    for page in _pages(store, session):
        for row in page:
            if wrong := _wrong(row, previous, expected):
                first, later = first or f"session {session}: {wrong}", later + bool(first)
            previous, expected = row.chain, row.n + 1
            erased += row.body is None and row.salt is None
        result.facts += len(page)
        progress(len(page))
    if first:
        result.found(first + (f"; {later:,} later rows of this session are wrong too" if later else ""))
    return erased


def _pages(store: Store, session: int) -> Iterator[list[Record]]:
    after = LOWEST
    query = sa.select(t.facts).where(_f.session == session).order_by(_f.n).limit(PAGE)
    while True:
        with store.read() as connection:
            rows = list(connection.execute(query.where(_f.n > after)))
        if not rows:
            return
        yield rows
        after = rows[-1].n


def _wrong(row: Record, previous: bytes, expected: int) -> str:
    """What is wrong with a row, or ''. A value of a foreign type makes it unreadable, not the rows after it."""
    try:
        return _broken(row, previous, expected)
    except (TypeError, ValueError, AttributeError) as error:
        return f"{shown_row(row)} was altered: it cannot be read: {type(error).__name__}: {error}"


def _broken(row: Record, previous: bytes, expected: int) -> str:
    if row.n > expected:
        gone = f"row {expected} is" if row.n == expected + 1 else f"rows {expected} to {row.n - 1} are"
        return f"{gone} missing: removed, or moved elsewhere; the next is {shown_row(row)}"
    if row.n < expected:
        return f"{shown_row(row)} was inserted: numbers begin at 1"
    if (row.body is None) != (row.salt is None):
        return f"{shown_row(row)} was altered: only one of body and salt is gone, erasing takes both"
    if row.body is not None and hashlib.sha256(row.salt + row.body.encode()).digest() != row.digest:
        return f"{shown_row(row)} was altered: its body is not the one that was written"
    if link(previous, row._mapping) != row.chain:
        return f"{shown_row(row)} was altered, inserted or moved here: it does not follow from the row before"
    return ""


def check_recorded(store: Store, result: Verification, key: Ed25519PublicKey | None) -> None:
    """The heads that the store itself recorded: cheap to forge with the rest, but a careless hand forgets them."""
    after = LOWEST
    query = (
        sa.select(t.heads, _f.chain.label("there"))
        .outerjoin(t.facts, sa.and_(_f.session == _h.session, _f.n == _h.n))
        .order_by(_h.id)
        .limit(PAGE)
    )
    while True:
        with store.read() as connection:
            rows = list(connection.execute(query.where(_h.id > _wide(after))))
            for row in rows:
                _check_recorded(connection, store, row, result, key)
        if not rows:
            break
        after = rows[-1].id
    _check_ended(store, result)


def _check_recorded(
    connection: Connection, store: Store, row: Record, result: Verification, key: Ed25519PublicKey | None
) -> None:
    which = f"session {row.session}: the head recorded in the store at row {row.n} ({row.why})"
    there = b"" if row.n == 0 else row.there
    if there is None:
        result.found(f"{which} has no row: the rows up to it were removed")
    elif there != row.chain:
        result.found(f"{which} differs from the row: the journal or the head was rewritten")
    head = Head(store.identity, row.session, row.n, row.chain.hex(), row.at, row.why, row.signature)
    if key is not None and row.signature and not head.signed_by(key):
        result.found(f"{which} is not signed by the configured key")
    if row.why != "session ended":
        return
    beyond = sa.select(t.facts).where(_f.session == row.session, _f.n > row.n).order_by(_f.n).limit(1)
    if (extra := connection.execute(beyond).first()) is not None:
        result.found(f"session {row.session} ended at row {row.n}, but {shown_row(extra)} stands after it")


def _check_ended(store: Store, result: Verification) -> None:
    s = t.sessions.c
    headless = (
        sa.select(s.id)
        .where(s.ended_at != 0, ~sa.exists().where(_h.session == s.id, _h.why == "session ended"))
        .order_by(s.id)
    )
    with store.read() as connection:
        for session in connection.execute(headless).scalars():
            result.found(f"session {session} has ended, but the head recorded at its end is gone")


def check_exported(store: Store, path: Path, result: Verification, key: Ed25519PublicKey | None) -> None:
    """Decisive: every head in the file must be found in the store as it is. Heads are few; they are held in memory."""
    heads = _trusted(store, path, result, key)
    vouched = 0
    with store.read() as connection:
        for session, its in groupby(sorted(heads, key=lambda head: (head.session, head.n)), lambda head: head.session):
            reach = _check_pinned(connection, session, list(its), result)
            vouched += _rows_up_to(connection, session, reach)
        total = connection.execute(sa.select(sa.func.count()).select_from(t.facts)).scalar() or 0
    newest = max((head.at for head in heads), default=0)
    if newest:
        result.note(f"{path} vouches for {vouched:,} facts; its newest head is of {shown_time(newest)}")
    if total > vouched:
        result.note(f"{total - vouched:,} facts are not covered by an exported head; only the store vouches for them")


def _trusted(store: Store, path: Path, result: Verification, key: Ed25519PublicKey | None) -> list[Head]:
    """The heads of the file. Where a key is configured, one without a good signature vouches for nothing."""
    trusted, unsigned, foreign = [], 0, ""
    for number, head in read_heads(path):
        if head is None:
            result.found(f"line {number} of {path} is no head: the file was altered or cut off")
        elif head.store != store.identity:
            foreign = foreign or f"line {number} of {path} is of store {head.store}, this store is {store.identity}"
        elif key is not None and not head.signature:
            unsigned += 1
        elif key is not None and not head.signed_by(key):
            result.found(
                f"line {number} of {path}: the head of session {head.session}, row {head.n}, has a bad signature"
            )
        else:
            trusted.append(head)
    if foreign:
        result.found(foreign)
    if unsigned and not trusted:
        result.found(f"no head in {path} is signed by the configured key")
    elif unsigned:
        result.note(f"{unsigned:,} heads in {path} are not signed; they vouch for nothing where a key is configured")
    return trusted


def _check_pinned(connection: Connection, session: int, heads: list[Head], result: Verification) -> int:
    """Compare one session's heads in order. Returns the last row of which a head agrees."""
    good = 0
    for head in heads:
        row = connection.execute(sa.select(t.facts).where(_f.session == session, _f.n == head.n)).first()
        exported = f"the head exported at {shown_time(head.at)} ({head.why})"
        if row is None:
            result.found(
                f"session {session}: row {head.n} is missing, of which {exported} tells: "
                "rows were removed, or an older copy was put in its place"
            )
            break
        if row.chain.hex() != head.chain:
            rewritten = f"session {session}: rows {good + 1} to {head.n} were rewritten"
            result.found(f"{rewritten}: {exported} differs from {shown_row(row)}")
            break
        good = head.n
    return good


def _rows_up_to(connection: Connection, session: int, n: int) -> int:
    query = sa.select(sa.func.count()).select_from(t.facts).where(_f.session == session, _f.n <= n)
    return int(connection.execute(query).scalar() or 0)
