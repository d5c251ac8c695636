"""A folder with a configuration, a real dummy server on a free port, and `gateway` as a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_core.cli import run_command
from gateway_core.cli.demo_payroll import payroll, table
from tests import stores

GATEWAY = (sys.executable, "-m", "gateway_core.cli")
Rows = Callable[..., Path]


class Desk:
    """A folder with an installation, and the commands given there."""

    def __init__(self, folder: Path, url: str, ledger: Path) -> None:
        self.folder, self.url, self.ledger = folder, url, ledger
        init = ["init", str(folder), "--base-url", url, "--mark-dir", "marks"]
        self.in_a_file = stores.SCHEMAS is None
        assert run_command(init if self.in_a_file else [*init, "--store", stores.address(folder / "payments.db")]) == 0

    def gateway(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command as a process."""
        return subprocess.run([*GATEWAY, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command as a process that goes on."""
        return subprocess.Popen(
            [*GATEWAY, *arguments], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> int:
        """A command in this process: quicker. Returns the exit code."""
        return run_command(["--config", str(self.folder / "gateway.toml"), *arguments])

    def configure(self, lines: str) -> None:
        """Add keys to the test channel."""
        with (self.folder / "gateway.toml").open("a") as file:
            file.write(lines)

    def payroll(self, name: str, lines: int, **first: str) -> Path:
        """A payroll of so many invoices; the first one has other cells."""
        rows = list(payroll(lines))
        rows[0] |= first
        # One server serves all tests: what is owed once is paid once, so each payroll is of a cycle of its own.
        rows = [row | {"cycle": name, "invoice": f"{name}-{number}"} for number, row in enumerate(rows)]
        path = self.folder / f"{name}.csv"
        path.write_bytes(table(rows))
        return path

    def moved(self) -> dict[str, int]:
        """The server's ledger: how often money moved for each payment of ours."""
        totals = self.json("dummy-server", "ledger", str(self.ledger))["totals"]
        ours = {one["id"] for one in self.json("payments")}
        return {payment: times for payment, times in totals.items() if payment in ours}

    def json(self, *arguments: str) -> Any:
        """What a command in this process says to machines."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.run(*arguments, "--json")
        return json.loads(said.getvalue())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """(address, ledger) of an honest server, which misbehaves for accounts that ask for it."""
    ledger = tmp_path_factory.mktemp("provider") / "ledger.db"
    command = [*GATEWAY, "dummy-server", "--port", "0", "--ledger", str(ledger)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("listening on "), first
        yield first.removeprefix("listening on ").strip(), ledger
        process.terminate()


@pytest.fixture
def desk(stores: None, tmp_path: Path, server: tuple[str, Path]) -> Desk:
    """A fresh installation beside the server. Its deployment has the test's name, so that keys differ."""
    folder = tmp_path / tmp_path.name
    folder.mkdir()
    return Desk(folder, *server)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], Any]:
    """What the last command in this process said to machines."""
    return lambda: json.loads(capsys.readouterr().out)
