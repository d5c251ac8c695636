"""Answers: files from a bank. Stored before they are read; each is applied once, however often it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import NotFoundError, WrongState
from ..model.identity import derived_uuid
from . import document_tables as d
from . import recording
from .database import Record, Store, now_us
from .files import Kept

_a = d.answers.c
_s = d.strays.c
LONGEST = 500
# A person brought it, and another one must say that it is the bank's; or: to be applied.
UNCONFIRMED, NEW = "unconfirmed", "new"
# It was brought by mistake: until it comes again, nobody can confirm it.
WITHDRAWN = "withdrawn"
UNREADABLE = "unreadable"
# Who brings what lies on the bank's side.
TRANSPORT = "transport"
# The counts of a file of which nothing was dealt with.
_UNREAD = {"applied": 0, "known": 0, "strays": 0, "done": 0}


@attrs.frozen
class Stray:
    """A line that is about none of ours. `amount` in minor units, None where it says none."""

    n: int
    why: str
    verdict: str
    key: str = ""
    document: str = ""
    amount: int | None = None
    currency: str = ""
    reference: str = ""
    text: str = ""


def register(
    connection: Connection, store: Store, channel: str, name: str, kept: Kept, by: str, state: str = NEW
) -> Record:  # fmt: skip
    """Note a file whose bytes are kept. The same bytes on the same channel are the same answer."""
    same = sa.select(d.answers).where(_a.channel == channel, _a.sha256 == kept.sha256)
    if (row := connection.execute(same).first()) is not None:
        return _again(connection, store, row, name, by, state)
    answer = derived_uuid("answer", channel, kept.sha256)
    new = {"channel": channel, "name": name, "sha256": kept.sha256, "size": kept.size, "at": now_us(), "by": by}
    connection.execute(sa.insert(d.answers).values(id=answer, facts=0, **new))
    record(connection, store, get(connection, answer), "stored", by, new, state=state)
    return get(connection, answer)


def _again(connection: Connection, store: Store, row: Record, name: str, by: str, state: str) -> Record:
    """What the bank's own way brings needs nobody's word, and has the bank's name for it: whatever a person called it,
    and even where it could not be read so. What was withdrawn has a new first person; and so has what could not be
    read: its gateway was mended, perhaps, and reads it from its first line.
    """
    misnamed = row.state == UNREADABLE and row.by != TRANSPORT and by == TRANSPORT
    if state == NEW and (row.state in (UNCONFIRMED, WITHDRAWN) or misnamed):
        kind = "collected"
    elif state == UNCONFIRMED and row.state in (WITHDRAWN, UNREADABLE):
        kind = "stored"
    else:
        return row
    columns = {"state": state, "name": name, "confirmed_by": "", "at": now_us()} | _UNREAD
    connection.execute(sa.delete(d.strays).where(_s.answer == row.id))
    record(connection, store, row, kind, by, {"name": name}, **columns)
    connection.execute(sa.update(d.answers).where(_a.id == row.id).values(by=by))
    return get(connection, row.id)


def withdraw(connection: Connection, store: Store, row: Record, by: str, reason: str) -> None:
    """A person takes back what was brought by hand and nobody has confirmed. Raises WrongState."""
    if row.state != UNCONFIRMED:
        raise WrongState(f"{row.name} is {row.state}; only a file that waits for another person can be withdrawn")
    record(connection, store, row, "withdrawn", by, {"reason": reason}, state=WITHDRAWN)


def get(connection: Connection, answer: str) -> Record:
    """An answer by its id."""
    return connection.execute(sa.select(d.answers).where(_a.id == answer)).one()


def exists(connection: Connection, answer: str) -> bool:
    """Whether there is an answer with this id."""
    return connection.execute(sa.select(_a.id).where(_a.id == answer)).first() is not None


def find(connection: Connection, answer: str) -> Record:
    """An answer by its id or its file's name; the last one of that name. Raises NotFoundError."""
    named = sa.select(d.answers).where(sa.or_(_a.id == answer, _a.name == answer))
    row = connection.execute(named.order_by(_a.id != answer, _a.at.desc()).limit(1)).first()
    if row is None:
        raise NotFoundError(f"there is no file {answer!r} from a bank; `gateway answers` lists them")
    return row


def new(connection: Connection, channel: str) -> list[Record]:
    """Those that were stored and not yet dealt with, oldest first."""
    # Said as the index says it, so that it is used.
    query = sa.select(d.answers).where(_a.channel == channel, sa.text("answers.state = 'new'")).order_by(_a.at, _a.id)
    return list(connection.execute(query))


def record(
    connection: Connection, store: Store, row: Record, kind: str, by: str, body: Mapping[str, Any], **columns: Any
) -> None:
    """State a fact about an answer and write what follows from it."""
    recording.record(connection, store, d.answers, row, row.name, kind, by, body, **columns)


def long(connection: Connection, row: Record, lines: int) -> None:
    """It was read, and has so many lines."""
    connection.execute(sa.update(d.answers).where(_a.id == row.id).values(lines=lines))


def count(connection: Connection, row: Record, applied: int, known: int, strays: int, done: int) -> None:
    """Add to its counts: `done` lines of it were dealt with."""
    here = sa.update(d.answers).where(_a.id == row.id)
    new = {"applied": _a.applied + applied, "known": _a.known + known, "strays": _a.strays + strays}
    connection.execute(here.values(done=_a.done + done, **new))


def keep_strays(connection: Connection, answer: str, strays: Iterable[Stray]) -> None:
    """Keep lines that could not be matched, for people."""
    rows = [{"answer": answer, **attrs.asdict(stray)} for stray in strays]
    for row in rows:
        for name in ("key", "document", "reference", "text", "why"):
            row[name] = row[name][:LONGEST]
    if rows:
        connection.execute(sa.insert(d.strays), rows)


def strays(connection: Connection, answer: str, after: int = 0, size: int = 1000) -> list[Record]:
    """A page of the lines of an answer that could not be matched."""
    query = sa.select(d.strays).where(_s.answer == answer, _s.n > after).order_by(_s.n).limit(size)
    return list(connection.execute(query))
