"""The least that a durable sender can do: the bare loop, with a row on disk before each request and one after it.

No chain, no lease, no fencing, no replay, no evidence: what a careful script would do in SQLite, in group commits from
one writer thread. What it takes above the bare loop is the price of durability in this language; what we take above it
is the price of the rest.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE steps (payment INTEGER, kind TEXT, body BLOB, PRIMARY KEY (payment, kind)) WITHOUT ROWID;
CREATE TABLE payments (id INTEGER PRIMARY KEY, state TEXT);
"""
INTENT = "INSERT INTO steps VALUES (?, 'intent', ?)"
ANSWER = "INSERT INTO steps VALUES (?, 'answer', ?)"
STATE = "INSERT INTO payments VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state"
Row = tuple[str, tuple[object, ...]]


class Journal:
    """Rows committed together by one thread; whoever brought them waits until they are on disk."""

    def __init__(self, file: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._file, self._loop = file, loop
        self._queue: queue.SimpleQueue[tuple[list[Row], asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    async def keep(self, *rows: Row) -> None:
        """Return when they are on disk."""
        kept = self._loop.create_future()
        self._queue.put((list(rows), kept))
        await kept

    def close(self) -> None:
        """End the thread."""
        self._queue.put(None)
        self._thread.join()

    def _write(self) -> None:
        connection = sqlite3.connect(self._file, isolation_level=None)
        connection.executescript(TABLES)
        while (first := self._queue.get()) is not None:
            group = [first]
            while not self._queue.empty() and (more := self._queue.get()) is not None:
                group.append(more)
            connection.execute("BEGIN IMMEDIATE")
            for rows, _ in group:
                for statement, values in rows:
                    connection.execute(statement, values)
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_done, [kept for _, kept in group])
        connection.close()


def _done(kept: list[asyncio.Future[None]]) -> None:
    for one in kept:
        one.set_result(None)


async def pay(journal: Journal, number: int, body: bytes, send: Callable[[], Awaitable[bytes]]) -> None:
    """One payment: its intent, the request, its answer."""
    await journal.keep((INTENT, (number, body)), (STATE, (number, "sending")))
    answer = await send()
    await journal.keep((ANSWER, (number, answer)), (STATE, (number, "paid")))
