"""A campaign: stores that are killed a few times each and then live to their end, and what came of it.

Many stores go at once, because a life mostly waits. All pay over one provider in chaos, whose ledger is the judge.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from ...model.accounts import Account
from ...model.money import Money
from ...model.payment import Invoice
from ...paymaster import Paymaster
from .lives import KILLED, At, Lives
from .places import Place, unanswered
from .server import Dummy

# Where a sender can be killed in a run: between a decision, its commit, its bytes, their answer, and what follows it.
POINTS = (
    "claimed", "before-commit", "after-commit", "after-mark", "before-ask", "after-ask", "before-find_out",
    "after-find_out", "written-intent", "written-copy", "written-answer", "written-word", "written-outcome",
    "written-hold",
)  # fmt: skip
VISITS = dict.fromkeys(POINTS, (1, 2, 4)) | dict.fromkeys(
    ("claimed", "written-copy", "written-answer", "written-hold"), (1, 2, 3)
)
AT_RANDOM = "at random"
LONGEST_RANDOM = 1.5
# Doubts are cleared sooner than is wise: more can go wrong.
CHANNEL: Mapping[str, Any] = {
    "gateway": "dummy_server", "max_concurrency": 4, "timeout": 0.7, "patience": 2, "settle": 0.1,
    "ask_after": 0.1, "ask_at_most": 0.5,
}  # fmt: skip
# What every payroll asks for beside chaos, so that each point is met three times.
ASKED_FOR = ("429", "429", "503", "pending-for-ever", "pending-for-ever", "pending-for-ever")
PLAIN = 8
KILLS_PER_STORE = 4
AT_ONCE = 10
TRIES = 6
# Seconds, where several senders share a store: what one leaves behind is taken over soon.
SHARED_LEASE = 8.0


@attrs.frozen
class Kill:
    """When to kill: at a visit of a point, or so many seconds after the start."""

    point: str
    visit: int = 0
    after: float = 0.0

    @property
    def order(self) -> dict[str, Any]:
        """As `Lives` takes it."""
        at: At = (self.point, self.visit)
        return {"kill_at": at} if self.visit else {"kill_after": self.after}


EXHAUSTIVE = tuple(Kill(point, visit) for point in POINTS for visit in VISITS[point])


def plan(count: int, seed: int, share_at_random: float = 0.4) -> list[Kill]:
    """So many kills: every point and visit first, then, in this share, moments at random."""
    chance = random.Random(seed)
    again = itertools.cycle(EXHAUSTIVE)
    kills = [
        Kill(AT_RANDOM, after=chance.uniform(0.05, LONGEST_RANDOM))
        if number >= len(EXHAUSTIVE) and chance.random() < share_at_random
        else next(again)
        for number in range(count)
    ]
    chance.shuffle(kills)
    return kills


@attrs.define
class Victim:
    """One store and its payroll: where it was killed, and how many unanswered money intents each kill left."""

    config: Mapping[str, Any]
    payroll: str
    killed: list[tuple[Kill, int]] = attrs.field(factory=list)
    exit: int | None = None

    @classmethod
    def make(cls, number: int, seed: int, server: Dummy, place: Place, marks: Path) -> Victim:
        """A new store with an approved payroll. Entitlements must not meet in the ledger that all stores share."""
        name = f"{seed}-{number}"
        profile = "no-dedupe" if server.no_dedupe else ""
        config = {
            "deployment": f"kills-{name}", "environment": "test", "store": place.store(name), "mark_dir": str(marks),
            "channels": {"dummy": {**CHANNEL, "base_url": server.url, "profile": profile}},
        }  # fmt: skip
        with Paymaster.open(config, create=True) as paymaster:
            payroll = paymaster.propose("payroll", invoices(name), channel="dummy", by="amina")
            paymaster.approve(payroll, by="joseph")
        return cls(config, payroll)


def invoices(name: str) -> list[Invoice]:
    """The lines of a victim's payroll: plain ones, and one for each fault that is asked for."""
    accounts = [*(f"w-{n}" for n in range(PLAIN)), *(f"fault-{fault}.{n}" for n, fault in enumerate(ASKED_FOR))]
    return [
        Invoice(
            id=f"inv-{name}-{n}", beneficiary=f"ben-{n}", name=f"Name {n}", account=Account("wallet", account),
            amount=Money(50_000 + n, "UGX"), programme="child-grant", cycle=name,
        )
        for n, account in enumerate(accounts)
    ]  # fmt: skip


def let_live(
    kills: Iterable[Kill], seed: int, server: Dummy, place: Place, marks: Path, senders: int = 1
) -> Sequence[Victim]:
    """Carry out the kills. What a life ended too early for is tried anew on another store, `TRIES` times at most.

    `senders`: so many at once on each store, each with a kill of its own; then one alone to the end.
    """
    todo, tries, lock = list(kills), dict[Kill, int](), threading.Lock()
    victims: list[Victim] = []
    numbers = itertools.count(1)
    lease = SHARED_LEASE if senders > 1 else None

    def next_kill(victim: Victim) -> Kill | None:
        with lock:
            return todo.pop() if todo and len(victim.killed) < KILLS_PER_STORE else None

    def missed(kill: Kill) -> None:
        with lock:
            tries[kill] = tries.get(kill, 0) + 1
            if tries[kill] < TRIES:
                todo.insert(0, kill if kill.visit else attrs.evolve(kill, after=kill.after / 2))

    def one_life(victim: Victim, lives: Lives) -> int:
        kill = next_kill(victim)
        life = lives.begin(victim.config, victim.payroll, lease=lease, **(kill.order if kill else {}))
        exit_ = life.end()
        if kill and exit_ == KILLED:
            its = life.pid if senders > 1 else None
            victim.killed.append((kill, unanswered(victim.config["store"], victim.payroll, its)))
        elif kill:
            missed(kill)
        return exit_

    def lead(victim: Victim, lives: Lives) -> None:
        while victim.exit is None:
            with ThreadPoolExecutor(senders) as pool:
                ended = list(pool.map(lambda _: one_life(victim, lives), range(senders)))
            if KILLED not in ended:
                victim.exit = ended[0] if senders == 1 else lives.live(victim.config, victim.payroll)

    def one_after_another(lives: Lives) -> None:
        while True:
            with lock:
                if not todo:
                    return
                number = next(numbers)
            victim = Victim.make(number, seed, server, place, marks)
            victims.append(victim)
            lead(victim, lives)

    with Lives() as lives, ThreadPoolExecutor(AT_ONCE // senders) as pool:
        for done in [pool.submit(one_after_another, lives) for _ in range(AT_ONCE // senders)]:
            done.result()
    return victims
