"""What the store holds, read plainly with SQL: nothing of the engine is trusted with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import attrs

from ...model.compact import parsed
from ...model.facts import Fact, said_apart


@attrs.frozen
class Row:
    """One payment as it is stored, with its facts read plainly."""

    id: str
    entitlement: str
    state: str
    attempt: int
    facts: list[Fact]
    columns: Mapping[str, Any]

    @property
    def said(self) -> list[Fact]:
        """The facts, with an outcome that brings its answer as the two that it states."""
        return list(said_apart(self.facts))

    @property
    def keys(self) -> dict[str, int]:
        """{money key: attempt}."""
        return {f.key: f.attempt for f in self.facts if f.kind == "intent" and f.body.get("moves_money")}


def approved_lines(raw: sqlite3.Connection) -> dict[str, tuple[str, int]]:
    """{payment: (account, amount)}, read before anybody touches anything."""
    lines = raw.execute("SELECT id, account, amount FROM payments")
    return {payment: (account, amount) for payment, account, amount in lines}


def rows_of(raw: sqlite3.Connection) -> list[Row]:
    """All payments as stored."""
    found: dict[str, list[Fact]] = {}
    query = (
        "SELECT payment, no, at, kind, value, source, attempt, step, key, body FROM facts"
        " WHERE payment <> '' ORDER BY payment, no"
    )
    for payment, *cells, body in raw.execute(query):
        no, at, kind, value, source, attempt, step, key = cells
        fact = Fact(no, at, kind, value, source, attempt, step, key, parsed(body))
        found.setdefault(payment, []).append(fact)
    names = (
        "id",
        "entitlement",
        "state",
        "attempt",
        "facts",
        "outcome_reference",
        "reason",
        "open",
        "taken",
        "sender",
        "payroll",
        "amount",
    )
    rows = []
    for cells in raw.execute(f"SELECT {', '.join(names)} FROM payments ORDER BY payroll, line"):  # noqa: S608
        columns = dict(zip(names, cells, strict=True))
        its = found.get(columns["id"], [])
        rows.append(Row(columns["id"], columns["entitlement"], columns["state"], columns["attempt"], its, columns))
    return rows


def told(rows: list[Row], epoch: int) -> list[str]:
    """The journal of each payment, a line per fact, to stand below a story."""
    lines = []
    for number, row in enumerate(rows, 1):
        lines.append(f"payment {number} ({row.entitlement}) is {row.state} {row.columns['reason']}")
        for f in row.facts:
            words = (f.kind, f.value, f.step, f"by {f.source}", f"attempt {f.attempt}")
            said = " ".join(word for word in words if word)
            lines.append(f"{(f.at - epoch) / 1_000_000:10.3f} s  {said}")
    return lines
