"""Bugs in what an auditor relies on: the chain of the journal, the exported heads, the refolding of states."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway_core.store import journal, verifying, verifying_chains, verifying_payments

from .desk import desk
from .hunting import Trial, must_hold, mutant, verify

Attack = Callable[[sqlite3.Connection], None]


def _found(attack: Attack) -> Trial:
    """Somebody with the file in an editor; `gateway verify` must find it with the heads that were exported before."""

    def trial(folder: Path) -> None:
        with desk(folder) as (shop, _):
            shop.paid([shop.invoice(0, "w-0"), shop.invoice(1, "w-refused")])
            kept = folder / "kept.jsonl"
            shop.paymaster.export_heads(kept)
            assert shop.paymaster.verify(kept).ok
            shop.altered(attack)
            must_hold("7", not shop.paymaster.verify(kept).ok, "the store was altered, and verify finds nothing")

    return trial


def _state(db: sqlite3.Connection) -> None:
    db.execute("UPDATE payments SET state = 'paid' WHERE state = 'refused'")


def _body(db: sqlite3.Connection) -> None:
    """A fact and its own digest: who paid whom what, told otherwise."""
    row = db.execute("SELECT session, n, salt, body FROM facts WHERE kind = 'intent'").fetchone()
    body = json.dumps({**json.loads(row["body"]), "told": "otherwise"})
    digest = hashlib.sha256(row["salt"] + body.encode()).digest()
    change = "UPDATE facts SET body = ?, digest = ? WHERE session = ? AND n = ?"
    db.execute(change, (body, digest, row["session"], row["n"]))


def _body_and_chain(db: sqlite3.Connection) -> None:
    """The same, and every row and head after it made to fit: only what was exported can tell."""
    _body(db)
    chains: dict[int, bytes] = {}
    for row in db.execute("SELECT * FROM facts ORDER BY session, n").fetchall():
        chain = journal.link(chains.get(row["session"], b""), dict(row))
        chains[row["session"]] = chain
        where = (chain, row["session"], row["n"])
        db.execute("UPDATE facts SET chain = ? WHERE session = ? AND n = ?", where)
        db.execute("UPDATE heads SET chain = ? WHERE session = ? AND n = ?", where)


VERIFIED = verify(tuple(_found(attack) for attack in (_state, _body, _body_and_chain)))


@mutant(breaks="7", hunt=VERIFIED)
def verify_does_not_refold(m: pytest.MonkeyPatch) -> None:
    """The auditor's check believes the table of payments and does not fold the facts again."""
    m.setattr(verifying_payments, "_wrong", lambda *given: iter(()))


@mutant(breaks="7", hunt=VERIFIED)
def chain_without_the_body(m: pytest.MonkeyPatch) -> None:
    """The chain covers the columns of a fact and leaves out its body."""
    real = journal.link

    def link(previous: bytes, row: Mapping[str, Any]) -> bytes:
        return real(previous, {**row, "digest": b""})

    m.setattr(journal, "link", link)
    m.setattr(verifying_chains, "link", link)


@mutant(breaks="7", hunt=VERIFIED)
def heads_are_not_compared(m: pytest.MonkeyPatch) -> None:
    """What was exported is not held against the journal: who can write to the file can rewrite all of it."""
    m.setattr(verifying, "check_exported", lambda store, heads, result, public_key: None)
