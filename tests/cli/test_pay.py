"""`gateway pay` and what follows it, against a real server: exit codes, and the shapes that others script against."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

WHO = ("--channel", "dummy", "--by", "amina", "--approve-by", "joseph")
FAULTY = Path(__file__).parents[2] / "examples" / "payroll-faulty.csv"


def test_pays_each_person_once_and_again_changes_nothing(desk: Any) -> None:
    file = desk.payroll("november", 20)
    done = desk.gateway("pay", str(file), *WHO)
    assert (done.returncode, done.stderr) == (0, "")
    assert "TEST" in done.stdout
    again = desk.gateway("pay", str(file), *WHO, "--json")
    assert again.returncode == 0
    assert set(desk.moved().values()) == {1} and len(desk.moved()) == 20


def test_the_shapes_that_others_script_against(desk: Any) -> None:
    file = desk.payroll("november", 3)
    assert desk.run("pay", str(file), *WHO) == 0

    with file.open() as lines:
        total = sum(int(row["amount"]) for row in csv.DictReader(lines))
    status = desk.json("status")
    assert status["test"] is True
    (one,) = status["payrolls"]
    assert {"id", "name", "state", "currency"} <= set(one)
    assert (one["name"], one["state"], one["currency"]) == ("november", "awaiting_reconciliation", "UGX")
    assert one["counts"] == {"paid": 3} and one["sums"] == {"paid": str(total)}

    payments = desk.json("payments")
    assert len(payments) == 3
    wanted = {"id", "invoice", "entitlement", "account", "state", "amount", "reason"}
    assert all(wanted <= set(payment) for payment in payments)
    assert desk.json("payments", "--state", "refused") == []

    ledger = desk.json("dummy-server", "ledger", str(desk.ledger))
    entry = next(entry for entry in ledger["payments"] if entry["reference"] == payments[0]["id"])
    assert set(entry) == {"key", "reference", "entitlement", "account", "amount", "currency", "moved", "reversed"}
    assert (entry["entitlement"], entry["moved"]) == (payments[0]["entitlement"], 1)


def test_a_faulty_file_lists_every_mistake_and_writes_nothing(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert desk.run("pay", str(FAULTY), *WHO) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  line ")]
    assert len(lines) > 35
    assert desk.json("status")["payrolls"] == []

    error = desk.json("pay", str(FAULTY), *WHO)["error"]
    assert (error["type"], error["exit"]) == ("InvalidPayroll", 2)
    assert len(error["mistakes"]) >= len(lines)
    assert all({"line", "field", "reason", "mend"} <= set(mistake) for mistake in error["mistakes"])


def test_an_objection_stops_before_approval_and_a_reason_lets_it_go(desk: Any) -> None:
    file = desk.payroll("november", 3, account="fault-no-such-account")
    assert desk.run("pay", str(file), *WHO) == 2
    assert desk.json("status")["payrolls"][0]["state"] == "awaiting_approval"
    assert desk.json("pay", str(file), *WHO)["error"]["objections"][0]["invoice"] == "november-0"

    assert desk.run("pay", str(file), *WHO, "--despite", "seen by the village head") == 0
    assert desk.json("status")["payrolls"][0]["counts"] == {"paid": 2, "refused": 1}


def test_maker_is_never_checker(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    file = desk.payroll("november", 3)
    assert desk.run("pay", str(file), "--channel", "dummy", "--by", "Amina ", "--approve-by", "amina") == 5
    assert "another person" in capsys.readouterr().err
    assert desk.json("status")["payrolls"] == []


def test_what_waits_is_4_what_is_held_is_3_and_two_people_end_it(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.configure("patience = 2.0\n")
    file = desk.payroll("november", 3, account="fault-pending-for-ever")
    assert desk.run("pay", str(file), *WHO) == 4
    assert "next due" in capsys.readouterr().out
    assert desk.run("run", "--wait", "30") == 3
    assert "1 payment held" in capsys.readouterr().out

    (one,) = desk.json("holds")
    release = ("release", one["payment"], "--to", "refused", "--reason", "withdrawn at the provider", "--by")
    assert desk.json(*release, "amina")["released"] is False
    assert desk.run(*release, "amina") == 5
    assert desk.json(*release, "joseph")["released"] is True
    assert desk.run("run") == 0


def test_the_whole_job_step_by_step(desk: Any) -> None:
    file = desk.payroll("november", 5)
    steps: tuple[tuple[int, tuple[str, ...]], ...] = (
        (0, ("check", str(file), "--channel", "dummy")),
        (0, ("propose", str(file), "--channel", "dummy", "--by", "amina")),
        (0, ("check", "november")),
        (5, ("approve", "november", "--by", "AMINA")),
        (0, ("approve", "november", "--by", "joseph")),
        (1, ("approve", "november", "--by", "joseph")),
        (0, ("pause", "november", "--by", "amina", "--reason", "a list is missing")),
        (4, ("run",)),
        (0, ("resume", "november", "--by", "amina")),
        (0, ("run", "november", "--wait", "5")),
        (1, ("close", "november", "--by", "joseph")),
        (0, ("reconcile", "november", "--by", "amina")),
        (5, ("close", "november", "--by", "amina")),
        (0, ("close", "november", "--by", "joseph")),
        (0, ("verify", "--export-heads", str(desk.folder / "heads.jsonl"))),
        (0, ("verify", "--heads", str(desk.folder / "heads.jsonl"))),
        (0, ("backup", str(desk.folder / "copy.db"))),
        (0, ("events", "november")),
        (0, ("cases",)),
    )
    for code, step in steps:
        assert desk.run(*step) == code, step
    assert desk.json("status", "november")["payrolls"][0]["state"] == "reconciled"


def test_a_paused_payroll_is_named_and_skipped(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    file = desk.payroll("november", 2)
    desk.run("propose", str(file), "--channel", "dummy", "--by", "amina")
    desk.run("approve", "november", "--by", "joseph")
    desk.run("pause", "november", "--by", "amina", "--reason", "a list is missing")
    capsys.readouterr()
    assert desk.run("run") == 4
    assert "skipped 'november': a list is missing" in capsys.readouterr().out
    assert desk.moved() == {}


def test_on_a_live_store_it_only_proposes(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway_dummy_server import DummyGateway

    monkeypatch.setattr(DummyGateway, "test_only", False)
    config = desk.folder / "gateway.toml"
    text = config.read_text().replace('environment = "test"', 'environment = "live"').replace("payments.db", "live.db")
    config.write_text(text)
    from gateway_core import Paymaster

    Paymaster.open(config, create=True).close_store()
    file = desk.payroll("november", 2)
    answer = desk.json("pay", str(file), *WHO)
    assert answer["exit"] == 4
    assert answer["test"] is False and answer["payroll"]["state"] == "awaiting_approval"
