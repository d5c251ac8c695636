"""What came with records of phones: their archives, and photographs. What was noted of each is a fact, too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.identity import derived_uuid
from . import book_tables as b
from . import books
from . import cash_tables as c
from .database import Record, Store, now_us

# The books of what came, and of what was refused. A fact of photographs holds a page of them.
BOOK, REFUSALS = "proofs", "refused-proofs"
PARCEL, PHOTOGRAPHS, REFUSED = "parcel", "photographs", "refused"
ABOUT = ("kept", "refused", "latitude", "longitude", "at", "local")
_p = c.parcels.c


@attrs.frozen(kw_only=True)
class Said:
    """What an archive says. `answer`: as which its records are kept; `signer`: the key that signed it, '' for none."""

    answer: str
    device: str
    last: int
    head: str
    made_at: int
    signer: str

    @property
    def id(self) -> str:
        """The same archive is the same parcel, however often it comes."""
        told = (self.answer, self.device, str(self.last), self.head, str(self.made_at), self.signer)
        return derived_uuid("parcel", *told)


def _noted(connection: Connection, store: Store, kind: str, by: str, body: Mapping[str, Any]) -> int:
    """State it in the book. Returns the fact's number."""
    books.record(connection, store, BOOK, kind, by, body)
    return int(connection.execute(sa.select(b.books.c.facts).where(b.books.c.id == BOOK)).scalar_one())


def came(connection: Connection, store: Store, said: Said, by: str) -> None:
    """Note an archive, before its records are kept. Records that came without a signature are read again with one."""
    if connection.execute(sa.select(_p.id).where(_p.id == said.id)).first() is not None:
        return
    if said.signer and not signers(connection, [said.answer]):
        connection.execute(sa.delete(c.arrivals).where(c.arrivals.c.answer == said.answer))
    row = {**attrs.asdict(said), "at": now_us()}
    fact = _noted(connection, store, PARCEL, by, row)
    connection.execute(sa.insert(c.parcels).values(id=said.id, fact=fact, **row))


def signers(connection: Connection, answers: Collection[str]) -> dict[str, set[str]]:
    """{arrival: the keys that signed an archive with its records}; those without any are left out."""
    found: dict[str, set[str]] = {}
    query = sa.select(_p.answer, _p.signer).where(_p.answer.in_(answers), _p.signer != "")
    for row in connection.execute(query) if answers else ():
        found.setdefault(row.answer, set()).add(row.signer)
    return found


def ahead(connection: Connection, answers: Collection[str]) -> dict[str, int]:
    """{arrival: by how much the phone's clock was ahead of ours when it first came}, in microseconds."""
    query = sa.select(_p.answer, _p.made_at, _p.at).where(_p.answer.in_(answers)).order_by(_p.fact.desc())
    return {row.answer: row.made_at - row.at for row in connection.execute(query)} if answers else {}


def newest(connection: Connection, device: str) -> tuple[int, str]:
    """(how many records a device said that it has, the newest one's hash); (0, '') where it said nothing."""
    query = sa.select(_p.last, _p.head).where(_p.device == device).order_by(_p.last.desc(), _p.fact.desc()).limit(1)
    row = connection.execute(query).first()
    return (0, "") if row is None else (row.last, row.head)


def refuse(store: Store, by: str, body: Mapping[str, Any]) -> None:
    """Note what was brought in and not taken: its name, size and digest, and why. The same again is not noted again."""
    if any(dict(fact.body) == body for fact in books.facts_of(store, REFUSALS)):
        return
    with store.write() as connection:
        books.record(connection, store, REFUSALS, REFUSED, by, body)


# -- photographs -------------------------------------------------------------------------------------------------------


def keep_photos(connection: Connection, store: Store, about: Mapping[str, Mapping[str, Any]], by: str) -> None:
    """Note what became of a page of photographs, in place of what was noted of those that could not be kept before."""
    known = photos(connection, about)
    news = {
        original: {name: said[name] for name in ABOUT if said.get(name) not in (None, "")}
        for original, said in about.items()
        if original not in known or (known[original].refused and known[original].refused != said.get("refused", ""))
    }
    if not news:
        return
    fact = _noted(connection, store, PHOTOGRAPHS, by, {"photos": news})
    connection.execute(sa.delete(c.photos).where(c.photos.c.original.in_(news)))
    nothing = {"kept": "", "refused": "", **dict.fromkeys(ABOUT[2:]), "fact": fact}
    connection.execute(sa.insert(c.photos), [{**nothing, "original": one, **said} for one, said in news.items()])


def photos(connection: Connection, originals: Collection[str]) -> dict[str, Record]:
    """{digest of a photo as the phone made it: what is known of it}."""
    query = sa.select(c.photos).where(c.photos.c.original.in_(originals))
    return {row.original: row for row in connection.execute(query)} if originals else {}
