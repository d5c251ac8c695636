"""Staging a document: its bytes, its lines, then every line's intent; each on disk before the next begins.

    bytes        kept under their digest
    lines        which payment is which line, page by page; the fact `planned` switches them on
    intents      page by page: from then on each payment is `sending` and its entitlement taken
    complete     the file may go

A crash at any moment leaves it so that the next run goes on where it was: no second file comes of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ...contract.batch_channel import Faulty
from ...model.document import DocumentLife, note
from ...model.identity import derived_uuid
from ...store import Result, Store, document_lines, documents
from ...store import document_tables as d
from ...store.database import Record
from ...store.documents import Place
from ...store.files import Kept
from .bench import Bench, note_fact
from .cancelling import asked
from .lines import NotAllowed, intend
from .portion import Portion

LINES = 1000
# A payroll, a channel, and the number of a file.
Where: TypeAlias = tuple[str, str, int]
# Said of a document, by what the store said of its lines' intents; anything else ends it.
WAITS = frozenset({Result.STOPPED, Result.FENCED})


async def planned(bench: Bench, payroll: str, number: int, name: str, kept: Kept, portion: Portion) -> str:
    """Write down the portion's last file with its lines. Returns the document's id. `number`: as the gateway knows it.

    Raises Faulty where a name or a key is not its own, Busy where another sender was quicker with this number.
    """
    at, store = bench.now(), bench.store
    where = (payroll, bench.channel.name, number)
    about = await bench.runtime.offload(partial(_about, portion))
    about |= {
        "name": name, "sha256": kept.sha256, "size": kept.size, "fingerprint": bench.channel.fingerprint,
        "planned_at": at, "sender": bench.sender,
    }  # fmt: skip
    await bench.pages(partial(_forget, store, where, bench.sender))
    document = await bench.runtime.write(partial(_begin, store, where, about))
    after = 0
    while page := portion.page(portion.file, after, LINES):
        await bench.runtime.write(partial(_lines, store, document, page))
        after = page[-1].n
    await bench.runtime.write(partial(_switch_on, store, document, at))
    bench.runtime.point("batch-planned")
    return document


class Busy(Exception):
    """Another living sender plans the payroll's next file."""


def _forget(store: Store, where: Where, sender: int) -> bool:
    """What an earlier start left of the payroll's next file goes first, page by page."""
    with store.write() as connection:
        document = _next(connection, store, where)
        if not documents.claim(connection, sender, document):
            if documents.exists(connection, document):
                raise Busy(document)
            return False
        return documents.forget(connection, document, LINES)


def _next(connection: Connection, store: Store, where: Where) -> str:
    """The id of the payroll's next file on a channel."""
    payroll, channel, number = where
    if documents.next_number(connection, payroll, channel) != number:
        raise Busy(f"file {number} of {payroll} was planned meanwhile")
    return derived_uuid("document", store.deployment, *where)


def _about(portion: Portion) -> dict[str, Any]:
    """What is counted over the lines of its last file."""
    lines, total, currency = portion.sums(portion.file)
    allocation = documents.allocation(portion.places(portion.file))
    return {"lines": lines, "total": total, "currency": currency, "allocation": allocation}


def _begin(store: Store, where: Where, about: Mapping[str, Any]) -> str:
    """The row, which nobody sees yet."""
    payroll, channel, number = where
    with store.write() as connection:
        document = _next(connection, store, where)
        if documents.by_name(connection, channel, about["name"]) is not None:
            raise Faulty(f"{about['name']} is the name of an earlier file; a name is never used twice")
        row = {"id": document, "payroll": payroll, "channel": channel, "number": number, **about}
        try:
            connection.execute(sa.insert(d.documents).values(**row))
        except IntegrityError:
            raise Busy(f"another file is being planned as {about['name']} or {document}") from None
    return document


def _lines(store: Store, document: str, places: Sequence[Place]) -> None:
    with store.write() as connection:
        known = document_lines.by_key(connection, [place.key for place in places])
        for place in places:
            if known.get(place.key, (place.payment, place.attempt)) != (place.payment, place.attempt):
                raise Faulty(f"{place.key} is the key of an earlier line; a key is never used twice")
        document_lines.write(connection, document, places)


def _switch_on(store: Store, document: str, at: int) -> None:
    with store.write() as connection:
        row, life = documents.look(connection, document)
        fact = note(life, at, "planned", **documents.fixed(row))
        documents.tell(connection, store, row, life, [fact])


async def completed(bench: Bench, row: Record) -> bool:
    """Write the intents that are missing, then that it is complete. False: not now, or it was given up."""
    if row.cancels:
        await bench.pages(partial(asked, bench.store, row.id, bench.rules, bench.now()))
        return True
    body = {
        "moves_money": True, "document": row.id, "sha256": row.sha256, "channel": row.fingerprint,
        "flow_version": bench.channel.gateway.flow_version,
    }  # fmt: skip
    after, why = 0, ""
    try:
        while True:
            now = bench.now()
            step = partial(intend, bench.store, bench.sender, row, body, bench.rules, now, after)
            after, why = await bench.runtime.write(step)
            if not after:
                break
            bench.runtime.point("batch-intents")
    except NotAllowed as error:
        if error.result in WAITS:
            return False
        why = f"a line of it may not go: {error}"
    if why:
        await give_up(bench, row.id, why)
        return False
    at = bench.now()
    await bench.runtime.write(lambda: note_fact(bench.store, row.id, at, "complete", "", "driver", {}))
    bench.runtime.point("batch-staged")
    return True


async def give_up(bench: Bench, document: str, why: str) -> None:
    """Nothing of it left or will: its lines are free. In a restored store nobody knows that, and people must look."""
    row, life = await bench.runtime.offload(partial(look, bench.store, document))
    if bench.restored or life.put.restored:
        await bench.note(document, "hold", f"{why}; and the store was restored: the bank may have this file")
    elif life.may_be_withdrawn and row.state in ("planned", "ready"):
        await bench.note(document, "withdrawn", why)


def look(store: Store, document: str) -> tuple[Record, DocumentLife]:
    """A document as it is now, read in a transaction of its own."""
    with store.read() as connection:
        return documents.look(connection, document)
