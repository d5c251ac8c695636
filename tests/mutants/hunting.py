"""Hunting: a planted bug is let loose, and some law must break within the hunt's budget. The core alone breaks none.

| technique | what is tried, and counted |
|---|---|
| swarm | random schedules of one simulated world |
| exhaustive | every schedule of one simulated world with so many deviations from the quiet one |
| law, callbacks, verify | short trials on the real store: a Paymaster with a rail in memory, the callback app, verify |
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import attrs
import pytest

from gateway_core.testing.simulation.chance import Tape
from gateway_core.testing.simulation.explore import Outcome, exhaust, run, swarm
from gateway_core.testing.simulation.faces import Rail
from gateway_core.testing.simulation.watch import Violation
from gateway_core.testing.simulation.world import Shape

Patch = Callable[[pytest.MonkeyPatch], None]


class Misfit(Exception):
    """The engine raised something that this bug is not known for: perhaps the patch does not fit the core any more."""


@attrs.frozen
class Kill:
    """`after` so many schedules or trials, by `law`, which `says` so."""

    after: int
    law: str
    says: str


class Hunt(Protocol):
    """A way to look for a broken law."""

    @property
    def technique(self) -> str:
        """One of the table above."""

    @property
    def budget(self) -> int:
        """Within so many schedules or trials the bug must be found."""

    @property
    def ground(self) -> Hunt:
        """The same for all hunts that try the same things in the same order, however far."""

    def go(self, patches: Sequence[Patch], seed: int, lets: tuple[type[Exception], ...]) -> Kill | None:
        """None: it survived. `lets`: what the engine may raise, as one layer's way to stop the bug."""


@attrs.frozen
class Swarm:
    """Random schedules of a world. `setting`: what else is true of it, with the bug and without; `rail`: its own."""

    shape: Shape
    budget: int
    setting: Patch | None = None
    rail: Rail | None = None
    technique: str = "swarm"

    @property
    def ground(self) -> Swarm:
        """See Hunt."""
        return attrs.evolve(self, budget=0)

    def go(self, patches: Sequence[Patch], seed: int, lets: tuple[type[Exception], ...]) -> Kill | None:
        """See Hunt."""
        with pytest.MonkeyPatch.context() as m:
            _settle(m, self.setting, patches, lambda: run(Tape(), self.shape, self.rail))
            found = swarm(seed, self.budget, self.shape, rail=self.rail)
        return _kill(found.schedules, found.failed, lets) if found.failed else None


@attrs.frozen
class Exhaust:
    """Every schedule of a world with at most `deviations` from the quiet one; the budget must hold them all."""

    shape: Shape
    deviations: int
    budget: int
    technique: str = "exhaustive"

    @property
    def ground(self) -> Exhaust:
        """See Hunt."""
        return attrs.evolve(self, budget=0)

    def go(self, patches: Sequence[Patch], seed: int, lets: tuple[type[Exception], ...]) -> Kill | None:
        """See Hunt. There is no chance in it: `seed` is not used."""
        with pytest.MonkeyPatch.context() as m:
            _settle(m, None, patches, lambda: run(Tape(), self.shape))
            for number, outcome in enumerate(exhaust(self.deviations, self.shape), 1):
                if outcome.failure:
                    return _kill(number, outcome, lets)
                assert number <= self.budget, f"there are more than {self.budget} such schedules by now"
        return None


def _settle(
    m: pytest.MonkeyPatch, setting: Patch | None, patches: Iterable[Patch], quiet: Callable[[], Outcome]
) -> None:
    """A quiet schedule makes the world's payroll with the core as it is; only then the bugs are planted."""
    if setting is not None:
        setting(m)
    quiet()
    for patch in patches:
        patch(m)


def _kill(after: int, outcome: Outcome, lets: tuple[type[Exception], ...]) -> Kill:
    failure = outcome.failure
    assert failure is not None
    if failure.law == "10" and not isinstance(failure.__cause__, lets):
        raise Misfit(f"after {after}: {failure}") from failure
    return _by(after, failure)


Trial = Callable[[Path], None]


@attrs.frozen
class Trials:
    """Short trials on the real store, each in an empty folder; one that finds a law broken raises Violation."""

    technique: str
    trials: tuple[Trial, ...]

    @property
    def budget(self) -> int:
        """See Hunt."""
        return len(self.trials)

    @property
    def ground(self) -> Trials:
        """See Hunt."""
        return self

    def go(self, patches: Sequence[Patch], seed: int, lets: tuple[type[Exception], ...]) -> Kill | None:
        """See Hunt. There is no chance in it: `seed` is not used."""
        for number, trial in enumerate(self.trials, 1):
            with pytest.MonkeyPatch.context() as m, tempfile.TemporaryDirectory() as folder:
                for patch in patches:
                    patch(m)
                try:
                    trial(Path(folder))
                except Violation as failure:
                    return _by(number, failure)
        return None


def _by(after: int, failure: Violation) -> Kill:
    return Kill(after, failure.law, str(failure).splitlines()[0])


@attrs.frozen
class Mutant:
    """A planted bug. `masked_by`: layers that make it harmless; it must die only with all of them switched off."""

    name: str
    bug: str
    breaks: str
    hunt: Hunt
    patch: Patch
    seen: str
    masked_by: tuple[Patch, ...]
    lets: tuple[type[Exception], ...]

    def hunted(self, seed: int = 1) -> Kill | None:
        """Let loose, without the layers that mask it."""
        return self._go((*self.masked_by, self.patch), seed)

    def expected(self, kill: Kill) -> bool:
        """Whether it died of what it breaks, or of a layer that is known to stop it."""
        return kill.law in self.breaks.split(", ") or (kill.law == "10" and bool(self.lets))

    def alone(self, seed: int = 1) -> Kill | None:
        """Let loose in the whole core."""
        return self._go((self.patch,), seed)

    def _go(self, patches: Sequence[Patch], seed: int) -> Kill | None:
        return self.hunt.go(patches, seed, self.lets)


def mutant(
    *, breaks: str, hunt: Hunt, seen: str = "", masked_by: tuple[Patch, ...] = (),
    lets: tuple[type[Exception], ...] = (),
) -> Callable[[Patch], Mutant]:  # fmt: skip
    """Plant a bug: the function patches the core, its docstring says what the bug is (and why layers mask it).

    `breaks`: the laws at stake. `hunt`: the technique and the budget that must kill it. `seen`: where the bug was met
    in real systems.
    """

    def plant(patch: Patch) -> Mutant:
        assert patch.__doc__, f"{patch.__name__}: what is the bug?"
        return Mutant(patch.__name__, patch.__doc__, breaks, hunt, patch, seen, masked_by, lets)

    return plant


def must_hold(law: str, holds: bool, what: str) -> None:
    """For trials: raise Violation unless it holds."""
    if not holds:
        raise Violation(law, what)


callbacks, verify, law = (partial(Trials, technique) for technique in ("callbacks", "verify", "law"))
