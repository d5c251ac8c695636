"""An older state of the server takes its place: a snapshot of its disk, or a standby that had not heard of everything.

Nothing is sent before two people said so, and then everything is asked about first.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway_core import paymaster as house
from gateway_core.engine.driver import Driver
from gateway_core.model.errors import RestoredStore
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import Dummy, Victim, judge
from gateway_core.testing.postgresql import Cluster, Missing, Schemas

NUMBERS = itertools.count(1)
# A question to each of them before anything is sent.
WAIT = 20.0


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One per test: its disk is exchanged."""
    try:
        made = Cluster().start()
    except Missing as error:
        pytest.skip(f"no server of its own can be started: {error}")
    yield made
    made.remove()


@pytest.fixture(params=[False, True], ids=["dedupe", "no-dedupe"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dummy]:
    server = Dummy(tmp_path / "ledger.db", no_dedupe=request.param)
    yield server
    server.stop()


@pytest.fixture
def make(cluster: Cluster, server: Dummy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Victim]:
    monkeypatch.setattr(house, "Driver", partial(Driver, lease=1_500_000))
    place = Schemas(cluster.url, "victims")
    return lambda: Victim.make(next(NUMBERS), 2000 + os.getpid(), server, place, tmp_path / "marks")


def keep(cluster: Cluster) -> Path:
    """The disk as it is now: a snapshot, or what a standby had by then."""
    cluster.stop()
    kept = cluster.folder / "kept"
    subprocess.run(["cp", "-a", cluster.folder / "data", kept], check=True)
    cluster.start()
    return kept


def put_back(cluster: Cluster, kept: Path, *, promoted: bool) -> None:
    cluster.stop("immediate")
    shutil.rmtree(cluster.folder / "data")
    kept.rename(cluster.folder / "data")
    if promoted:
        # Its owner is who may read it.
        subprocess.run(["cp", "-a", cluster.folder / "data" / "PG_VERSION", cluster.folder / "data" / "standby.signal"])
    cluster.start()
    if promoted:
        cluster.promote()


def run(victim: Victim) -> None:
    with Paymaster.open(victim.config) as paymaster:
        paymaster.run(victim.payroll, wait=WAIT)


def well(victim: Victim, server: Dummy) -> None:
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])


@pytest.mark.deep
@pytest.mark.parametrize("promoted", [False, True], ids=["snapshot", "standby"])
def test_what_was_sent_and_forgotten_is_asked_about_first(
    promoted: bool, cluster: Cluster, make: Callable[[], Victim], server: Dummy
) -> None:
    victim = make()
    kept = keep(cluster)
    run(victim)
    moved = server.moved()
    put_back(cluster, kept, promoted=promoted)
    with pytest.raises(RestoredStore, match="gateway restored"):
        run(victim)
    with Paymaster.open(victim.config) as paymaster:
        paymaster.restored(by="amina", second="joseph")
    run(victim)
    assert server.moved() == moved, "nothing more has moved"
    well(victim, server)


@pytest.mark.parametrize("server", [False], ids=["dedupe"], indirect=True)
def test_a_failover_may_have_lost_what_another_sender_sent(cluster: Cluster, make: Callable[[], Victim]) -> None:
    """All that this machine's senders wrote is there; of another's nobody here knows."""
    victim = make()
    with Paymaster.open(victim.config) as paymaster:
        paymaster.run(victim.payroll, wait=0)
        put_back(cluster, keep(cluster), promoted=True)
        with pytest.raises(RestoredStore, match="replaced while the store was open"):
            paymaster.pause(victim.payroll, by="joseph", reason="a look first")
        with pytest.raises(RestoredStore, match="replaced while the store was open"):
            paymaster.run(victim.payroll)
    with pytest.raises(RestoredStore, match="lies on another server than when it was last sent from"):
        run(victim)


@pytest.mark.parametrize("server", [False], ids=["dedupe"], indirect=True)
def test_a_restart_is_no_failover(cluster: Cluster, make: Callable[[], Victim], server: Dummy) -> None:
    victim = make()
    with Paymaster.open(victim.config) as paymaster:
        paymaster.run(victim.payroll, wait=0)
        for mode in ("fast", "immediate"):
            cluster.stop(mode)
            cluster.start()
            paymaster.pause(victim.payroll, by="joseph", reason="a look first")
            paymaster.resume(victim.payroll, by="joseph")
        paymaster.run(victim.payroll, wait=WAIT)
    run(victim)
    well(victim, server)


@pytest.mark.parametrize("server", [False], ids=["dedupe"], indirect=True)
def test_a_snapshot_under_an_open_store_is_noticed(cluster: Cluster, make: Callable[[], Victim]) -> None:
    """The same server in the same life, as far as it knows; but what this session wrote is not there."""
    victim = make()
    kept = keep(cluster)
    with Paymaster.open(victim.config) as paymaster:
        paymaster.run(victim.payroll, wait=0)
        put_back(cluster, kept, promoted=False)
        with pytest.raises(RestoredStore, match="has lost commits"):
            paymaster.pause(victim.payroll, by="joseph", reason="a look first")
        with pytest.raises(RestoredStore):
            paymaster.run(victim.payroll)
    with pytest.raises(RestoredStore, match="is older than what was sent from it"):
        run(victim)
