"""Facts about payments by people's decisions: written with the state folded from them, and the cases that they open."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy.engine import Connection

from ..model.errors import WrongState
from ..model.facts import Fact
from ..model.life import Life, add
from ..store import Result, Store, Write, writes
from ..store.database import Record
from ..store.documents import NEVER

# What two people say: the one whose phone or count it is, and the one who agrees.
SOURCE = "confirmed"


def state(connection: Connection, store: Store, row: Record, life: Life, facts: Sequence[Fact]) -> None:
    """Write these facts, which are numbered here, about the payment of `row`. Raises WrongState if another is at it."""
    known, before, numbered = len(life.cases), life.facts, list[Fact]()
    for fact in facts:
        numbered.append(attrs.evolve(fact, no=life.facts + 1))
        add(life, numbered[-1])
    due = 0 if life.settled else NEVER
    write = Write.of(row.id, row.payroll, life, before, numbered, due, cases=tuple(life.cases[known:]))
    if writes.apply(connection, store, [write]) != [Result.OK]:
        raise WrongState(f"payment {row.id} is being worked on just now; do it again")
