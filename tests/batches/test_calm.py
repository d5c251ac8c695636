"""While a bank's file is read, the host's garbage collector is left alone, and put back as it was."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gateway_core.engine.batch.calm import OBJECTS, calm


@pytest.fixture(params=[(700, 10, 10), (2 * OBJECTS, 5, 5), (0, 10, 10)], ids=["usual", "seldom", "off"])
def host(request: pytest.FixtureRequest) -> Iterator[tuple[int, int, int]]:
    """The thresholds that the host has chosen."""
    before = gc.get_threshold()
    gc.set_threshold(*request.param)
    yield request.param
    gc.set_threshold(*before)


def test_the_hosts_own_thresholds_come_back(host: tuple[int, int, int]) -> None:
    with calm():
        with calm():
            inside = gc.get_threshold()[0]
        assert gc.get_threshold()[0] == inside, "the other one still reads"
    assert gc.get_threshold() == host
    assert inside == (max(OBJECTS, host[0]) if host[0] else 0), "off stays off, and seldom becomes no more often"


def test_they_come_back_when_reading_fails(host: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="no file of a bank"), calm():
        raise ValueError("no file of a bank")
    assert gc.get_threshold() == host
