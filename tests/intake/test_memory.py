"""Memory does not grow with the file. Measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import resource, sys
from gateway_core.lifecycle.intake import Rules, read
kib = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = kib()
with read(sys.argv[1], Rules(default_channel="dummy", channels={"dummy": None})) as taken:
    for page in taken.pages(500):
        pass
    repeated = taken.counts.get("duplicate_invoice", 0)
    print(taken.count, repeated, taken.more, len(taken.objections), kib() - before, kib())
"""
MIB = 1024


def measured(path: Path) -> list[int]:
    """lines, repeated, not listed, objections, KiB grown, KiB peak."""
    result = subprocess.run([sys.executable, "-c", _SCRIPT, path], capture_output=True, text=True, check=True)
    return [int(word) for word in result.stdout.split()]


def written(path: Path, lines: int, invoice: int, account: int) -> Path:
    """A payroll of `lines` lines in which ids and accounts repeat after so many."""
    with path.open("w") as file:
        file.write("invoice,beneficiary,name,account_type,account,amount,currency,programme,cycle\n")
        for i in range(lines):
            who, where = f"I-{i * 7919 % invoice:08d},B-{i:08d},Ann Bee", f"wallet,w-{i * 7919 % account:010d}"
            file.write(f"{who},{where},{5000 + i % 100},UGX,p,c\n")
    return path


def test_200_000_lines(tmp_path: Path) -> None:
    small = measured(written(tmp_path / "small", 10_000, 10**8, 10**9))
    large = measured(written(tmp_path / "large", 200_000, 10**8, 10**9))
    assert (large[:4], small[0]) == ([200_000, 0, 0, 0], 10_000)
    assert large[4] - small[4] < 40 * MIB


def test_200_000_lines_full_of_mistakes_and_objections(tmp_path: Path) -> None:
    lines, repeated, more, objections, grown, _ = measured(written(tmp_path / "bad", 200_000, 1000, 1000))
    assert (lines, repeated, more, objections) == (200_000, 199_000, 189_000, 200_000)
    assert grown < 90 * MIB


@pytest.mark.long
def test_a_million_lines(tmp_path: Path) -> None:
    lines, repeated, *_, peak = measured(written(tmp_path / "million", 1_000_000, 10**8, 10**9))
    assert (lines, repeated) == (1_000_000, 0)
    assert peak < 150 * MIB
