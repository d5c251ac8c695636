"""Where the stores of a campaign lie: files in a folder, or schemas beside one another on a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from ...model.facts import Fact
from ...model.life import Step, fold
from ...store import journal
from ...store import tables as t


class Place(Protocol):
    """Gives stores their addresses, and removes what was made for them."""

    def store(self, name: str) -> str:
        """The address of a store that is to be created."""

    def remove(self) -> None:
        """Remove what was made."""


class Folder:
    """SQLite files in a folder, which its owner removes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def store(self, name: str) -> str:
        return f"sqlite:///{self._folder / name}.db"

    def remove(self) -> None:
        """Nothing but files was made."""


def place_of(url: str, folder: Path) -> Place:
    """From an address: '' is `folder`, sqlite:////somewhere is a folder, anything else a server.

    On a server, whose user must be allowed that, a database is made, with a schema for each store.
    """
    if not url:
        return Folder(folder)
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return Folder(Path(parts.database or "."))
    from ..postgresql import Schemas

    return Schemas(url, f"gateway_core_kills_{os.getpid()}")


def unanswered(url: str, payroll: str, process: int | None = None) -> int:
    """How many payments of a payroll have a money intent of which the journal does not know what became of it.

    Read as it lies there, beside whoever uses it. The rail's "pending" is an answer; silence and "not found" are none.
    `process`: only those that the sender with this process number still holds.
    """
    engine = sa.create_engine(url, poolclass=NullPool)
    f = t.facts.c
    facts: dict[str, list[Fact]] = {}
    query = sa.select(t.facts).where(f.payroll == payroll, f.payment != "").order_by(f.payment, f.no)
    if process is not None:
        its = sa.select(t.senders.c.id).where(t.senders.c.process == f"pid {process}")
        query = query.where(f.payment.in_(sa.select(t.payments.c.id).where(t.payments.c.sender.in_(its))))
    with engine.connect() as connection:
        for row in connection.execute(query):
            facts.setdefault(row.payment, []).append(journal.as_fact(row))
    return sum(_open(fold(its).money) for its in facts.values())


def _open(money: Step | None) -> bool:
    return money is not None and not money.verdict and money.in_doubt > 0 and money.last != "waiting"
