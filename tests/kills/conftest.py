"""What tests of killed and stopped senders share: a warm process that lives are forked from, and victims."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_core.testing.kill import Dummy, Lives, Victim
from gateway_core.testing.kill.places import Folder

NUMBERS = itertools.count(1)
MakeVictim = Callable[..., Victim]


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    with Lives() as lives:
        yield lives


@pytest.fixture
def make_victim(tmp_path: Path) -> MakeVictim:
    """make_victim(server, max_concurrency=1): a store with an approved payroll."""

    def make(server: Dummy, **channel: Any) -> Victim:
        victim = Victim.make(next(NUMBERS), 7, server, Folder(tmp_path / "stores"), tmp_path / "marks")
        victim.config["channels"]["dummy"].update(channel)
        return victim

    return make
