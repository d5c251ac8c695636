"""A sender is stopped (SIGSTOP, a frozen machine) for longer than its lease, another takes over, and it goes on later.

It writes nothing more, and nothing leaves it but what had passed its last look at the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_core.testing.kill import UNFINISHED, Dummy, Lives, Victim, judge
from gateway_core.testing.kill.lives import At
from gateway_core.testing.postgresql import connected

# Around the intent, the send, the answer, a question, and what follows from them.
STOPS: tuple[At, ...] = (
    ("claimed", 1), ("before-commit", 2), ("after-commit", 2), ("after-mark", 2), ("before-ask", 2), ("after-ask", 2),
    ("written-outcome", 1), ("before-find_out", 1), ("after-find_out", 1),
)  # fmt: skip
# Copies that may leave a sender that goes on.
ON_THEIR_WAY = {"before-ask": 1}
LEASE = 2.0
MakeVictim = Callable[..., Victim]


@pytest.fixture(params=[False, True], ids=["dedupe", "no-dedupe"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dummy]:
    server = Dummy(tmp_path / "ledger.db", chaos=11, no_dedupe=request.param, rate=0.3)
    yield server
    server.stop()


def facts(victim: Victim) -> int:
    with connected(victim.config["store"]) as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM facts WHERE payment <> ''").scalar() or 0)


def copies(victim: Victim, server: Dummy) -> int:
    with connected(victim.config["store"]) as connection:
        ours = list(connection.exec_driver_sql("SELECT id FROM payments").scalars())
    received = server.copies()
    return sum(received.get(name, 0) for name in ours)


@pytest.mark.deep
def test_another_goes_on_and_the_stopped_one_is_fenced(server: Dummy, lives: Lives, make_victim: MakeVictim) -> None:
    def one(at: At) -> None:
        victim = make_victim(server, max_concurrency=1)
        stopped = lives.begin(victim.config, victim.payroll, stop_at=at, lease=LEASE)
        stopped.stopped()
        victim.exit = UNFINISHED
        while victim.exit == UNFINISHED:
            victim.exit = lives.live(victim.config, victim.payroll, lease=LEASE)
        well(victim, server)
        written, sent = facts(victim), copies(victim, server)
        stopped.go_on()
        stopped.end()
        assert facts(victim) == written, f"{at}: a sender without a lease wrote"
        assert copies(victim, server) - sent <= ON_THEIR_WAY.get(at[0], 0), at
        well(victim, server)

    with ThreadPoolExecutor(len(STOPS)) as pool:
        for done in [pool.submit(one, at) for at in STOPS]:
            done.result()


def well(victim: Victim, server: Dummy) -> None:
    said = judge([victim], server)
    assert (said.twice, said.missing, said.differing) == ([], [], [])
    assert said.states["paid"] > 0
