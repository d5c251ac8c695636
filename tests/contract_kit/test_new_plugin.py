"""`gateway new-plugin`: what it writes installs, is found, keeps every law, and pays the example payroll."""

from __future__ import annotations

import os
import resource
import shutil
import site
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gateway_core.cli import run_command
from gateway_core.cli.new_plugin import PAGES, words_for, write
from gateway_core.model.errors import ConfigurationError
from gateway_core.testing.contract import GatewayContract, laws_of
from gateway_core.testing.contract.serving import free_address

EXAMPLE = Path(__file__).parents[2] / "examples" / "payroll-1000.csv"
PATIENCE = 600
# Seconds of CPU for all of it: on a machine of its own, less than a minute.
MINUTE = 60


NO_NAMES = ["", "a", "Acme", "acme-bank", "a__b", "_acme", "acme_", "1bank", "import", "../x", "a b", "é", "x" * 80]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["new-plugin", "--folder", str(tmp_path / "new"), "--", name]) == 2
    assert not (tmp_path / "new").exists()
    assert "acme_bank" in capsys.readouterr().err


def test_the_name_of_an_installed_gateway_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gateway-core brings"):
        words_for("dummy_server")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    assert run_command(["new-plugin", "acme", "--folder", str(folder)]) == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(before) == len(PAGES)
    assert run_command(["new-plugin", "acme", "--folder", str(folder)]) == 2
    (tmp_path / "file").write_text("mine")
    assert run_command(["new-plugin", "acme", "--folder", str(tmp_path / "file")]) == 2
    assert (tmp_path / "file").read_text() == "mine"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_every_word_is_filled_in_and_every_page_is_clean(tmp_path: Path) -> None:
    write(tmp_path / "new", words_for("acme_bank"))
    for path in (tmp_path / "new").rglob("*"):
        assert not path.is_file() or "{{" not in path.read_text(), path
    for command in (["check", "--select", "E,F,I,B,UP,RUF"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "--line-length", "120", "."]
        subprocess.run(ruff, cwd=tmp_path / "new", check=True)


@pytest.fixture
def newcomer(tmp_path: Path) -> Path:
    """The Python of an environment of its own, in which gateway-core and its libraries are installed, as here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
    there = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    here = {sysconfig.get_paths()["purelib"], *site.getsitepackages()}
    (there / "here.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in sorted(here)))
    return python


@pytest.mark.deep
def test_a_new_plugin_installs_is_found_keeps_the_contract_and_pays(newcomer: Path, tmp_path: Path) -> None:
    """As the new folder's README says, command by command; without a network, so what builds it is here already."""
    began, folder = spent(), tmp_path / "gateway-acme-bank"
    assert run_command(["new-plugin", "acme_bank", "--folder", str(folder)]) == 0
    pip = [sys.executable, "-m", "pip", "--python", str(newcomer), "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-index", "--no-deps", "--no-build-isolation", str(folder)], tmp_path)
    shutil.rmtree(folder / "build", ignore_errors=True)

    gateway = [str(newcomer), "-m", "gateway_core.cli"]
    row = next(line for line in run([*gateway, "plugins"], tmp_path).splitlines() if line.startswith("acme_bank"))
    assert row.split() == ["acme_bank", "0.1.0", "gateway-acme-bank"]

    # What is tried is what was installed, not the folder.
    (folder / "gateway_acme_bank").rename(folder / "source")
    said = run([str(newcomer), "-m", "pytest", "-q", "-p", "no:cacheprovider"], folder)
    assert f"{len(laws_of(GatewayContract))} passed" in said, said

    for at in ("channel.toml", "rehearse.sh"):
        text = (folder / at).read_text()
        for port in PORTS:
            text = text.replace(port, PORTS[port])
        (folder / at).write_text(text)
    said = run(["sh", "rehearse.sh", str(EXAMPLE)], folder, GATEWAY=" ".join(gateway))
    assert "1,000 payments asked about: 1,000 agree, 0 differ" in said
    assert "rehearsal is closed" in said
    assert spent() - began < MINUTE


PORTS = {port: free_address().rpartition(":")[2] for port in ("8790", "8791")}


def spent() -> float:
    """CPU seconds of the processes that have ended: on a busy machine a minute of the clock says nothing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command: list[str], folder: Path, **environment: str) -> str:
    """What a command says; it must succeed."""
    known = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "GATEWAY_CONFIG")}
    done = subprocess.run(
        command, cwd=folder, env={**known, **environment}, text=True, timeout=PATIENCE, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout
