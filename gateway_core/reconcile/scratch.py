"""A private SQLite file for one reconciliation: our payments by every name they have, and the lines of the file.

Memory stays flat, nobody's writes wait, and the store needs no index that only this would use.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..engine.naming import Hit
from ..store import Store, payments
from ..store import tables as t
from ..store.database import Record
from ..store.prepared import Among
from .lines import Said

PAGE = 500
DAY_US = 86_400_000_000
# A booking may be dated a day before we sent (another zone), and so many days after.
BEFORE, AFTER = 1, 10
_PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-16000", "temp_store=FILE")
_TABLES = """
    CREATE TABLE pay (payment TEXT PRIMARY KEY, payroll TEXT, of TEXT, attempt INTEGER, state TEXT, invoice TEXT,
        account TEXT, amount INTEGER, currency TEXT, sent INTEGER, channel TEXT, name TEXT) WITHOUT ROWID;
    CREATE TABLE name (name TEXT, kind TEXT, payment TEXT, attempt INTEGER);
    CREATE TABLE line (n INTEGER PRIMARY KEY, verdict TEXT, id TEXT, invoice TEXT, reference TEXT, account TEXT,
        amount INTEGER, fee INTEGER, currency TEXT, booked TEXT, reason TEXT, text TEXT,
        payment TEXT, payroll TEXT, how TEXT, why TEXT, effect TEXT);
"""
_INDEXES = """
    CREATE INDEX name_of ON name (kind, name);
    CREATE INDEX pay_like ON pay (account, amount) WHERE sent > 0;
"""
_f = t.facts.c
_NAMES = Among(
    sa.select(_f.payment, _f.attempt, _f.kind, _f.source, _f.key, _f.at).where(sa.text("facts.key <> ''")), _f.payment
)


class Scratch:
    """Load, then ask. Used by one thread at a time; closing twice is harmless."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="gateway-reconcile-", suffix=".db")  # mode 0600
        os.close(handle)
        self._path = Path(name)
        self._db = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")
        # It holds people's names and accounts: without a name on disk it is gone with the process.
        with suppress(OSError):
            self._path.unlink()

    def close(self) -> None:
        """Forget everything."""
        self._db.close()
        self._path.unlink(missing_ok=True)

    def load(self, store: Store, rows: Iterable[Record], *where: sa.ColumnElement[bool]) -> None:
        """Our payments of these payrolls, with every name that a line may call them by."""
        for payroll in rows:
            for page in payments.pages(store.read, payroll.id, PAGE, *where):
                with store.read() as connection:
                    named = _NAMES.run(connection, [row.id for row in page])
                self._keep(payroll.state, page, named)
        self._db.executescript(_INDEXES)

    def _keep(self, of: str, page: Sequence[Record], named: Sequence[Any]) -> None:
        sent: dict[str, int] = {}
        names = [(row.invoice, "id", row.id, row.attempt) for row in page if row.invoice]
        names += [(row.id, "id", row.id, row.attempt) for row in page]
        names += [(row.outcome_reference, "ref", row.id, row.attempt) for row in page if row.outcome_reference]
        for fact in named:
            intent = fact.kind == "intent"
            if intent:
                sent[fact.payment] = min(sent.get(fact.payment, fact.at), fact.at)
                names.append((fact.key, "id", fact.payment, fact.attempt))
            elif fact.source in ("statement", "file", "confirmed"):
                names.append((fact.key, "ref", fact.payment, fact.attempt))
        self._db.executemany(
            "INSERT INTO pay VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.id, r.payroll, of, r.attempt, r.state, r.invoice, r.account, r.amount, r.currency,
                 sent.get(r.id, 0), r.channel, r.name)
                for r in page
            ],
        )  # fmt: skip
        self._db.executemany("INSERT INTO name VALUES (?, ?, ?, ?)", names)

    # -- matching -----------------------------------------------------------------------------------------------------

    def hits(self, kind: str, names: Sequence[str]) -> list[Hit]:
        """The payments that have one of these names."""
        marks = ", ".join("?" * len(names))
        found = self._db.execute(
            f"SELECT DISTINCT payment, attempt FROM name WHERE kind = ? AND name IN ({marks}) LIMIT 3",  # noqa: S608
            (kind, *names),
        )
        latest: dict[str, int] = {}
        for payment, attempt in found:
            latest[payment] = max(latest.get(payment, 0), attempt)
        return list(latest.items())

    def alike(self, account: str, amount: int, day: int) -> list[Hit]:
        """Payments that were sent to this account, with this amount, about that day (in days since 1970)."""
        low, high = (day - AFTER) * DAY_US, (day + BEFORE + 1) * DAY_US
        found = self._db.execute(
            "SELECT payment, attempt FROM pay WHERE account = ? AND amount = ? AND sent > 0 AND sent >= ? AND sent < ? "
            "LIMIT 100",
            (account, amount, low, high),
        )
        return [(payment, attempt) for payment, attempt in found]

    def ours(self, payment: str) -> Any:
        """(payroll, its state, our state, amount, currency, sent, channel, invoice, name)."""
        return self._db.execute(
            "SELECT payroll, of, state, amount, currency, sent, channel, invoice, name FROM pay WHERE payment = ?",
            (payment,),
        ).fetchone()

    # -- lines --------------------------------------------------------------------------------------------------------

    def add(self, said: Said, payment: str, payroll: str, how: str, why: str, effect: str) -> None:
        """Keep one line with what it is about."""
        self._db.execute(
            "INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (said.n, said.verdict, said.id, said.invoice, said.reference, said.account, said.amount, said.fee,
             said.currency, said.booked, said.reason, said.text, payment, payroll, how, why, effect),
        )  # fmt: skip

    def rows(self, effect: str = "") -> Iterator[tuple[Any, ...]]:
        """Every line with its payment, in order: (n, effect, payment, invoice, verdict, amount, currency, reference,
        booked, why, our state, our amount, name, fee, account, reason, text, payroll, how)."""
        query = (
            "SELECT n, effect, line.payment, coalesce(pay.invoice, ''), verdict, line.amount, line.currency, "
            "reference, booked, why, coalesce(pay.state, ''), pay.amount, coalesce(pay.name, ''), fee, line.account, "
            "reason, text, line.payroll, how FROM line LEFT JOIN pay ON pay.payment = line.payment "
        )
        cursor = self._db.cursor()
        if effect:
            cursor.execute(query + "WHERE effect = ? ORDER BY n", (effect,))
        else:
            cursor.execute(query + "ORDER BY n")
        while page := cursor.fetchmany(PAGE):
            yield from page

    def counts(self) -> dict[str, int]:
        """How many lines have which effect."""
        return dict(self._db.execute("SELECT effect, count(*) FROM line GROUP BY effect ORDER BY effect").fetchall())
