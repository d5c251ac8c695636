"""A PostgreSQL server, stores on it, victims that are killed or stopped, and a server of one's own that is killed.

Without a server, and without PostgreSQL's own programs to start one, these tests are skipped: the reason says which is
missing.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_core.store import Store
from gateway_core.store.opening import close_store, open_store
from gateway_core.testing.kill import Dummy, Lives, Victim
from gateway_core.testing.postgresql import Cluster, Missing, Schemas, find

NUMBERS = itertools.count(1)
DEPLOYMENT = "example"


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schemas]:
    """Where stores are made: a database of its own on the server that is there, or on one that is started."""
    started = None
    try:
        try:
            server = find()
        except Missing:
            started = Cluster().start()
            server = started.url
    except Missing as error:
        pytest.skip(f"no PostgreSQL server, and none can be started: {error}")
    made = Schemas(server, f"gateway_core_senders_{os.getpid()}")
    yield made
    made.remove()
    if started is not None:
        started.remove()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of one's own, to be killed."""
    try:
        made = Cluster().start()
    except Missing as error:
        pytest.skip(f"no server of its own can be started: {error}")
    yield made
    made.remove()


@pytest.fixture
def url(place: Schemas) -> Iterator[str]:
    """The address of a store that is to be created."""
    name = f"test-{next(NUMBERS)}"
    yield place.store(name)
    place.give_back(name)


@pytest.fixture
def open_one(url: str) -> Iterator[Callable[[], Store]]:
    """open_one(): the same store, as one more process opens it."""
    opened: list[Store] = []

    def do() -> Store:
        opened.append(open_store(url, DEPLOYMENT, "test", create=not opened))
        return opened[-1]

    yield do
    for store in opened:
        close_store(store)


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    with Lives() as lives:
        yield lives


@pytest.fixture
def make_victim(place: Schemas, tmp_path: Path) -> Iterator[Callable[..., Victim]]:
    """make_victim(server, max_concurrency=1): a store with an approved payroll."""
    numbers: list[int] = []

    def make(server: Dummy, **channel: Any) -> Victim:
        numbers.append(next(NUMBERS))
        victim = Victim.make(numbers[-1], os.getpid(), server, place, tmp_path / "marks")
        victim.config["channels"]["dummy"].update(channel)
        return victim

    yield make
    for number in numbers:
        place.give_back(f"{os.getpid()}-{number}")
