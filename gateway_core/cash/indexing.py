"""Arrivals that were applied, read into the table of records: page by page, again from the beginning after a crash."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from ..model.identity import canonical
from ..store import Store, files, parcels, proofs
from ..store.database import Record
from . import arriving
from .record import ProofRecord, as_json


def catch_up(store: Store, channels: Collection[str]) -> int:
    """Read what is not read yet. Returns how many records there were; those that came before are counted, too."""
    with store.read() as connection:
        waiting = proofs.unread(connection, channels)
    return sum(_read(store, answer) for answer in waiting)


def _read(store: Store, answer: Record) -> int:
    count = 0
    with store.read() as connection:
        signed = answer.id if parcels.signers(connection, [answer.id]) else ""
    with files.open_file(store, answer.sha256) as file:
        for page in _pages(arriving.records(file)):
            count += len(page)
            intact = [record for record in page if record.intact]
            keys = {one.hash: arriving.key_of(one.list, one.line, one.payment) for one in intact}
            with store.write() as connection:
                proofs.keep(connection, [_row(one, answer, signed) for one in intact], keys)
    with store.write() as connection:
        proofs.read(connection, answer.id, count)
    return count


def _pages(records: Iterator[ProofRecord]) -> Iterator[list[ProofRecord]]:
    while page := list(islice(records, proofs.PAGE)):
        yield page


def _row(record: ProofRecord, answer: Record, signed: str) -> dict[str, Any]:
    return {
        "id": record.hash, "answer": answer.id, "device": record.device, "number": record.number,
        "previous": record.previous, "kind": record.kind, "officer": record.officer, "by": answer.by,
        "amount": record.amount, "currency": record.currency, "at": record.at, "received_at": answer.at,
        "photo": record.photo.sha256 if record.photo else "", "body": canonical(as_json(record)).decode(),
        "flags": "", "signed": signed,
    }  # fmt: skip
