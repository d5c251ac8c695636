"""Given exported heads, any single cell that somebody changed is found."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from .building import look

COLUMNS = {
    "facts": [
        "session", "n", "payroll", "payment", "no", "at", "kind", "value", "source", "attempt", "step", "key",
        "digest", "chain", "salt", "body",
    ],
    # Not `line` (its order is under the root), nor `due`, `sender` and a claim's `taken`: they are the driver's own.
    "payments": [
        "id", "payroll", "number", "invoice", "entitlement", "beneficiary", "name", "account_type", "account", "amount",
        "currency", "programme", "cycle", "instalment", "reference", "channel", "extra", "leaf", "state", "facts",
        "attempt", "outcome_reference", "reason", "open",
    ],
    # Not `channel` and `proposed_at`: each line names its own channel, and the fact has its own time.
    "payrolls": [
        "id", "name", "state", "paused", "channels", "currency", "lines", "total", "content", "root", "complete",
        "proposed_by", "approved_by", "approval_ends", "pay_at", "reconciled_by", "closed_by", "facts",
    ],
    "attempts": ["payment", "attempt", "dead"],
    "cases": ["payment", "payroll", "entitlement", "kind", "attempt", "closed_by", "why"],
    "heads": ["session", "n", "chain"],
}  # fmt: skip
FLAGS = frozenset({"open", "complete", "dead"})
CELLS = [(table, column) for table, columns in COLUMNS.items() for column in columns]


def changed(draw: Callable[[Any], Any], column: str, value: object) -> object:
    """Another value of the same type."""
    if column in FLAGS:
        return not value
    if isinstance(value, int):
        return draw(st.integers(-3, 2**40).filter(lambda other: other != value))
    if isinstance(value, bytes):
        return draw(st.binary(max_size=32).filter(lambda other: other != value))
    texts = st.sampled_from(["", "x", f"{value} ", "paid", "approved", "{}", "amina"]) | st.text(max_size=8)
    return draw(texts.filter(lambda other: other != value and not _same_json(other, str(value))))


def _same_json(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@pytest.mark.sqlite("it copies the file for each cell")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_single_cell_that_was_changed_is_found(
    told: tuple[Path, Path], tmp_path: Path, data: st.DataObject
) -> None:
    table, column = data.draw(st.sampled_from(CELLS))
    path = Path(shutil.copy(told[0], tmp_path / "cell.db"))
    connection = sqlite3.connect(path)
    try:
        # Rows without a rowid are told apart by their key.
        key = "payment || ' ' || attempt" if table == "attempts" else "rowid"
        rows = connection.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
        row, value = data.draw(st.sampled_from(rows))
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (changed(data.draw, column, value), row))
        connection.commit()
    except (sqlite3.IntegrityError, UnicodeEncodeError):
        assume(False)
    finally:
        connection.close()
    assert not look(path, told[1]).ok
