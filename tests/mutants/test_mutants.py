"""The proof harness is itself proven: every planted bug dies within its budget, and the core itself lives."""

from __future__ import annotations

import pytest

from .hunting import Hunt, Mutant, Patch
from .table import MUTANTS

MASKED = [bug for bug in MUTANTS if bug.masked_by]


def name(bug: Mutant) -> str:
    return bug.name


@pytest.mark.parametrize("bug", MUTANTS, ids=name)
def test_a_planted_bug_dies(bug: Mutant) -> None:
    kill = bug.hunted()
    assert kill is not None, f"it survived {bug.hunt.budget} of {bug.hunt.technique}: {bug.bug}"
    print(f"killed after {kill.after} by {kill.says}")
    assert bug.expected(kill), f"it breaks law {bug.breaks}, but died of {kill.says}"


def grounds() -> dict[tuple[Hunt, tuple[Patch, ...]], Mutant]:
    """Every hunt once, as far as any bug is hunted on it; those of masked bugs with the layers switched off, too."""
    widest: dict[tuple[Hunt, tuple[Patch, ...]], Mutant] = {}
    for bug in MUTANTS:
        for layers in dict.fromkeys(((), bug.masked_by)):
            ground = (bug.hunt.ground, layers)
            if ground not in widest or widest[ground].hunt.budget < bug.hunt.budget:
                widest[ground] = bug
    return widest


GROUNDS = grounds()


@pytest.mark.parametrize(
    ("layers", "bug"), [(layers, bug) for (_, layers), bug in GROUNDS.items()],
    ids=[f"{bug.name}{'-its-layers-off' if layers else ''}" for (_, layers), bug in GROUNDS.items()],
)  # fmt: skip
@pytest.mark.few(8)
def test_the_core_itself_survives_the_same_hunt(layers: tuple[Patch, ...], bug: Mutant) -> None:
    """A hunt that kills whatever it meets proves nothing. A layer that is off is missed only by the bug it masks."""
    assert bug.hunt.go(layers, 1, bug.lets) is None


@pytest.mark.parametrize("bug", MASKED, ids=name)
def test_a_masked_bug_is_harmless_while_its_layers_are_on(bug: Mutant) -> None:
    """What its docstring argues. One that dies alone by now needs no layer switched off any more."""
    assert bug.alone() is None


def test_every_law_is_broken_by_some_bug() -> None:
    broken = {law for bug in MUTANTS for law in bug.breaks.split(", ")}
    assert broken == {str(law) for law in range(1, 13)}
    assert len({bug.name for bug in MUTANTS}) == len(MUTANTS)
