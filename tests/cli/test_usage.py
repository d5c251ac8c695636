"""What needs no server: help, errors and their exit codes, `init`, the JSON of errors."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway_core.cli import run_command
from gateway_core.cli.app import app
from gateway_core.cli.errors import described, exit_code
from gateway_core.cli.output import Output, printable
from gateway_core.cli.setup import deployment_name
from gateway_core.model import errors as e

NAMES = """
init demo pay check propose approve reject run callbacks status payments holds cases events release retry close-case
restored reconcile close reject-close carry-over verify backup plugins simulator pause resume cancel lift-stop
"""
HEAVY = ("sqlalchemy", "httpx", "cryptography", "uvicorn", "starlette", "pluggy", "asyncio", "iso4217")


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, gateway_core.cli; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_of_the_issue_is_there_and_speaks_json() -> None:
    commands: Any = typer.main.get_command(app)
    names = NAMES.split()
    assert set(names) <= set(commands.commands)
    for name in names:
        options = {option for parameter in commands.commands[name].params for option in parameter.opts}
        assert {"--json", "--config", "--store", "--log-file"} <= options, name


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (e.MakerIsChecker("x"), 5),
        (e.NotPermitted("x"), 5),
        (e.InvalidPayroll([e.Mistake(2, "amount", "is zero", "leave it out")]), 2),
        (e.ConfigurationError("store", "is missing", "write it"), 2),
        (e.NotFoundError("x"), 2),
        (e.ObjectionsStand(1, "x"), 2),
        (FileNotFoundError(2, "No such file", "x"), 2),
        (e.WrongState("x"), 1),
        (e.StoreError("x"), 1),
        (e.SenderBusy("x"), 1),
        (e.StoreUncertain("x"), 1),
        (KeyboardInterrupt(), 1),
        (ZeroDivisionError("x"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code
    assert described(error, code)["exit"] == code


def test_usage_errors_are_2_and_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["aprove"]) == 2
    heard = capsys.readouterr()
    assert heard.out == "" and "aprove" in heard.err
    assert run_command(["approve", "november", "--json"]) == 2
    assert "--by" in json.loads(capsys.readouterr().out)["error"]["message"]
    assert run_command(["reject", "november", "--by", "amina", "--reason", "  "]) == 2
    assert run_command(["reject", "november", "--by", "ami\u200bna", "--reason", "late"]) == 2


def test_a_missing_configuration_or_store_says_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(tmp_path / "gateway.toml")]
    assert run_command([*config, "status"]) == 2
    assert "gateway init" in capsys.readouterr().err
    assert run_command(["init", str(tmp_path), "--mark-dir", "marks"]) == 0
    (tmp_path / "payments.db").unlink()
    who = ["--channel", "dummy", "--by", "amina", "--approve-by", "joseph"]
    capsys.readouterr()
    assert run_command([*config, "pay", "payroll.csv", *who]) == 1
    assert "gateway init" in capsys.readouterr().err


def test_init_never_overwrites(tmp_path: Path, said: Any) -> None:
    folder = tmp_path / "Child Grant 2026"
    assert run_command(["init", str(folder), "--mark-dir", "marks", "--json"]) == 0
    made = said()
    assert made["deployment"] == "child-grant-2026" and made["test"] is True
    before = (folder / "gateway.toml").read_bytes()
    assert run_command(["init", str(folder), "--json"]) == 2
    assert "exists" in said()["error"]["message"]
    assert (folder / "gateway.toml").read_bytes() == before
    assert list((folder / "marks").iterdir())


def test_init_leaves_nothing_half_made(tmp_path: Path) -> None:
    (tmp_path / "payments.db").write_text("something else")
    assert run_command(["init", str(tmp_path), "--mark-dir", "marks"]) == 1
    assert not (tmp_path / "gateway.toml").exists()
    assert (tmp_path / "payments.db").read_text() == "something else"


@pytest.mark.parametrize(
    ("folder", "name"),
    [("x", "payments-x"), ("", "payments"), ("Ünï", "payments-n"), ("child_grant", "child-grant"), ("-a b-", "a-b")],
)
def test_deployment_names(folder: str, name: str) -> None:
    assert deployment_name(folder) == name


def test_the_log_and_the_plugins(tmp_path: Path, said: Any) -> None:
    log = tmp_path / "log"
    config = ["--config", str(tmp_path / "gateway.toml")]
    assert run_command([*config, "plugins", "--json", "--log-file", str(log), "-v"]) == 0
    assert "dummy_server" in [plugin["name"] for plugin in said()["plugins"]]
    assert log.exists()


def test_text_from_a_rail_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert printable("a\x1b[2Jb") == "a\ufffd[2Jb"
    Output().table(("name", ">amount"), [("Zo\u00eb\r", 5), ("B", 10_000)])
    assert capsys.readouterr().out == "name  amount\nZo\u00eb\ufffd       5\nB      10000\n"


def test_an_unknown_simulator_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["simulator", "dumy"]) == 2
    assert "dumy" in capsys.readouterr().err
    assert run_command(["dummy-server", "ledger", "nowhere.db", "--json"]) == 2


@pytest.mark.parametrize("seconds", ["inf", "1e300", "nan", "-1"])
def test_how_long_to_wait_is_a_number_of_seconds(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", "--wait", seconds]) == 2
    assert "--wait" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--profile", "nobody")])
def test_a_simulator_of_several_rails_says_which_there_are(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["simulator", "mobile_money", *arguments]) == 2
    assert "profile" in capsys.readouterr().err


@pytest.mark.parametrize("server", [["dummy-server", "--ledger", ":memory:"], ["simulator", "mojaloop"]])
def test_a_server_whose_port_is_taken_names_it(server: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = taken.getsockname()[1]
        assert run_command([*server, "--port", str(at)]) == 1
    assert f"127.0.0.1:{at}" in capsys.readouterr().err


def test_what_is_nearly_right_is_mended_by_the_next_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file to check without its channel, a balance without its currency, a server on a port of one's own."""
    there = ["--config", str(tmp_path / "gateway.toml")]
    assert run_command(["init", str(tmp_path), "--base-url", "http://127.0.0.1:9123"]) == 0
    assert "dummy-server --port 9123" in capsys.readouterr().out
    (tmp_path / "payroll.csv").write_text("id\n")
    assert run_command(["check", str(tmp_path / "payroll.csv"), *there]) == 2
    assert "--channel" in capsys.readouterr().err
    assert run_command(["enter-balance", "dummy", "--amount", "5000", "--by", "amina", "--reason", "x", *there]) == 1
    assert '"5000 UGX"' in capsys.readouterr().err


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:99999", "taken"])
def test_who_cannot_receive_callbacks_says_so_and_nothing_is_held_by_it(
    listen: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["init", str(tmp_path), "--mark-dir", "marks"]) == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}" if listen == "taken" else listen
        assert run_command(["callbacks", "--listen", at, "--config", str(tmp_path / "gateway.toml")]) == 2
    out, err = capsys.readouterr()
    assert "--listen" in err and "receiving" not in out
