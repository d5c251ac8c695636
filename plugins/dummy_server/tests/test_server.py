"""The server over the wire: its API, its ledger through a kill and a restart, idempotency, and its document."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_dummy_server.cli import ledger_report

from gateway_core.testing.ledger import OPENING, Ledger

KEY = "key-0000-0001"


def test_pays_and_tells(start: Any) -> None:
    client = start()
    paid = client.pay(KEY)
    assert paid.status_code == 201 and paid.json()["status"] == "paid" and paid.json()["receipt"]
    asked = client.get(f"/payments/{KEY}")
    assert asked.status_code == 200 and asked.json() == paid.json()
    assert client.get("/balances/any?currency=UGX").json()["available"] == OPENING - 500
    assert client.get("/accounts/wallet/w-1").status_code == 200
    assert client.get("/accounts/party/ID%3Aa%2Fb").json()["account"] == {"type": "party", "value": "ID:a/b"}
    assert client.get("/accounts/wallet/fault-no-such-account").json()["code"] == "no_such_account"
    assert client.get("/payments/never-heard-of").json() == {
        "code": "unknown_key", "reason": "never heard of this key", "key": "never-heard-of",
    }  # fmt: skip


@pytest.mark.parametrize("dedupe", [True, False])
def test_a_repeated_key(start: Any, dedupe: bool) -> None:
    client = start(dedupe=dedupe)
    for _ in range(3):
        assert client.pay(KEY).status_code == 201
    assert client.moved(KEY) == ("paid", 1 if dedupe else 3, 0)
    for other in ({"amount": 501}, {"account": "w-2"}, {"currency": "USD"}, {"reference": "another"}):
        conflict = client.pay(KEY, **other)
        assert conflict.status_code == 409 and conflict.json()["code"] == "duplicate"
    assert client.moved(KEY) == ("paid", 1 if dedupe else 3, 0)


def test_the_same_key_at_once_moves_once(start: Any) -> None:
    client = start()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: client.pay(KEY).status_code, range(48)))
    assert set(answers) == {201} and client.moved(KEY) == ("paid", 1, 0)


INVALID: list[dict[str, Any]] = [
    {"amount": 0}, {"amount": -5}, {"amount": 5.0}, {"amount": True}, {"amount": "5"}, {"amount": 10**19},
    {"currency": "ugx"}, {"currency": None}, {"reference": ""}, {"account": {"type": "wallet"}}, {"account": "w-1"},
    {"key": "another-key"}, {"key": 7}, {"callback_url": "file:///etc/passwd"}, {"name": "x" * 2000},
]  # fmt: skip


def test_what_is_no_payment_is_refused_and_moves_nothing(start: Any) -> None:
    client = start()
    order = {"key": KEY, "reference": "r", "amount": 5, "currency": "UGX", "account": {"type": "wallet", "value": "w"}}
    bodies: list[Any] = [{**order, **change} for change in INVALID] + [[], None, "x"]
    for body in bodies:
        answer = client.post("/payments", json=body, headers={"Idempotency-Key": KEY})
        assert answer.status_code == 400 and answer.json()["code"] == "invalid", body
    assert client.post("/payments", content=b"\xff", headers={"Idempotency-Key": KEY}).status_code == 400
    assert client.post("/payments", json=order).status_code == 400
    assert client.post("/payments", content=b"x" * 70_000, headers={"Idempotency-Key": KEY}).status_code == 413
    assert client.moved(KEY) == ("absent", 0, 0)


def test_reversal_said_twice_changes_nothing_more(start: Any) -> None:
    client = start(dedupe=False)
    client.pay(KEY)
    client.pay(KEY)
    assert client.post(f"/payments/{KEY}/reversal?times=1").json()["status"] == "paid"
    assert client.post(f"/payments/{KEY}/reversal?times=1").json()["status"] == "paid"
    assert client.moved(KEY) == ("paid", 2, 1)
    for _ in range(2):
        assert client.post(f"/payments/{KEY}/reversal").json()["status"] == "reversed"
    assert client.moved(KEY) == ("reversed", 2, 2)
    assert client.get("/balances/any").json()["available"] == OPENING
    assert client.post("/payments/never-heard-of/reversal").status_code == 409
    assert client.post(f"/payments/{KEY}/reversal?times=x").status_code == 400


def test_a_pending_payment_is_cancelled_by_reversal(start: Any) -> None:
    client = start()
    assert client.pay(KEY, "fault-pending-for-ever").status_code == 202
    assert client.post(f"/payments/{KEY}/reversal").json()["code"] == "cancelled"
    assert client.moved(KEY) == ("refused", 0, 0)


def test_the_institution_cannot_pay_what_it_does_not_have(start: Any) -> None:
    client = start()
    client.app.state.server.provider.ledger.deposit("UGX", 800)
    assert client.pay(KEY).status_code == 201
    refused = client.pay("key-0000-0002")
    assert refused.status_code == 422 and refused.json()["code"] == "insufficient_funds"
    assert client.pay("key-0000-0003", amount=300).status_code == 201


def test_an_account_that_was_closed(start: Any) -> None:
    client = start()
    client.app.state.server.provider.ledger.close_account("wallet", "w-gone")
    assert client.get("/accounts/wallet/w-gone").status_code == 404
    assert client.pay(KEY, "w-gone").json()["code"] == "no_such_account"


def test_statement_has_a_line_per_movement(start: Any) -> None:
    client = start(dedupe=False)
    client.pay(KEY)
    client.pay(KEY)
    client.pay("key-0000-0002", "fault-refused")
    client.post(f"/payments/{KEY}/reversal?times=1")
    lines = list(csv.DictReader(io.StringIO(client.get("/statement").text)))
    assert [(line["entry"], line["no"], line["key"]) for line in lines] == [
        ("paid", "1", KEY), ("paid", "2", KEY), ("returned", "1", KEY),
    ]  # fmt: skip
    assert lines[0]["amount"] == "500" and lines[0]["account"] == "w-1" and lines[0]["reference"] == f"ref-{KEY}"


def test_the_api_key_is_asked_for(start: Any) -> None:
    client = start(api_key="right")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "right"}):
        answer = client.get(f"/payments/{KEY}", headers=headers)
        assert answer.status_code == 401 and answer.json()["code"] == "unauthorised" and answer.json()["key"] == KEY
    assert client.pay(KEY).json()["key"] == KEY
    client.headers["authorization"] = "Bearer right"
    assert client.pay(KEY).status_code == 201 and client.moved(KEY) == ("paid", 1, 0)


def test_openapi_lists_every_route_and_status(start: Any) -> None:
    client = start()
    document = client.get("/openapi.json").json()
    listed = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    routes = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in client.app.routes
        for method in route.methods - {"HEAD"}
    }
    assert listed == routes
    assert client.pay(KEY).json().keys() <= document["components"]["schemas"]["Payment"]["properties"].keys()
    refs = set(re.findall(r"#/components/schemas/(\w+)", client.get("/openapi.json").text))
    assert refs <= document["components"]["schemas"].keys()


# A process of its own, killed without warning

SERVE = "import sys; from gateway_dummy_server.cli import serve; serve(0, sys.argv[1])"


def spawn(ledger: Path, **environment: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(ledger)], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", line)
    return process, line.split()[-1]


def end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    process.send_signal(how)
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def order_of(key: str, account: str) -> dict[str, Any]:
    return {
        "key": key, "reference": "ref-1", "amount": 50_050, "currency": "USD",
        "account": {"type": "wallet", "value": account},
    }  # fmt: skip


def send(url: str, key: str, account: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=5) as client:
        return client.post(f"{url}/payments", json=order_of(key, account), headers={"Idempotency-Key": key})


def test_the_ledger_survives_a_kill_and_what_was_due_still_happens(tmp_path: Path) -> None:
    ledger = tmp_path / "dummy.db"
    process, url = spawn(ledger)
    assert send(url, "key-a-0001", "w-1").status_code == 201
    assert send(url, "key-b-0001", "fault-pending-then-paid").status_code == 202
    with pytest.raises(httpx.TransportError):
        send(url, "key-c-0001", "fault-lands-after-not-found")
    end(process, signal.SIGKILL)
    report = ledger_report(str(ledger))
    assert report["totals"] == {"ref-1": 1} and [line["moved"] for line in report["payments"]] == [1, 0]
    assert report["payments"][0] == {
        "key": "key-a-0001", "reference": "ref-1", "entitlement": "", "account": "w-1", "amount": "500.50",
        "currency": "USD", "moved": 1, "reversed": 0,
    }  # fmt: skip
    process, url = spawn(ledger)
    try:
        assert send(url, "key-a-0001", "w-1").status_code == 201
        with httpx.Client(trust_env=False) as client:
            for key in ("key-b-0001", "key-c-0001"):
                settled = _wait_for(client, f"{url}/payments/{key}")
                assert settled == "paid", key
    finally:
        end(process, signal.SIGTERM)
    assert ledger_report(str(ledger))["totals"] == {"ref-1": 3}


def _wait_for(client: httpx.Client, url: str) -> str:
    for _ in range(100):
        answer = client.get(url)
        if answer.status_code == 200 and answer.json()["status"] != "pending":
            return str(answer.json()["status"])
        time.sleep(0.05)
    return "nothing"


@pytest.mark.parametrize("made", ["text", "store", "a folder that is missing"])
def test_another_file_does_not_become_a_ledger(tmp_path: Path, made: str) -> None:
    """The store of an institution's payments, say, by a slip: not a byte of it changes."""
    file = tmp_path / "payments.db"
    if made == "text":
        file.write_text("invoice,beneficiary\n" * 100)
    elif made == "store":
        with closing(sqlite3.connect(file)) as db:
            db.execute("CREATE TABLE payments (id TEXT PRIMARY KEY)")
    else:
        file = tmp_path / "nowhere" / "ledger.db"
    before = file.read_bytes() if file.exists() else b""
    with pytest.raises(OSError, match="ledger"):
        Ledger(file)
    assert (file.read_bytes() if file.exists() else b"") == before


def test_a_report_of_no_ledger_makes_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ledger_report(str(tmp_path / "missing.db"))
    assert list(tmp_path.iterdir()) == []
