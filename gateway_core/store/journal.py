"""Appending facts with their hash chain, and reading them back.

Each opened store is one writer session with a chain of its own, so that several processes never wait for one another's
chain. `chain` of row n covers `chain` of row n-1, every column, and the salted digest of the body.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.compact import compact, parsed
from ..model.facts import Fact
from . import tables as t
from .database import Record, Store, now_us
from .prepared import Among, Prepared

_BEGUN = Prepared(
    sa.insert(t.sessions)
    .values(opened_at=sa.bindparam("opened_at"), process=sa.bindparam("process"))
    .returning(t.sessions.c.id)
)
INSERT_FACT = Prepared(sa.insert(t.facts))
_f = t.facts.c
# Of each: what a `Fact` is made of, in its order.
_SAID = (_f.no, _f.at, _f.kind, _f.value, _f.source, _f.attempt, _f.step, _f.key, _f.body)
# In the order of the index; the facts of a payment have one payroll.
_FACTS = Among(sa.select(_f.payment, *_SAID).order_by(_f.payment, _f.payroll, _f.no), _f.payment)
# That the key is not empty is said for the index, which holds no others.
_keyed = (_f.key == sa.bindparam("w_key"), sa.text("facts.key <> ''"), _f.kind == "intent")
_OF_PAYROLL = Prepared(
    sa.select(t.facts).where(sa.text("facts.payment = ''"), _f.payroll == sa.bindparam("w_payroll")).order_by(_f.no)
)
_OF_KEY = Prepared(sa.select(_f.payment).where(*_keyed).limit(1))
# So many payments may ask under one key at the same time and hear its answer; the others ask again.
ASKERS = 64
_ALL_OF_KEY = Prepared(
    sa.select(_f.payment)
    .join(t.payments, t.payments.c.id == _f.payment)
    .where(*_keyed)
    .group_by(_f.payment, t.payments.c.open)
    .order_by(t.payments.c.open.desc(), sa.func.max(_f.at).desc())
    .limit(ASKERS)
)
_HEAD = Prepared(
    sa.insert(t.heads).values(
        {name: sa.bindparam(name) for name in ("session", "n", "chain", "at", "why", "signature")}
    )
)
SALT = 16
CHAINED = ("session", "n", "payroll", "payment", "no", "at", "kind", "value", "source", "attempt", "step", "key")


def begin_session(store: Store) -> None:
    """Begin the writer session of a freshly opened store."""
    with store.write() as connection:
        (made,) = _BEGUN.rows(connection, opened_at=now_us(), process=f"pid {os.getpid()}")
        store.session = int(made.id)
        store.head = (0, b"")


def append(connection: Connection, store: Store, facts: Iterable[tuple[str, str, Fact]]) -> None:
    """Append (payroll, payment, fact) rows in the running write transaction."""
    n, chain = store.head
    facts = list(facts)
    salts, rows = os.urandom(SALT * len(facts)), []
    for number, (payroll, payment, fact) in enumerate(facts):
        n += 1
        body = compact(fact.body)
        salt = salts[number * SALT : (number + 1) * SALT]
        row: dict[str, Any] = {
            "session": store.session, "n": n, "payroll": payroll, "payment": payment, "no": fact.no, "at": fact.at,
            "kind": fact.kind, "value": fact.value, "source": fact.source, "attempt": fact.attempt, "step": fact.step,
            "key": fact.key, "salt": salt, "body": body.decode(), "digest": hashlib.sha256(salt + body).digest(),
        }  # fmt: skip
        chain = row["chain"] = link(chain, row)
        rows.append(row)
    if rows:
        INSERT_FACT.run(connection, rows)
    store.head = (n, chain)


_chained = itemgetter(*CHAINED)


def link(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The chain value of a row after `previous`: SHA-256 of it, the row's digest, and its columns as a JSON list."""
    columns = _chained(row)
    try:
        text = compact(columns)
    except (TypeError, ValueError):
        text = repr(columns).encode()  # somebody put what is no text there; it never was what was chained
    return hashlib.sha256(previous + row["digest"] + text).digest()


def record_head(connection: Connection, store: Store, why: str, signature: str = "") -> None:
    """Note the session's head, so that it can be exported and held against the journal later."""
    n, chain = store.head
    head = {"session": store.session, "n": n, "chain": chain, "at": now_us(), "why": why, "signature": signature}
    _HEAD.run(connection, [head])


def as_fact(row: Record) -> Fact:
    """A fact from its row. An erased body reads as empty."""
    return Fact(
        row.no, row.at, row.kind, row.value, row.source, row.attempt, row.step, row.key, parsed(row.body or "{}")
    )


def facts_of(connection: Connection, payment: str) -> list[Fact]:
    """All facts of one payment, in order."""
    return [as_fact(row) for row in _FACTS.run(connection, [payment])]


def facts_of_many(connection: Connection, payments: Sequence[str]) -> dict[str, list[Fact]]:
    """Facts of several payments (at most a page), each in order."""
    found: dict[str, list[Fact]] = {payment: [] for payment in payments}
    rows = _FACTS.run(connection, payments) if payments else ()
    for payment, no, at, kind, value, source, attempt, step, key, body in rows:
        found[payment].append(Fact(no, at, kind, value, source, attempt, step, key, parsed(body or "{}")))
    return found


def facts_of_payroll(connection: Connection, payroll: str) -> list[Fact]:
    """The own facts of a payroll (proposed, approved ...), or of what has a payroll's place: a file, a book."""
    return [as_fact(row) for row in rows_of_payroll(connection, payroll)]


def rows_of_payroll(connection: Connection, payroll: str) -> list[Record]:
    """The same as they stand in the journal, for whoever verifies it."""
    return _OF_PAYROLL.rows(connection, w_payroll=payroll)


def payments_of_key(connection: Connection, key: str) -> list[str]:
    """Ids of the payments that asked under this key: those still open first, the latest first, a bounded number."""
    return [row.payment for row in _ALL_OF_KEY.rows(connection, w_key=key)]


def asked_under(connection: Connection, key: str) -> bool:
    """Whether any payment ever asked under this key."""
    return bool(_OF_KEY.rows(connection, w_key=key))
