"""What is asked for with every payment and callback is found by an index, however long the payroll is.

SQLite uses a partial index only where the query says its condition in the same words.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway_core.store import inbox, journal, payments, prepared, senders
from gateway_core.store import tables as t

# (statement, the index that it must use)
TABLE = [
    (senders, "_DUE", "payments_due"),
    (senders, "_DUE_SENT", "payments_due"),
    (payments, "_NEXT_DUE", "payments_due"),
    (payments, "_NEXT_DUE_SENT", "payments_due"),
    (senders, "_GIVE_BACK", "payments_of_sender"),
    (senders, "_UNSENT_OF", "payments_of_sender"),
    (senders, "_ANY_CASE", "cases_open"),
    (journal, "_OF_KEY", "facts_key"),
    (journal, "_ALL_OF_KEY", "facts_key"),
    (inbox, "_NEW", "arrivals_new"),
    (inbox, "_NEWS", "facts_key"),
]


@pytest.mark.parametrize(("module", "name", "index"), TABLE, ids=[name for _, name, _ in TABLE])
def test_a_statement_of_the_hot_path_uses_its_index(tmp_path: Path, module: object, name: str, index: str) -> None:
    file = tmp_path / "store.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    t.metadata.create_all(engine)
    text = prepared._Text.of(getattr(module, name)._statement, engine.dialect)
    with sqlite3.connect(file) as raw:
        plan = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {text.text}", [1] * text.text.count("?"))]
    engine.dispose()
    raw.close()
    assert any(f"USING INDEX {index}" in step or f"USING COVERING INDEX {index}" in step for step in plan), plan
