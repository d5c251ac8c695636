"""The README is true: its two commands are there, its Python runs, its links lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core.channels import template
from gateway_core.paymaster import Paymaster
from tests.meta.blocks import after, blocks
from tests.meta.imports import ROOT

if TYPE_CHECKING:
    from tests.conftest import Dummy

README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = {
    "pip",
    "install",
    "-c",
    "constraints.txt",
    ".",
    "-e",
    "'.[all,test]'",
    "python",
    "-m",
    "pytest",
    "-q",
    "-n",
    "auto",
}


@pytest.mark.parametrize("marker", ["run", "test"])
def test_the_two_commands_do_all_and_need_nothing_else_running(marker: str) -> None:
    command = after(README, marker)
    assert command.startswith("pip install -c constraints.txt ")
    assert set(command.split()) - {"&&", "gateway", "demo"} <= WORDS, "no service, no downloads, no other tool"


def test_the_ten_lines_of_python(dummy: Dummy, tmp_path: Path) -> None:
    [code] = [block.text for block in blocks(README) if block.language == "python"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10
    written = template("readme", base_url=dummy.url)
    settings = f'mark_dir = "{tmp_path / "marks"}"\n'
    (tmp_path / "gateway.toml").write_text(settings + written)
    Paymaster.open(tmp_path / "gateway.toml", create=True).close_store()
    lines = (ROOT / "examples" / "payroll-1000.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "payroll.csv").write_text("".join(lines[:31]), encoding="utf-8")
    said = "\n    print(paymaster.status(payroll)[0].state, dict(paymaster.status(payroll)[0].counts))\n"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code) + said], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "reconciled {'paid': 30}\n", done.stderr


PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *ROOT.glob("plugins/*/README.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), f"{page.name}: {target}"
        if heading:
            assert heading in _anchors(there), f"{page.name}: {target}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_bash_is_at_hand_for_the_pages_that_are_run() -> None:
    assert shutil.which("bash")
