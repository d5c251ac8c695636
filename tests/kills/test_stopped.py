"""A sender is stopped (SIGSTOP, a frozen machine) around intent, send and answer, and goes on later.

On SQLite it keeps its lock: nobody else sends meanwhile. If its lease ran out, it writes nothing more and sends nothing
that was not on its way, and the next sender asks.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway_core.model.errors import SenderBusy, StoreError
from gateway_core.paymaster import Paymaster
from gateway_core.store import turnstile
from gateway_core.testing.kill import UNFINISHED, Dummy, Lives, Victim, judge
from gateway_core.testing.kill.lives import At

# Around the intent, the send, the answer, a question, and what follows from them.
STOPS: tuple[At, ...] = (
    ("before-commit", 2), ("after-commit", 2), ("after-mark", 2), ("before-ask", 2), ("after-ask", 2),
    ("written-outcome", 1), ("before-find_out", 1), ("after-find_out", 1),
)  # fmt: skip
# What may leave after a stop that outlasted the lease: only what had passed its last look at the clock.
ON_ITS_WAY = {"before-ask": 1}
LEASE = 3.0
MakeVictim = Callable[..., Victim]


@pytest.fixture(scope="module", params=[False, True], ids=["dedupe", "no-dedupe"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dummy]:
    server = Dummy(tmp_path_factory.mktemp("stopped") / "ledger.db", chaos=11, no_dedupe=request.param, rate=0.3)
    yield server
    server.stop()


def at_each_stop(test: Callable[[At], None]) -> None:
    """Mostly waiting: all at the same time."""
    with ThreadPoolExecutor(len(STOPS)) as pool:
        for done in [pool.submit(test, at) for at in STOPS]:
            done.result()


@pytest.mark.few(1)
def test_nothing_is_doubled_by_a_sender_that_stood_still(
    server: Dummy, lives: Lives, make_victim: MakeVictim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "PATIENCE", 3.0)

    def one(at: At) -> None:
        victim = make_victim(server)
        life = lives.begin(victim.config, victim.payroll, stop_at=at)
        _nobody_else_sends(victim, life.stopped())
        life.go_on()
        victim.exit = life.end()
        _all_is_well(victim, server)

    at_each_stop(one)


@pytest.mark.deep
def test_a_sender_that_stood_still_for_longer_than_its_lease_is_fenced(
    server: Dummy, lives: Lives, make_victim: MakeVictim
) -> None:
    def one(at: At) -> None:
        victim = make_victim(server, max_concurrency=1)
        life = lives.begin(victim.config, victim.payroll, stop_at=at, lease=LEASE)
        life.stopped()
        time.sleep(LEASE * 1.1)
        facts, copies = _facts(victim), _copies(victim, server)
        life.go_on()
        assert life.end() == UNFINISHED
        assert _facts(victim) == facts, f"{at}: a sender without a lease wrote"
        assert _copies(victim, server) - copies == ON_ITS_WAY.get(at[0], 0), at
        victim.exit = lives.live(victim.config, victim.payroll)
        _all_is_well(victim, server)

    at_each_stop(one)


def _nobody_else_sends(victim: Victim, stopped: int) -> None:
    """Another process may open the store, look and write, unless it was stopped in the midst of a transaction."""
    try:
        with Paymaster.open(victim.config) as other:
            with pytest.raises(SenderBusy, match=f"process {stopped} is sending from this store"):
                other.run(victim.payroll)
            other.pause(victim.payroll, by="joseph", reason="is it alive?")
            other.resume(victim.payroll, by="joseph")
    except StoreError as error:
        if "is it stopped? Nothing was written" not in str(error):
            raise


def _facts(victim: Victim) -> int:
    """How many facts of payments there are; read past all locks of the framework."""
    db = sqlite3.connect(victim.config["store"].removeprefix("sqlite:///"))
    try:
        return int(db.execute("SELECT count(*) FROM facts WHERE payment <> ''").fetchone()[0])
    finally:
        db.close()


def _copies(victim: Victim, server: Dummy) -> int:
    with sqlite3.connect(victim.config["store"].removeprefix("sqlite:///")) as db:
        ours = [name for (name,) in db.execute("SELECT id FROM payments")]
    db.close()
    copies = server.copies()
    return sum(copies.get(name, 0) for name in ours)


def _all_is_well(victim: Victim, server: Dummy) -> None:
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    assert said.states["paid"] > 0
