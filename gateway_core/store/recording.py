"""What people and the driver say of a row that has facts of its own: the fact, and the columns that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import WrongState
from ..model.facts import Fact
from . import journal
from .database import Record, Store, now_us


def record(
    connection: Connection, store: Store, table: sa.Table, row: Record, what: str, kind: str, by: str,
    body: Mapping[str, Any], **columns: Any,
) -> None:  # fmt: skip
    """State a fact about a row of `table` and write what follows. Raises WrongState where it is not as `row` any more.

    `what`: the row for people. The fact's value is the state that the row comes into, if it does.
    """
    fact = Fact(row.facts + 1, now_us(), kind, str(columns.get("state", "")), by, body=body)
    journal.append(connection, store, [(row.id, "", fact)])
    same = sa.update(table).where(table.c.id == row.id, table.c.facts == row.facts)
    if connection.execute(same.values(facts=row.facts + 1, **columns)).rowcount != 1:
        raise WrongState(f"{what} was changed by someone else just now; look again")
