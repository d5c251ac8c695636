"""`gateway pay` and what follows it, against a real server: exit codes, and the shapes that others script against."""

from __future__ import annotations

import base64
import csv
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

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


def test_what_waits_is_4_what_is_held_is_3_and_two_people_end_it(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
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
        (0 if desk.in_a_file else 1, ("backup", str(desk.folder / "copy.db"))),
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


@pytest.mark.sqlite("it names another file")
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


def test_the_same_name_on_another_channel_is_no_repetition(desk: Any, capsys: pytest.CaptureFixture[str]) -> None:
    desk.configure(f'\n[channels.second]\ngateway = "dummy_server"\nbase_url = "{desk.url}"\n')
    file = desk.payroll("november", 2)
    assert desk.run("pay", str(file), *WHO) == 0
    assert desk.run("pay", str(file), "--channel", "second", "--by", "amina", "--approve-by", "joseph") == 1
    assert "on channel dummy" in capsys.readouterr().err


def test_who_approves_signs_where_approvers_are_configured(desk: Any) -> None:
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    config = desk.folder / "gateway.toml"
    config.write_text(config.read_text() + f'\n[approvers]\njoseph = "{public}"\n')
    file = desk.payroll("november", 2)
    assert desk.run("propose", str(file), "--channel", "dummy", "--by", "amina") == 0
    assert desk.run("approve", "november", "--by", "joseph") == 5
    message = base64.b64decode(desk.json("approve", "november", "--by", "joseph", "--show-message")["base64"])
    signature = base64.b64encode(key.sign(message)).decode()
    assert desk.run("approve", "november", "--by", "grace", "--signature", signature) == 5
    assert desk.run("approve", "november", "--by", "joseph", "--signature", signature) == 0
    assert desk.run("run", "--wait", "5") == 0


def test_a_service_ends_in_order_and_pays_what_was_approved(desk: Any) -> None:
    file = desk.payroll("november", 5)
    desk.run("propose", str(file), "--channel", "dummy", "--by", "amina")
    desk.run("approve", "november", "--by", "joseph")
    service = desk.start("run", "--forever")
    until = time.monotonic() + 20
    while desk.json("status")["payrolls"][0]["counts"] != {"paid": 5} and time.monotonic() < until:
        time.sleep(0.1)
    # A second sender is told who sends.
    # Somebody sends already: on a file the only one, on a server one of several.
    assert desk.run("run") == (1 if desk.in_a_file else 0)
    service.terminate()
    assert (service.communicate()[1], service.returncode) == ("", 0)
    assert set(desk.moved().values()) == {1}


def test_what_was_not_approved_or_was_rejected_is_not_quietly_nothing(desk: Any) -> None:
    file = desk.payroll("november", 2)
    desk.run("propose", str(file), "--channel", "dummy", "--by", "amina")
    assert desk.run("run", "november") == 1
    assert desk.run("reject", "november", "--by", "joseph", "--reason", "an old list") == 0
    assert desk.run("pay", str(file), *WHO) == 1
    assert desk.run("pay", str(file), *WHO, "--name", "november again") == 0


def test_a_copy_of_a_store_is_not_sent_from_until_two_people_say_so(
    desk: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = desk.payroll("november", 3)
    desk.run("propose", str(file), "--channel", "dummy", "--by", "amina")
    desk.run("approve", "november", "--by", "joseph")
    for mark in (desk.folder / "marks").iterdir():
        mark.unlink()
    capsys.readouterr()
    assert desk.run("run") == 1
    assert "gateway restored" in capsys.readouterr().err
    assert desk.run("restored", "--by", "amina") == 2
    assert desk.run("restored", "--by", "amina", "--by", "Amina") == 5
    assert desk.run("restored", "--by", "amina", "--by", "joseph") == 0
    assert desk.run("run", "--wait", "20") == 0
    assert set(desk.moved().values()) == {1}


def test_callbacks_are_received_by_a_process_of_their_own(desk: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = desk.start("callbacks", "--listen", address)
    assert _posted(f"http://{address}/callbacks/dummy/") == 204
    process.terminate()
    assert (process.communicate()[1], process.returncode) == ("", 0)


def _posted(url: str) -> int:
    for _ in range(100):
        try:
            return httpx.post(url, content=b"{}", trust_env=False).status_code
        except httpx.ConnectError:
            time.sleep(0.1)
    return 0
