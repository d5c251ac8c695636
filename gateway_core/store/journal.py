"""Appending facts with their hash chain, and reading them back.

Each opened store is one writer session with a chain of its own, so that several processes never wait for one another's
chain. `chain` of row n covers `chain` of row n-1, every column, and the salted digest of the body.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.facts import Fact
from . import tables as t
from .database import Record, Store, now_us
from .prepared import Prepared

INSERT_FACT = Prepared(sa.insert(t.facts))
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
SALT = 16
CHAINED = ("session", "n", "payroll", "payment", "no", "at", "kind", "value", "source", "attempt", "step", "key")


def begin_session(store: Store) -> None:
    """Begin the writer session of a freshly opened store."""
    with store.write() as connection:
        made = connection.execute(sa.insert(t.sessions).values(opened_at=now_us(), process=f"pid {os.getpid()}"))
        store.session = int(made.lastrowid)
        store.head = (0, b"")


def append(connection: Connection, store: Store, facts: Iterable[tuple[str, str, Fact]]) -> None:
    """Append (payroll, payment, fact) rows in the running write transaction."""
    n, chain = store.head
    rows = []
    for payroll, payment, fact in facts:
        n += 1
        body = _compact(fact.body)
        salt = os.urandom(SALT)
        row: dict[str, Any] = {
            "session": store.session, "n": n, "payroll": payroll, "payment": payment, "no": fact.no, "at": fact.at,
            "kind": fact.kind, "value": fact.value, "source": fact.source, "attempt": fact.attempt, "step": fact.step,
            "key": fact.key, "salt": salt, "body": body,
            "digest": hashlib.sha256(salt + body.encode()).digest(),
        }  # fmt: skip
        chain = row["chain"] = link(chain, row)
        rows.append(row)
    if rows:
        INSERT_FACT.run(connection, rows)
    store.head = (n, chain)


def link(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The chain value of a row after `previous`."""
    # Each text with its length: no two rows read the same, whatever a plugin wrote into one.
    texts = [str(row[name]) for name in CHAINED]
    columns = "".join([f"{len(text)}:{text}" for text in texts])
    return hashlib.sha256(previous + row["digest"] + columns.encode()).digest()


def record_head(connection: Connection, store: Store, why: str, signature: str = "") -> None:
    """Note the session's head, so that it can be exported and held against the journal later."""
    n, chain = store.head
    connection.execute(
        sa.insert(t.heads).values(session=store.session, n=n, chain=chain, at=now_us(), why=why, signature=signature)
    )


def as_fact(row: Record) -> Fact:
    """A fact from its row. An erased body reads as empty."""
    return Fact(
        row.no, row.at, row.kind, row.value, row.source, row.attempt, row.step, row.key, json.loads(row.body or "{}")
    )


def facts_of(connection: Connection, payment: str) -> list[Fact]:
    """All facts of one payment, in order."""
    f = t.facts.c
    return [as_fact(row) for row in connection.execute(sa.select(t.facts).where(f.payment == payment).order_by(f.no))]


def facts_of_many(connection: Connection, payments: Sequence[str]) -> dict[str, list[Fact]]:
    """Facts of several payments (at most a page), each in order."""
    found: dict[str, list[Fact]] = {payment: [] for payment in payments}
    f = t.facts.c
    query = sa.select(t.facts).where(f.payment.in_(payments)).order_by(f.payment, f.no)
    for row in connection.execute(query):
        found[row.payment].append(as_fact(row))
    return found


def facts_of_payroll(connection: Connection, payroll: str) -> list[Fact]:
    """The payroll's own facts: proposed, approved, paused, reconciled, closed ..."""
    f = t.facts.c
    query = sa.select(t.facts).where(f.payment == "", f.payroll == payroll).order_by(f.no)
    return [as_fact(row) for row in connection.execute(query)]


def payment_of_key(connection: Connection, key: str) -> tuple[str, str] | None:
    """(payment id, step) of the intent that carries this key, or None."""
    f = t.facts.c
    query = sa.select(f.payment, f.step).where(f.key == key, f.kind == "intent").limit(1)
    row = connection.execute(query).first()
    return (row.payment, row.step) if row else None
