"""The process is really killed, again and again, at every failpoint; then one life to the end.

Whatever was lost with the process, in the server's ledger nobody is paid twice, and it agrees with our states.
"""

from __future__ import annotations

import json
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from gateway_core.model.facts import Fact
from gateway_core.model.life import fold
from gateway_core.testing.kill import KILLED, POINTS, Lives

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

SEED = 20261123
VISITS = dict.fromkeys(POINTS, (1, 2, 4)) | {"written-copy": (1, 1, 1), "claimed": (1, 1, 2)}
PLAN = [(point, visit) for point, visits in VISITS.items() for visit in visits]
KILLS_PER_STORE = 4
PAYMENTS = 12
AT_ONCE = 10
# Doubts are cleared sooner than is wise: more can go wrong.
CHANNEL = {"max_concurrency": 4, "timeout": 0.7, "patience": 2, "settle": 0.3, "ask_at_most": 0.5}
Kill = tuple[str, int]


@attrs.define
class Victim:
    """One store and payroll: where it was killed, and how many money intents each kill left without an answer."""

    shop: Shop
    payroll: str
    killed: list[Kill] = attrs.field(factory=list)
    unanswered: list[int] = attrs.field(factory=list)
    exit: int | None = None


@pytest.mark.parametrize("no_dedupe", [False, True], ids=["dedupe", "no-dedupe"])
def test_nobody_is_paid_twice_or_lost_however_often_the_process_is_killed(
    no_dedupe: bool, start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop]
) -> None:
    seed = SEED + no_dedupe
    server = start_dummy(chaos=seed, no_dedupe=no_dedupe, rate=0.5)
    kills = random.Random(seed).sample(PLAN, len(PLAN))
    victims = _let_them_live(lambda: _victim(open_shop, server.url, no_dedupe), kills)

    killed = [at for victim in victims for at in victim.killed]
    left = Counter(count for victim in victims for count in victim.unanswered)
    print(f"seed {seed}, {'no ' * no_dedupe}dedupe: {len(killed)} kills of {len(victims)} stores;")
    print(f"unanswered money intents that a kill left, and how often: {sorted(left.items())}")
    assert {victim.exit for victim in victims} == {0}
    assert Counter(killed) == Counter(PLAN)
    assert left.total() - left[0] >= 20, "most kills must fall between a money intent and its answer"

    twice = {name: times for name, times in server.moved_by_entitlement().items() if times > 1}
    assert twice == {}, "paid twice"
    moved = server.moved()
    for victim in victims:
        _agrees(victim, moved, no_dedupe)


def _victim(open_shop: Callable[..., Shop], url: str, no_dedupe: bool) -> Victim:
    shop = open_shop(url, channel=CHANNEL | ({"profile": "no-dedupe"} if no_dedupe else {}))
    # Entitlements must not meet in the server's ledger, which all stores share.
    payroll = shop.approved(shop.invoices(PAYMENTS, cycle=shop.folder.name))
    shop.paymaster.close_store()
    return Victim(shop, payroll)


def _let_them_live(make: Callable[[], Victim], kills: list[Kill]) -> list[Victim]:
    """Each store is killed a few times and then lives to its end. A point that a life did not reach is tried anew."""
    victims: list[Victim] = []
    lock = threading.Lock()

    def one(lives: Lives) -> None:
        while True:
            with lock:
                if not kills or len(victims) > 40:
                    return
                victims.append(victim := make())
            _lead(victim, lives)

    def _lead(victim: Victim, lives: Lives) -> None:
        while victim.exit is None:
            with lock:
                kill_at = kills.pop() if kills and len(victim.killed) < KILLS_PER_STORE else None
            exit_ = lives.live(victim.shop.config, victim.payroll, kill_at)
            if exit_ == KILLED and kill_at:
                victim.killed.append(kill_at)
                victim.unanswered.append(_unanswered(victim.shop.store))
                continue
            victim.exit = exit_
            if kill_at:
                with lock:
                    kills.append(kill_at)

    with Lives() as lives, ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(one, lives) for _ in range(AT_ONCE)]:
            done.result()
    return victims


def _unanswered(store: Path) -> int:
    """How many payments a killed process left with a money intent whose fate the journal does not know."""
    db = sqlite3.connect(store)
    try:
        columns = "payment, no, at, kind, value, source, attempt, step, key, body"
        rows = db.execute(f"SELECT {columns} FROM facts WHERE payment <> '' ORDER BY payment, no").fetchall()
    finally:
        db.close()
    facts: dict[str, list[Fact]] = {}
    for payment, no, at, *words, attempt, step, key, body in rows:
        kind, value, source = words
        fact = Fact(no, at, kind, value, source, attempt, step, key, json.loads(body))
        facts.setdefault(payment, []).append(fact)
    lives = [fold(its) for its in facts.values()]
    return sum(life.money is not None and not life.money.verdict and life.money.in_doubt > 0 for life in lives)


def _agrees(victim: Victim, moved: dict[str, int], no_dedupe: bool) -> None:
    paymaster = victim.shop.reopen()
    views = paymaster.payments(victim.payroll)
    assert len(views) == PAYMENTS
    for view in views:
        expected = {"paid": {1}, "refused": {0}, "returned": {0}, "held": {0, 1}}[view.state]
        assert moved.get(view.id, 0) in expected, (view.state, view.reason, paymaster.events(view.id))
        if view.state == "held" and not no_dedupe:
            assert "patience" in view.reason or "asked" in view.reason, view.reason
