"""What came of a campaign: the provider's ledger held against every journal, and a histogram of what kills left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import attrs

from ...model.money import amount_text
from ...paymaster import Paymaster
from .campaign import Victim
from .lives import UNFINISHED
from .server import Dummy, Moved

NOTHING = Moved(0, 0, 0)
# How often money may be away at the end. A held payment is one of which nobody knows.
AWAY = {"paid": {1}, "refused": {0}, "returned": {0}, "held": {0, 1}}


@attrs.define
class Judgement:
    """Findings, each a sentence; all lists are empty where the promise holds. `states` counts payments."""

    twice: list[str] = attrs.field(factory=list)
    missing: list[str] = attrs.field(factory=list)
    differing: list[str] = attrs.field(factory=list)
    states: Counter[str] = attrs.field(factory=Counter)

    @property
    def holds(self) -> bool:
        """Nobody was paid twice or lost, and every journal agrees with the ledger."""
        return not (self.twice or self.missing or self.differing)


def judge(victims: Iterable[Victim], server: Dummy) -> Judgement:
    """Hold every journal against the ledger, entitlement by entitlement and payment by payment."""
    said = Judgement()
    said.twice = [f"{name}: {times} times" for name, times in server.moved_by_entitlement().items() if times > 1]
    ledger = server.payments()
    for victim in victims:
        _judge_one(victim, ledger, said)
    return said


def _judge_one(victim: Victim, ledger: dict[str, Moved], said: Judgement) -> None:
    where = victim.config["deployment"]
    if victim.exit not in (0, None):
        said.missing.append(f"{where}: " + ("not finished" if victim.exit == UNFINISHED else f"exit {victim.exit}"))
    with Paymaster.open(victim.config) as paymaster:
        views = paymaster.payments(victim.payroll)
        (status,) = paymaster.status(victim.payroll)
        if status.state in ("approved", "ongoing"):
            said.missing.append(f"{where}: nothing is open, and the payroll is left {status.state}")
        if len(views) != status.lines:
            said.missing.append(f"{where}: {len(views)} payments of {status.lines} lines")
        for view in views:
            said.states[view.state] += 1
            moved = ledger.get(view.id, NOTHING)
            expected = view.amount if moved.net else amount_text(0, view.currency)
            if view.state not in AWAY:
                said.missing.append(f"{where}: {view.id} is left {view.state}")
            elif moved.net not in AWAY[view.state] or amount_text(moved.minor, view.currency) != expected:
                said.differing.append(f"{where}: {view.id} is {view.state} ({view.reason}), the ledger says {moved}")
        said.differing += [f"{where}: {finding}" for finding in paymaster.verify().findings]


def histogram(victims: Sequence[Victim]) -> str:
    """How many unanswered money intents the kills left, per point: a table of how often each number was found."""
    found: dict[str, Counter[int]] = {}
    for victim in victims:
        for kill, count in victim.killed:
            found.setdefault(kill.point, Counter())[count] += 1
    whole = sum(found.values(), Counter())
    numbers = range(max(whole, default=0) + 1)
    head = f"{'killed':<16}{'kills':>6}   unanswered money intents found: " + "".join(f"{n:>4}" for n in numbers)
    lines = [head]
    for point, counts in [*sorted(found.items()), ("all", whole)]:
        row = "".join(f"{counts[n] or '.':>4}" for n in numbers)
        lines.append(f"{point:<16}{counts.total():>6}{'':>36}{row}")
    return "\n".join(lines)


def found_some(victims: Iterable[Victim]) -> int:
    """How many kills left one or more unanswered money intents."""
    return sum(count > 0 for victim in victims for _, count in victim.killed)
