"""The map of the isolation tests names tests that are there, and all of them."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
MAP = (HERE / "README.md").read_text(encoding="utf-8")


def test_every_test_of_isolation_is_on_the_map_and_nothing_else() -> None:
    sources = [file.read_text(encoding="utf-8") for file in HERE.glob("test_*.py") if file != Path(__file__)]
    there = {name for source in sources for name in re.findall(r"^def (test_\w+)", source, re.MULTILINE)}
    named = set(re.findall(r"`(test_\w+)`", MAP))
    assert named == there
