"""The one clock port of the store: leases and the times of facts are read here, so that a simulation can step it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def _system() -> int:
    return time.time_ns() // 1000


_read: Callable[[], int] = _system


def now_us() -> int:
    """The database's clock: on SQLite this machine's, in UTC microseconds."""
    return _read()


@contextmanager
def stepped(read: Callable[[], int]) -> Iterator[None]:
    """Read another clock inside: for simulations only."""
    global _read
    before, _read = _read, read
    try:
        yield
    finally:
        _read = before
