"""What is true of every file: short, finished, and of no particular machine."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.meta.imports import ROOT

LONGEST = 400
SKIPPED = {"dist", "build", "__pycache__", "node_modules"}
TEXT = {".py", ".md", ".toml", ".txt", ".cfg", ".yml", ".yaml", ".json", ".sh", ""}


def files() -> list[Path]:
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in SKIPPED and (not name.startswith(".") or name == ".ci")]
        below[:] = [
            name for name in below if not (Path(folder) / name / "pyvenv.cfg").exists() and "egg-info" not in name
        ]
        found += [Path(folder) / name for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.suffix in TEXT and not path.is_symlink())


FILES = files()
PYTHON = [path for path in FILES if path.suffix == ".py"]
# Written so that this file does not find itself.
NEVER = {
    "a path of one machine": r"/(?:home|Users|root|work)/\w+/|/opt/\w+|/tmp/\w+/\w+|[A-Z]:\\\\Users",
    "a registry's host": r"pypi\.(?:org|python)|pythonhosted|registry\.npmjs|artifactory|--(?:extra-)?index-url",
    "something unfinished": r"\bTO" r"DO\b|\bFIX" r"ME\b|\bX" r"XX\b|NotImplemented" r"Error",
}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in FILES if path != Path(__file__)], ids=relative)
def test_a_file_is_of_no_particular_machine_and_finished(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for what, pattern in NEVER.items():
        found = re.search(pattern, text)
        assert not found, f"{what}: {found.group()}"


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_a_file_does_one_thing(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines: it does more than one thing"


def test_the_licence_is_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache-2.0" in (ROOT / "README.md").read_text(encoding="utf-8")


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    assert all(len(pair) == 2 and re.fullmatch(r"[\w.]+", pair[1]) for pair in pairs), "names and versions only"
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pairs}


def test_the_constraints_cover_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", one)[0]).lower() for one in declared}
    assert names - {"gateway-core"} <= set(constraints())


def test_ci_can_be_started() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
