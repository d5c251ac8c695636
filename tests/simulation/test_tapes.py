"""Every tape that ever failed holds now, and still tells its story: see tests/tapes and `tapes`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway_core.testing.simulation import tapes
from gateway_core.testing.simulation.chance import Deviation, Tape
from gateway_core.testing.simulation.explore import run
from gateway_core.testing.simulation.shape import Shape
from tests.mutants.copies import blind_resend

FOLDER = Path(__file__).parent.parent / "tapes"
TAPES = sorted(FOLDER.glob("*.tape"))


def test_there_are_tapes() -> None:
    assert len(TAPES) >= 15


@pytest.mark.parametrize("path", TAPES, ids=lambda path: path.stem)
def test_a_tape_that_failed_holds(path: Path) -> None:
    saved = tapes.read(path)
    tape = saved.tape()
    outcome = run(tape, saved.shape)
    assert outcome.failure is None, saved.story
    assert not tapes.stale(tape), "the world no longer asks this: record the tape anew, or take it out"


def test_a_tape_breaks_its_law_again_with_its_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = tapes.read(FOLDER / "blind_resend.tape")
    blind_resend.patch(monkeypatch)
    failure = run(saved.tape(), saved.shape).failure
    assert failure is not None
    assert failure.law == saved.law


def test_a_tape_is_written_and_read_as_it_was(tmp_path: Path) -> None:
    saved = tapes.Saved("law 2: a story", Shape(payments=2, wait=None), "2", (Deviation("pay acc2", 1, "refuses"),))
    tapes.write(tmp_path / "one.tape", saved)
    assert (tmp_path / "one.tape").read_text().startswith("# law 2: a story\n")
    assert tapes.read(tmp_path / "one.tape") == saved
    (tmp_path / "none.tape").write_text("{}")
    with pytest.raises(ValueError, match="first line"):
        tapes.read(tmp_path / "none.tape")


def test_a_deviation_that_is_no_longer_asked_is_told() -> None:
    tape = Tape(script=(Deviation("a choice of yesterday", 1, "yes"), Deviation("goes first", 99, "1")))
    run(tape, Shape())
    assert [deviation.label for deviation in tapes.stale(tape)] == ["a choice of yesterday"]


def test_the_command_line_runs_a_swarm_and_replays_a_tape() -> None:
    here = [sys.executable, "-m", "gateway_core.testing.simulation"]
    swarm = subprocess.run([*here, "--schedules", "30", "--seed", "4"], capture_output=True, text=True, check=True)
    assert "per second and core; held" in swarm.stdout
    assert "held by fault rate" in swarm.stdout
    again = subprocess.run([*here, "--replay", str(TAPES[0])], capture_output=True, text=True, check=True)
    assert "every law held" in again.stdout
