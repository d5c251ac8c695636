"""A clock for scheduling that is stepped by hand, for the store and for the machine's own readings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway_core.store import clock


def us(wall: str, zone: str) -> int:
    """A moment by its offset-free wall time; `fold` is said by a second "b": "2026-10-25 02:30b"."""
    at = datetime.fromisoformat(wall.removesuffix("b")).replace(tzinfo=ZoneInfo(zone), fold=int(wall.endswith("b")))
    return int(at.timestamp()) * 1_000_000


@contextmanager
def at(moment: int) -> Iterator[None]:
    """It is this moment, and time goes on from there."""
    right = time.time_ns
    off = moment * 1000 - right()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: right() + off)
        assert clock.now_us() >= moment
        yield
