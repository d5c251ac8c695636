"""The page about cash is a tutorial that runs, and says what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meta.blocks import missing, run
from tests.meta.imports import ROOT

PAGE = (ROOT / "docs" / "cash.md").read_text(encoding="utf-8")


@pytest.mark.deep
def test_the_page_about_cash_runs_and_says_what_it_shows(tmp_path: Path) -> None:
    said = run(PAGE, tmp_path)
    assert missing(PAGE, said) == [], said
