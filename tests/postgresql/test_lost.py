"""The connection is lost, or the server: before a COMMIT nothing was written, at a COMMIT nobody knows; it goes on."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from gateway_core import paymaster as house
from gateway_core.engine.driver import Driver
from gateway_core.model.errors import StoreError, StoreUncertain
from gateway_core.paymaster import Paymaster
from gateway_core.store import tables as t
from gateway_core.store.opening import close_store, open_store
from gateway_core.testing.kill import UNFINISHED, Dummy, Lives, Victim, judge
from gateway_core.testing.postgresql import Cluster, Schemas

from .proxy import CUTS, Proxy

LEASE = 1_500_000
NUMBERS = itertools.count(1)
Make = Callable[..., Victim]


@pytest.fixture(autouse=True)
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "Driver", partial(Driver, lease=LEASE))


@pytest.fixture(scope="module")
def fragile(cluster: Cluster) -> Schemas:
    """Stores on a server that is killed; they go with it."""
    return Schemas(cluster.url, "fragile")


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    proxy = Proxy(cluster.folder)
    yield proxy
    proxy.close()


class Through:
    """Stores that are reached over the proxy."""

    def __init__(self, place: Schemas, proxy: Proxy) -> None:
        self._place, self._port = place, proxy.port

    def store(self, name: str) -> str:
        url = make_url(self._place.store(name)).difference_update_query(["host"])
        return url.set(host="127.0.0.1", port=self._port).render_as_string(hide_password=False)

    def remove(self) -> None:
        """They go with the server."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Dummy]:
    server = Dummy(tmp_path / "ledger.db", chaos=3, rate=0.2)
    yield server
    server.stop()


@pytest.fixture
def make(server: Dummy, tmp_path: Path) -> Make:
    return lambda place: Victim.make(next(NUMBERS), 1000 + os.getpid(), server, place, tmp_path / "marks")


def well(victim: Victim, server: Dummy) -> None:
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    assert said.states["paid"] > 0


def to_the_end(victim: Victim) -> None:
    """A fresh Paymaster goes on, once the lease of the last one has run out."""
    for _ in range(5):
        with Paymaster.open(victim.config) as paymaster:
            if not paymaster.run(victim.payroll, wait=30).waiting:
                victim.exit = 0
                return


@pytest.mark.few(1)
@pytest.mark.parametrize("nth", [2, 4, 7])
@pytest.mark.parametrize("where", CUTS)
def test_a_connection_that_is_lost(
    where: str, nth: int, fragile: Schemas, proxy: Proxy, make: Make, server: Dummy
) -> None:
    victim = make(Through(fragile, proxy))
    with Paymaster.open(victim.config) as paymaster:
        proxy.cut(where, nth)
        with pytest.raises(StoreError) as caught:
            paymaster.run(victim.payroll, wait=30)
        assert proxy.was_cut.is_set()
        # Of a COMMIT nobody knows; before it, nothing was written, and the store is as good as before.
        assert isinstance(caught.value, StoreUncertain) is (where != CUTS[2])
        if where == CUTS[2]:
            assert paymaster.status(victim.payroll)
        else:
            with pytest.raises(StoreUncertain, match="reopen"):
                paymaster.status(victim.payroll)
    to_the_end(victim)
    well(victim, server)


@pytest.mark.parametrize("where", CUTS)
def test_what_is_in_the_store_after_a_cut(where: str, fragile: Schemas, proxy: Proxy) -> None:
    """A COMMIT that raised may be on disk or not: here it is known which."""
    url = Through(fragile, proxy).store(f"cut-{where}")
    store = open_store(url, "example", "test", create=True)
    proxy.cut(where, 1)
    with pytest.raises(StoreError), store.write() as connection:
        connection.execute(sa.insert(t.stops).values(channel="here"))
    close_store(store)
    again = open_store(url, "example", "test")
    with again.read() as connection:
        there = connection.execute(sa.select(t.stops.c.channel)).scalar() == "here"
    close_store(again)
    assert there is (where == CUTS[1])


def paid(paymaster: Paymaster, payroll: str) -> int:
    return paymaster.status(payroll)[0].counts.get("paid", 0)


@pytest.mark.deep
def test_the_server_is_killed_in_the_middle_of_a_run(
    cluster: Cluster, fragile: Schemas, make: Make, server: Dummy
) -> None:
    victim = make(fragile)
    said: list[BaseException] = []

    def send(paymaster: Paymaster) -> None:
        try:
            paymaster.run(victim.payroll, wait=30)
        except BaseException as error:
            said.append(error)

    with Paymaster.open(victim.config) as watching, Paymaster.open(victim.config) as paymaster:
        thread = threading.Thread(target=send, args=(paymaster,))
        thread.start()
        while not paid(watching, victim.payroll):
            time.sleep(0.01)
        cluster.stop("immediate")
        thread.join()
        cluster.start()
        assert isinstance(said[0], StoreError)
        # Who only looked has connections that are dead by now, and does not notice.
        assert paid(watching, victim.payroll)
        watching.pause(victim.payroll, by="joseph", reason="a look first")
        watching.resume(victim.payroll, by="joseph")
    to_the_end(victim)
    well(victim, server)


@pytest.mark.deep
def test_the_server_is_killed_again_and_again_under_two_senders(
    cluster: Cluster, fragile: Schemas, make: Make, server: Dummy
) -> None:
    victim = make(fragile)
    with Lives() as lives:
        for moment in (0.8, 1.1, 1.5):
            both = [lives.begin(victim.config, victim.payroll, lease=LEASE / 1e6) for _ in range(2)]
            time.sleep(moment)
            cluster.stop("immediate")
            cluster.start()
            assert {life.end() for life in both} <= {0, 1, UNFINISHED}
    to_the_end(victim)
    well(victim, server)


def test_a_server_that_is_gone_is_a_plain_error(cluster: Cluster, fragile: Schemas, make: Make) -> None:
    victim = make(fragile)
    with Paymaster.open(victim.config) as paymaster:
        cluster.stop()
        try:
            attempts: list[Callable[[], Any]] = [
                lambda: paymaster.run(victim.payroll), lambda: paymaster.status(victim.payroll),
                lambda: paymaster.pause(victim.payroll, by="joseph", reason="x"), lambda: Paymaster.open(victim.config),
            ]  # fmt: skip
            for attempt in attempts:
                with pytest.raises(StoreError) as caught:
                    attempt()
                assert not isinstance(caught.value, StoreUncertain)
        finally:
            cluster.start()
        assert paymaster.status(victim.payroll)
