"""The power fails at any write: the store opens, verifies, and knows every payment that was sent and every 2xx."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from gateway_core.store import opening
from gateway_core.store.verifying import verify
from gateway_core.testing.simulation.chance import Tape
from gateway_core.testing.simulation.disk import FAULTS, images
from gateway_core.testing.simulation.explore import run
from gateway_core.testing.simulation.home import DEPLOYMENT
from gateway_core.testing.simulation.power import FILE, NO_FAULTS, DiskHome, found_after, recorded
from gateway_core.testing.simulation.shape import Shape
from gateway_core.testing.simulation.watch import Violation
from gateway_core.testing.simulation.world import World

# Each with its own faults of wire and rail, and so its own order of intents, copies and callbacks.
CALLED = NO_FAULTS(payments=3)
SILENT = NO_FAULTS(payments=2, callbacks=False, odds=0.4)
DYING = Shape(payments=2, odds=0.2, crash_odds=0.02, busy_officer=0.0, concurrency=2)


def cut(folder: Path, seed: str, shape: Shape, synchronous: str = "FULL", every: int = 1) -> tuple[int, Counter[str]]:
    """How many images were looked at, and the laws that were broken in them."""
    disk, after = folder / "disk", folder / "after"
    disk.mkdir()
    home, broken, number = DiskHome(disk, synchronous), Counter[str](), 0
    events = recorded(home, seed, shape)
    for number, image in enumerate(images(home.base, events, random.Random(seed), every), 1):
        after.mkdir()
        try:
            rows = found_after(image, after)
            if number % 25 == 0:
                opens_and_verifies(after / FILE, len(rows))
        except Violation as violation:
            broken[violation.law] += 1
        shutil.rmtree(after)
    home.close()
    return number, broken


def opens_and_verifies(file: Path, payments: int) -> None:
    """As the next process would, with the store's own code."""
    store = opening.open_store(f"sqlite:///{file}", DEPLOYMENT, "test")
    try:
        found = verify(store)
        if not found.ok or found.payments != payments:
            raise Violation("verify", "\n".join(found.lines()))
    finally:
        opening.close_store(store)


@pytest.mark.parametrize("shape", [CALLED, SILENT, DYING], ids=["called", "silent", "dying"])
def test_law_1_what_was_sent_survives_a_power_cut(tmp_path: Path, shape: Shape) -> None:
    looked, broken = cut(tmp_path, "1", shape, every=3)
    print(f"{looked} images")
    assert looked > 150 and not broken


def test_the_rig_sees_what_a_weaker_pragma_loses(tmp_path: Path) -> None:
    _, broken = cut(tmp_path, "1", CALLED, synchronous="NORMAL", every=2)
    assert broken


def test_the_rig_sees_a_file_that_nobody_syncs(tmp_path: Path) -> None:
    _, broken = cut(tmp_path, "1", CALLED, synchronous="OFF", every=3)
    assert broken["1"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.few(1)
def test_a_failing_disk_pays_nobody_twice(tmp_path: Path, fault: str) -> None:
    """The run ends with an error, the next one recovers from the journal: every law holds in the end."""
    failed = 0
    for number, countdown in enumerate(range(1, 60 if fault == FAULTS[2] else 160, 4)):
        folder = tmp_path / str(number)
        folder.mkdir()
        home = DiskHome(folder)
        recorded(home, f"{fault}:{number}", NO_FAULTS(payments=2, commit_odds=1e-9), fault, countdown)
        failed += home.disk.failed
        home.close()
    print(f"{failed} errors")
    assert failed >= 8


def test_a_quiet_schedule_on_this_disk_is_the_same_as_in_memory(tmp_path: Path) -> None:
    home = DiskHome(tmp_path)
    rows = World(home, Tape("same"), CALLED).run()
    home.close()
    assert Counter(row.state for row in rows) == run(Tape("same"), CALLED).states
