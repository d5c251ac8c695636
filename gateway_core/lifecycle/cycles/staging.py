"""Whose staging of a cycle's invoices it is. Who comes later takes it over, and what was staged until then goes.

A generation and a proposal of the same invoices meet page by page, in write transactions: each looks for what the other
has staged. So whoever comes second finds it, ends it, and the first is refused at its next page.
"""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ...model.errors import WrongState
from ...store import Store, cycles
from ...store import cycle_tables as c
from ...store.database import Record, now_us
from . import keeping

_c, _i = c.cycles.c, c.invoices.c
PAGE = 500
BESIDE = (
    "another process generates for this cycle, or proposes invoices of it, just now; try again to see what became of it"
)


def begin(store: Store, row: Record) -> int:
    """Take the cycle's staging over to generate, and remove what an interrupted one left. Returns the token."""
    at = now_us()
    with store.write() as connection:
        now = _taken(connection, row, at)
        keeping.refuse_suspended(connection, now)
    _forget(store, row, at)
    return at


def give_up(store: Store, row: Record) -> None:
    """End a generation that is being staged, or was left half-way: what it would have replaced stands again."""
    at = now_us()
    with store.write() as connection:
        _taken(connection, row, at)
    _forget(store, row, at)


def still_ours(connection: Connection, row: Record, at: int) -> None:
    """Raises WrongState when somebody took the staging over since `at`."""
    if connection.execute(sa.select(_c.staging).where(_c.id == row.id)).scalar() != at:
        raise WrongState(BESIDE)


def let_others_write() -> None:
    """SQLite hands its one write lock to whoever asks first: leave a gap, so that a waiting sender gets it."""
    time.sleep(0.002)


def _taken(connection: Connection, row: Record, at: int) -> Record:
    same = sa.and_(_c.id == row.id, _c.staging == row.staging, _c.generations == row.generations)
    if connection.execute(sa.update(c.cycles).where(same).values(staging=at)).rowcount != 1:
        raise WrongState(BESIDE)
    return cycles.get(connection, cycles.address_of(row))


def _forget(store: Store, row: Record, at: int) -> None:
    staged = sa.and_(_i.cycle == row.id, _i.generation > row.generations)
    while True:
        with store.write() as connection:
            still_ours(connection, row, at)
            some = sa.select(_i.generation, _i.n, _i.entitlement).where(staged).limit(PAGE)
            rows = list(connection.execute(some))
            if not rows:
                return
            for generation in sorted({each.generation for each in rows}):
                ns = [each.n for each in rows if each.generation == generation]
                one = sa.and_(_i.cycle == row.id, _i.generation == generation, _i.n.in_(ns))
                connection.execute(sa.delete(c.invoices).where(one))
            # What it would have replaced stands again.
            again = sa.and_(_i.cycle == row.id, _i.until > row.generations)
            again = sa.and_(again, _i.entitlement.in_([each.entitlement for each in rows]))
            connection.execute(sa.update(c.invoices).where(again).values(until=0))
        let_others_write()
