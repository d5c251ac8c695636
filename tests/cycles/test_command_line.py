"""Programmes and cycles from the command line: words for people, JSON for machines, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_core.cli import run_command
from tests import stores

TERMS = """
currency = "UGX"
amount = "50000"
channel = "dummy"
[caps]
payments = 3
[[rules]]
name = "children"
kind = "supplement"
times = "children"
amount = "1000"
"""
PEOPLE = """beneficiary,name,account_type,account,children,district
1,Ann A,wallet,w-1,0,north
2,Bee B,wallet,w-2,2,south
3,Cee C,wallet,w-3,1,south
"""
Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(stores: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a command with --json; returns its exit code and what it said."""
    init = ["init", str(tmp_path), "--base-url", "http://127.0.0.1:9", "--mark-dir", "marks"]
    init += [] if _in_a_file() else ["--store", _address(tmp_path / "payments.db")]
    assert run_command(init) == 0
    (tmp_path / "terms.toml").write_text(TERMS)
    (tmp_path / "people.csv").write_text(PEOPLE)
    capsys.readouterr()

    def run(*arguments: str) -> tuple[int, Any]:
        given = [str(tmp_path / one) if one in ("terms.toml", "people.csv") else one for one in arguments]
        code = run_command(["--config", str(tmp_path / "gateway.toml"), *given, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def _in_a_file() -> bool:
    return stores.SCHEMAS is None


def _address(path: Path) -> str:
    return stores.address(path)


def test_from_terms_to_payrolls(call: Call) -> None:
    assert call("set-programme", "grant", "--terms", "terms.toml", "--by", "amina")[1]["state"] == "active"
    assert call("set-cycle", "grant/nov", "--tag", "pilot", "--by", "amina")[1]["terms"] == {"tags": ["pilot"]}
    assert [one["address"] for one in call("programmes")[1]] == ["grant"]
    assert [one["address"] for one in call("cycles", "grant")[1]] == ["grant/nov"]
    assert call("generate", "grant/nov", "people.csv", "--by", "amina", "--dry-run")[1]["total"] == "153000"
    assert call("pool", "grant/nov")[1] == []
    made = call("generate", "grant/nov", "people.csv", "--by", "amina", "--control-total", "153000")[1]
    assert (made["fresh"], made["same"], made["total"]) == (3, 0, "153000")
    assert [one["amount"] for one in call("pool", "--where", "district=south")[1]] == ["52000", "51000"]
    split = ("select", "nov", "grant/nov", "--split-by", "district", "--by", "amina")
    tried = call(*split, "--dry-run")[1]
    chosen = call(*split)[1]
    assert [(one["name"], one["lines"], one["total"]) for one in chosen] == [
        ("nov / north", 1, "50000"), ("nov / south", 2, "103000"),
    ]  # fmt: skip
    assert [one["name"] for one in tried] == [one["name"] for one in chosen]
    assert call("pool")[1] == []
    assert {one["payroll"] for one in call("pool", "--all")[1]} == {"nov / north", "nov / south"}


def test_suspended_and_active_again(call: Call) -> None:
    call("set-programme", "grant", "--terms", "terms.toml", "--by", "amina")
    call("set-cycle", "grant/nov", "--by", "amina")
    call("generate", "grant/nov", "people.csv", "--by", "amina")
    assert call("suspend", "grant", "--by", "grace", "--reason", "an audit")[1]["suspended_by"] == "grace"
    code, said = call("select", "nov", "--by", "amina")
    assert code == 1
    assert "suspended by grace: an audit" in said["error"]["message"]
    assert call("activate", "grant", "--by", "grace")[1]["state"] == "active"
    assert call("select", "nov", "--by", "amina")[0] == 0
    kinds = [one["kind"] for one in call("events", "grant")[1]]
    assert kinds == ["made", "suspended", "activated"]


def test_bad_input_is_said_with_field_reason_and_mend(call: Call) -> None:
    code, said = call("set-programme", "grant", "--amount", "x", "--currency", "UGX", "--by", "amina")
    assert (code, said["error"]["problems"][0]["key"]) == (2, "grant: amount")
    assert call("set-cycle", "none/nov", "--by", "amina")[0] == 2
    assert call("set-cycle", "grant", "--by", "amina")[0] == 2
    assert call("generate", "none/nov", "people.csv", "--by", "amina")[0] == 2
    assert call("set-programme", "grant", "--channel", "none", "--by", "amina")[0] == 2
    call("set-programme", "grant", "--terms", "terms.toml", "--by", "amina")
    call("set-cycle", "grant/nov", "--by", "amina", "--tag", "x")
    call("generate", "grant/nov", "people.csv", "--by", "amina")
    assert call("pool", "--where", "district")[0] == 1
    assert call("select", "nov", "--where", "district=west", "--by", "amina")[0] == 1
    code, said = call("set-cycle", "grant/nov", "--by", "amina", "--terms", "people.csv")
    assert (code, said["error"]["type"]) == (2, "BadParameter")
