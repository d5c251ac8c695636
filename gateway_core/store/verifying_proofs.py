"""Verifying proofs: records against the arrivals that they came in, photographs and archives against what was noted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.identity import canonical
from . import cash_tables as c
from . import document_tables as d
from . import files, parcels
from . import tables as t
from .database import Record, Store
from .findings import Verification
from .journal import as_fact

PAGE = 500
# Facts of the book at a time: each may tell of a page of photographs.
FEW = 20
_f = t.facts.c
_q = c.proofs.c
_a = d.answers.c
_l = d.lines.c
_h = c.photos.c
# What the hash of a record begins with, and its largest line (cash/record.py, cash/record_json.py).
RECORD, LINE = b"gateway_core proof record v1\n", 1 << 15
AS_TOLD = ("device", "number", "previous", "kind", "officer", "amount", "currency", "at")
UNDECIDED = ("flags", "decided_by", "why")
Whole = Callable[[str], bool]


def check_proofs(store: Store, result: Verification, whole: Whole | None) -> None:
    """Every record, arrival, archive and photograph. `whole` says of a digest whether that photograph lies unchanged in
    its folder; None: nobody knows where they lie.
    """
    for check in (_rows(store), _arrivals(store), _book(store, whole)):
        for sentence in check:
            result.found(sentence)
    if whole is None:
        with store.read() as connection:
            if connection.execute(sa.select(_h.kept).where(_h.kept != "").limit(1)).first() is not None:
                result.note("photographs of pay-outs were not looked at: no channel says in which folder they lie")


# -- records -----------------------------------------------------------------------------------------------------------


def _rows(store: Store) -> Iterator[str]:
    """Who paid out and who gave it in decide who may check: each row says what its record and its arrival say."""
    after = ""
    query = (
        sa.select(c.proofs, _a.by.label("given"), _a.at.label("came"), _l.key)
        .outerjoin(d.answers, _a.id == _q.answer)
        .outerjoin(d.lines, sa.and_(_l.document == _q.document, _l.payment == _q.payment, _l.attempt == _q.attempt))
        .order_by(_q.id)
        .limit(PAGE)
    )
    while True:
        with store.read() as connection:
            page = list(connection.execute(query.where(_q.id > after)))
        if not page:
            return
        after = page[-1].id
        for row in page:
            if differs := _differing(row):
                yield f"proof {row.id}: its {differs} is not what came"


def _differing(row: Record) -> str:
    """Which column of a record says otherwise than the record itself, whose hash is its id, or than its arrival."""
    said = json.loads(row.body)
    if said.get("hash", "") != row.id or not _intact(said):
        return "body"
    told = {name: said.get(name, "") for name in AS_TOLD} | {"photo": said.get("photo", {}).get("sha256", "")}
    told |= {"by": row.given, "received_at": row.came}
    if not row.decision:
        # What was decided stands in facts, which are looked at with its list.
        told |= dict.fromkeys(UNDECIDED, "")
    if row.document or row.payment:
        told |= {"payment": said.get("payment")}
        if row.key != f"{said.get('list')}.{said.get('line')}.{row.payment[-8:]}":
            return "place"
    elif row.attempt:
        return "place"
    return next((name for name, value in told.items() if getattr(row, name) != value), "")


def _intact(said: Mapping[str, Any]) -> bool:
    rest = {name: value for name, value in said.items() if name != "hash"}
    return hashlib.sha256(RECORD + canonical(rest)).hexdigest() == said.get("hash")


def _arrivals(store: Store) -> Iterator[str]:
    """Every record that came is in the table, as coming from the first that had it; and none is there besides."""
    came, signed = sa.select(_q.answer), sa.select(_q.signed).where(_q.signed != "")
    with store.read() as connection:
        read = {row.answer: row.records for row in connection.execute(sa.select(c.arrivals))}
        known = read.keys() | set(connection.execute(sa.union(came, signed)).scalars())
        of = {row.id: row.sha256 for row in connection.execute(sa.select(_a.id, _a.sha256).where(_a.id.in_(known)))}
        keys = parcels.signers(connection, known)
    for answer in sorted(known):
        if answer not in of:
            yield f"records were read from the arrival {answer}, which never came"
        else:
            said = _arrival(store, answer, of[answer], read.get(answer), answer in keys)
            yield from (f"arrival {answer}: {why}" for why in said)
        with store.read() as connection:
            by_signature = connection.execute(sa.select(_q.id).where(_q.signed == answer).limit(1)).first()
        if by_signature is not None and answer not in keys:
            yield f"records are said to be signed in the arrival {answer}, which nobody signed"


def _arrival(store: Store, answer: str, sha256: str, counted: int | None, is_signed: bool) -> Iterator[str]:
    count, ids = 0, set[str]()
    first, signed = set[str](), set[str]()
    with files.open_file(store, sha256) as file:
        lines = iter(lambda: file.readline(LINE), b"")
        while page := [json.loads(line) for line in islice(lines, PAGE)]:
            count += len(page)
            mine = {said["hash"] for said in page if _intact(said)}
            with store.read() as connection:
                rows = connection.execute(sa.select(_q.id, _q.answer, _q.signed).where(_q.id.in_(mine))).all()
            ids |= {row.id for row in rows}
            first |= {row.id for row in rows if row.answer == answer}
            signed |= {row.id for row in rows if row.signed == answer}
            if counted is None:
                # One that is being read just now is in the table in part.
                continue
            if is_signed and (bare := [row.id for row in rows if not row.signed]):
                yield f"it was signed, and the table says of {len(bare)} of its records that they were not"
            if gone := mine - {row.id for row in rows}:
                yield f"{len(gone)} of its records are gone from the table, such as {min(gone)}"
    if counted is not None and counted != count:
        yield f"the table counts {counted} records, {count} came"
    if (len(first), len(signed)) != _of(store, answer):
        yield "the table says of records that did not come in it that they did"


def _of(store: Store, answer: str) -> tuple[int, int]:
    """How many rows say that they came first in this arrival, and were signed in it."""
    with store.read() as connection:
        first, signed = (
            int(connection.execute(sa.select(sa.func.count()).where(column == answer)).scalar_one())
            for column in (_q.answer, _q.signed)
        )
    return first, signed


# -- archives and photographs ------------------------------------------------------------------------------------------


def _book(store: Store, whole: Whole | None) -> Iterator[str]:
    """What the book of proofs notes of archives and photographs stands in the tables; and nothing besides."""
    after, archives, pictures = 0, 0, 0
    while True:
        of = (_f.payment == "", _f.payroll == parcels.BOOK, _f.no > after)
        with store.read() as connection:
            page = list(connection.execute(sa.select(t.facts).where(*of).order_by(_f.no).limit(FEW)))
        if not page:
            break
        after = page[-1].no
        for fact in page:
            body = as_fact(fact).body
            if fact.kind == parcels.PARCEL:
                archives += 1
                yield from _parcel(store, fact.no, body)
            elif fact.kind == parcels.PHOTOGRAPHS:
                with store.read() as connection:
                    rows = parcels.photos(connection, body["photos"])
                pictures += sum(row.fact == fact.no for row in rows.values())
                yield from _photographs(fact.no, body["photos"], rows, whole)
    with store.read() as connection:
        there = [connection.execute(sa.select(sa.func.count()).select_from(of)).scalar_one() for of in _NOTED]
    if there != [archives, pictures]:
        yield f"{archives} archives and {pictures} photographs of phones were noted, the tables have {there}"


_NOTED: Sequence[sa.Table] = (c.parcels, c.photos)


def _parcel(store: Store, no: int, body: Mapping[str, Any]) -> Iterator[str]:
    with store.read() as connection:
        rows = [row._asdict() for row in _noted_by(connection, no)]
    if rows != [{"id": parcels.Said(**{k: v for k, v in body.items() if k != "at"}).id, **body, "fact": no}]:
        yield f"the archive of {body.get('device')} that was noted as fact {no} is another one in the table"


def _noted_by(connection: Connection, no: int) -> list[Record]:
    return list(connection.execute(sa.select(c.parcels).where(c.parcels.c.fact == no)))


def _photographs(
    no: int, told: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Record], whole: Whole | None
) -> Iterator[str]:
    for original, said in told.items():
        row = rows.get(original)
        if row is None or (row.fact != no and (said.get("kept") or row.fact < no)):
            yield f"the photograph {original} that was noted as fact {no} is gone from the table, or another one"
        elif row.fact == no:
            now = {name: getattr(row, name) for name in parcels.ABOUT}
            if {name: value for name, value in now.items() if value not in (None, "")} != dict(said):
                yield f"the table says otherwise of the photograph {original} than was noted when it came"
            if row.kept and whole is not None and not whole(row.kept):
                yield f"the photograph {row.kept} is gone from its folder, or its bytes were changed"
