"""Two senders, real processes, on one store: they share the work, and either goes on when the other dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway_core.model.errors import RestoredStore
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import KILLED, UNFINISHED, Dummy, Life, Lives, Victim, judge
from gateway_core.testing.kill.campaign import invoices
from gateway_core.testing.kill.lives import At
from gateway_core.testing.postgresql import connected

# Seconds: long enough for a loaded machine, short enough to wait for.
LEASE = 2.0
MakeVictim = Callable[..., Victim]
PROVIDERS = pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
# Around claiming, intent, send, answer and outcome.
DEATHS: tuple[At, ...] = (
    ("claimed", 1), ("before-commit", 2), ("after-commit", 2), ("after-mark", 2), ("before-ask", 3), ("after-ask", 3),
    ("written-outcome", 2), ("before-find_out", 1),
)  # fmt: skip


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dummy]:
    server = Dummy(tmp_path / "ledger.db", chaos=5, no_dedupe=getattr(request, "param", False), rate=0.3)
    yield server
    server.stop()


def all_is_well(victim: Victim, server: Dummy) -> None:
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    assert said.states["paid"] > 0


def to_the_end(life: Life, victim: Victim, lives: Lives) -> int:
    """One whose lease ran out while the machine had other things to do has ended, and leaves the rest to the next."""
    ended = life.end()
    return lives.live(victim.config, victim.payroll, lease=LEASE) if ended == UNFINISHED else ended


def ask(victim: Victim, query: str) -> list[tuple[Any, ...]]:
    with connected(victim.config["store"]) as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def renewing(victim: Victim) -> None:
    """Wait until somebody sends and has prolonged his lease."""
    until = time.monotonic() + 30
    while not ask(victim, "SELECT 1 FROM senders WHERE NOT ended AND until - started_at > 2000000"):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_senders_share_the_work(make_victim: MakeVictim, lives: Lives, tmp_path: Path) -> None:
    """Both pay, each another part; nobody is paid by both."""
    server = Dummy(tmp_path / "ledger.db")
    try:
        victim = make_victim(server)
        with Paymaster.open(victim.config) as paymaster:
            many = [line for number in range(25) for line in invoices(f"{victim.config['deployment']}-{number}")[:8]]
            payroll = paymaster.propose("many", many, channel="dummy", by="amina")
            paymaster.approve(payroll, by="joseph")
        victim.payroll = payroll
        begun = [lives.begin(victim.config, payroll, lease=LEASE) for _ in range(2)]
        victim.exit = max(to_the_end(life, victim, lives) for life in begun)
        all_is_well(victim, server)
        paid_by = ask(victim, "SELECT count(*) FROM facts WHERE kind = 'outcome' GROUP BY session")
        assert len(paid_by) == 2 and sum(count for (count,) in paid_by) == 200
        assert min(paid_by) > (20,)
    finally:
        server.stop()


@pytest.mark.deep
@pytest.mark.parametrize("server", [False, True], ids=["dedupe", "no-dedupe"], indirect=True)
def test_either_goes_on_when_the_other_dies(server: Dummy, make_victim: MakeVictim, lives: Lives) -> None:
    """One is killed at a point while the other sends, too: it waits for the lease to run out, takes over, and asks."""

    def one(at: At) -> None:
        victim = make_victim(server, max_concurrency=2)
        dies = lives.begin(victim.config, victim.payroll, kill_at=at, lease=LEASE)
        stays = lives.begin(victim.config, victim.payroll, lease=LEASE)
        died = dies.end()
        victim.exit = to_the_end(stays, victim, lives)
        if died != KILLED:
            # The other left it too little to come to that point: it ended in order.
            assert died == 0
        all_is_well(victim, server)

    with ThreadPoolExecutor(len(DEATHS)) as pool:
        for done in [pool.submit(one, at) for at in DEATHS]:
            done.result()


@pytest.mark.deep
@pytest.mark.parametrize("server", [False, True], ids=["dedupe", "no-dedupe"], indirect=True)
def test_both_die_and_a_third_goes_on(server: Dummy, make_victim: MakeVictim, lives: Lives) -> None:
    def one(at: At) -> None:
        victim = make_victim(server, max_concurrency=2)
        both = [lives.begin(victim.config, victim.payroll, kill_at=at, lease=LEASE) for _ in range(2)]
        assert {life.end() for life in both} <= {0, KILLED, UNFINISHED}
        victim.exit = lives.live(victim.config, victim.payroll, lease=LEASE)
        all_is_well(victim, server)

    with ThreadPoolExecutor(len(DEATHS)) as pool:
        for done in [pool.submit(one, at) for at in DEATHS]:
            done.result()


def test_a_new_machine_does_not_send_from_what_may_be_a_copy(
    server: Dummy, make_victim: MakeVictim, lives: Lives, tmp_path: Path
) -> None:
    """Nor beside a sender whose lease runs but is not renewed: it may be one that the copy brought along."""
    victim = make_victim(server)
    elsewhere = {**victim.config, "mark_dir": str(tmp_path / "elsewhere")}
    with Paymaster.open(elsewhere) as other:
        with pytest.raises(RestoredStore, match="is it a copy"):
            other.run(victim.payroll, wait=0)
        life = lives.begin(victim.config, victim.payroll, stop_at=("before-ask", 2), lease=LEASE)
        life.stopped()
        with pytest.raises(RestoredStore, match="is it a copy"):
            other.run(victim.payroll, wait=0)
        assert not (tmp_path / "elsewhere").exists() or not list((tmp_path / "elsewhere").glob("*.mark"))
        os.kill(life.stopped(), signal.SIGKILL)
        assert life.end() == KILLED


@pytest.mark.deep
def test_a_new_machine_joins_a_sender_that_renews_its_lease(
    make_victim: MakeVictim, lives: Lives, tmp_path: Path
) -> None:
    server = Dummy(tmp_path / "ledger.db")
    try:
        # So slow that there is time to join.
        victim = make_victim(server, max_concurrency=1, rate=2.0)
        elsewhere = {**victim.config, "mark_dir": str(tmp_path / "elsewhere")}
        life = lives.begin(victim.config, victim.payroll, lease=LEASE, wait=100.0)
        renewing(victim)
        with Paymaster.open(elsewhere) as other:
            other.run(victim.payroll, wait=None)
            assert list((tmp_path / "elsewhere").glob("*.mark"))
        victim.exit = to_the_end(life, victim, lives)
        all_is_well(victim, server)
        # From now on it has a mark of its own, and starts alone.
        with Paymaster.open(elsewhere) as other:
            other.run(victim.payroll, wait=0)
    finally:
        server.stop()


@pytest.mark.deep
def test_senders_of_one_machine_have_a_mark_each(server: Dummy, make_victim: MakeVictim, lives: Lives) -> None:
    victim = make_victim(server)
    begun = [lives.begin(victim.config, victim.payroll, stop_at=("before-ask", 1), lease=LEASE) for _ in range(2)]
    for life in begun:
        life.stopped()
    marks = list(Path(victim.config["mark_dir"]).glob("*.mark"))
    assert len(marks) == 2 and len({mark.read_text() for mark in marks}) == 2
    for life in begun:
        life.go_on()
        life.end()
    victim.exit = lives.live(victim.config, victim.payroll, lease=LEASE)
    all_is_well(victim, server)
