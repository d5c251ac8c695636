"""Many schedules of the field: never twice without a case, never lost, never refused with the money in hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway_core.cash import sealing
from gateway_core.engine.batch import judging, matching
from gateway_core.model import proof
from gateway_core.model.life import fold
from gateway_core.store import cash_tables, proofs

from .world import STEPS, World

if TYPE_CHECKING:
    from gateway_core.model.facts import Fact
    from gateway_core.model.life import Life, Step

    from .conftest import Till


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.deep) for seed in range(2, 5))])
def test_a_schedule_of_the_field(open_till: Callable[..., Till], seed: int) -> None:
    run(open_till(), seed)


@pytest.mark.deep
def test_more_schedules_and_they_reach_what_they_are_for(open_till: Callable[..., Till]) -> None:
    deeds = Counter[str]()
    for seed in range(100, 124):
        deeds.update(run(open_till(), seed))
    wanted = {
        "pay", "sync", "again", "check", "days", "seal", "refused seal", "lose", "retry", "twice", "killed",
        "comes twice", "comes out of order", "comes late", "comes after sealing", "a lost list pays",
    }  # fmt: skip
    assert wanted <= set(deeds), deeds


Plant = Callable[[pytest.MonkeyPatch], None]


def sealed_without_counting(m: pytest.MonkeyPatch) -> None:
    """A list is sealed whatever its cash says."""
    m.setattr(sealing, "_may", lambda *given: None)


def deaf(m: pytest.MonkeyPatch) -> None:
    """A record leaves no trace in its payment."""
    m.setattr(proof, "heard", lambda *given: None)


def late_is_too_late(m: pytest.MonkeyPatch) -> None:
    """A proof that comes after the list's last day is left lying."""
    known = judging.stated

    def stated(said: Any, ours: Any, *rest: Any) -> Fact | None:
        return None if fold(ours.facts).state == "unknown" else known(said, ours, *rest)

    m.setattr(matching, "stated", stated)


def twice_is_two(m: pytest.MonkeyPatch) -> None:
    """A record that comes again counts as another one."""
    real, known = proof.heard, judging.stated
    m.setattr(matching, "stated", lambda said, ours, *rest: known(said, attrs.evolve(ours, facts=[]), *rest))

    def heard(life: Life, step: Step | None, fact: Fact) -> None:
        if step is not None and fact.body.get("proof") and fact.key in step.proofs:
            life.cases.append((proof.DOUBLE, fact.attempt))
        real(life, step, fact)

    m.setattr(proof, "heard", heard)


def in_order_only(m: pytest.MonkeyPatch) -> None:
    """A record with a lower number than the device's newest is taken for an old one."""
    real = proofs.keep

    def keep(connection: Connection, rows: list[dict[str, Any]], keys: dict[str, str]) -> None:
        numbers = sa.select(sa.func.max(cash_tables.proofs.c.number)).where(
            cash_tables.proofs.c.device == rows[0]["device"]
        )
        newest = connection.execute(numbers).scalar() or 0
        real(connection, [row for row in rows if row["number"] > newest], keys)

    m.setattr(proofs, "keep", keep)


def sealed_is_over(m: pytest.MonkeyPatch) -> None:
    """What comes after a line was refused opens no case."""
    m.setattr(proof, "UNPAID", frozenset())


def lost_is_gone(m: pytest.MonkeyPatch) -> None:
    """What comes of a list instead of which another one was issued is not heard."""
    real = proof.heard
    m.setattr(proof, "heard", lambda life, step, fact: None if step is None else real(life, step, fact))


PLANTS = (
    sealed_without_counting, deaf, late_is_too_late, twice_is_two, in_order_only, sealed_is_over, lost_is_gone,
)  # fmt: skip


@pytest.mark.deep
@pytest.mark.parametrize("plant", PLANTS)
def test_the_oracle_catches(open_till: Callable[..., Till], monkeypatch: pytest.MonkeyPatch, plant: Plant) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(60):  # always the same stories: each plant is caught by one of them
            run(open_till(), seed)


def run(till: Till, seed: int) -> Counter[str]:
    world = World(till, random.Random(seed))
    world.begin()
    with world.mortal():
        for _ in range(STEPS):
            world.step()
    world.end()
    world.done["twice"] += sum(times > 1 for times in world.handed.values())
    return +world.done
