"""Random sequences of faults: by the bank's own ledger nobody is paid twice, and all is explained in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from .gateway import CsvBank
from .shaky import ShakyBank
from .world import World

if TYPE_CHECKING:
    from .conftest import Branch

QUICK = attrs.evolve(CsvBank.capabilities, settle=0.01, ask_after=0.01, ask_at_most=0.02)
FEW, MANY = 6, 200


def world_of(open_branch: Callable[..., Branch], seed: int, dedupes: bool) -> World:
    sure: dict[str, Any] = {"dedupes": True, "dedupe_window": 3600.0} if dedupes else {}
    branch = open_branch(gateway=ShakyBank, capabilities=attrs.evolve(QUICK, **sure), lines=7)
    return World(branch, random.Random(seed))


@pytest.mark.few(2)
@pytest.mark.parametrize("seed", range(FEW))
def test_nobody_is_paid_twice_or_lost_whatever_happens(open_branch: Callable[..., Branch], seed: int) -> None:
    world = world_of(open_branch, seed, dedupes=bool(seed % 2))
    world.live(40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1000 + MANY, 20))
def test_nobody_is_paid_twice_or_lost_however_long_it_goes_on(open_branch: Callable[..., Branch], seed: int) -> None:
    for number in range(20):
        world_of(open_branch, seed + number, dedupes=bool(number % 2)).live(80)
