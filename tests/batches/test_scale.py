"""Large payrolls: memory stays flat, and nobody else's intent waits long for the writer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# An intent of another channel waits for one job of ours at most (seconds). Memory must not grow with lines (MB): what
# grows until it is full are the caches of the database's connections.
LONGEST, GROWTH = 0.3, 24.0


def large(lines: int, folder: Path) -> tuple[float, float]:
    """Hand over and settle so many lines in a process of its own: (MB, longest job in seconds)."""
    folder.mkdir()
    call = [sys.executable, "-m", "tests.batches.scale", str(lines), str(folder)]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return said["mb"], said["longest"]


@pytest.mark.deep
def test_ten_times_the_lines_need_no_more_memory_and_no_longer_transactions(tmp_path: Path) -> None:
    few, _ = large(1_000, tmp_path / "few")
    many, longest = large(10_000, tmp_path / "many")
    assert many - few < GROWTH, (few, many)
    assert longest < LONGEST


@pytest.mark.long
def test_a_hundred_times_the_lines(tmp_path: Path) -> None:
    few, _ = large(1_000, tmp_path / "few")
    many, longest = large(100_000, tmp_path / "many")
    assert many - few < GROWTH, (few, many)
    assert longest < LONGEST
