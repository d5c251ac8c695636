"""The published samples, through the command that reads a folder of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import DATA, published
from .saying import BATCH, TWO, booking, statement
from .saying import ONE as LINE


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "gateway_bank_transfer.samples", str(folder)]
    return subprocess.run(call, capture_output=True, text=True, timeout=120)


@published
def test_every_published_sample_is_read_as_expected() -> None:
    done = run(DATA / "samples")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert len(lines) >= 15 and all(line.startswith("agrees") for line in lines)


def test_a_difference_is_told_and_ends_with_1(tmp_path: Path) -> None:
    (tmp_path / "demo-batch.json").write_text(json.dumps(BATCH))
    (tmp_path / "demo-a.xml").write_text(statement(booking(LINE)))
    (tmp_path / "demo-a.xml.effects.json").write_text(json.dumps({"states": {LINE: "PAID"}, "new_effects": 0}))
    assert run(tmp_path).returncode == 0
    (tmp_path / "demo-a.xml.effects.json").write_text(json.dumps({"states": {LINE: "RETURNED"}}))
    done = run(tmp_path)
    assert done.returncode == 1 and f"{LINE}: PAID, and RETURNED is wanted" in done.stdout
    (tmp_path / "demo-a.xml.effects.json").write_text(json.dumps({"error": "REJECT_FILE"}))
    assert run(tmp_path).returncode == 1


ENVELOPE = "{1:F01BANKGMGMAXXX0000000000}{2:O940N}{4:\r\n"
MT940 = (
    ":20:S1\r\n:25:0055667788\r\n:28C:1/1\r\n:60F:C261129GMD2000,00\r\n:61:2611301130D100,00NTRF{ref}//B1\r\n"
    ":86:{text}\r\n:62F:C261130GMD1900,00\r\n"
)
# What banks call columns, how they write numbers, in which encodings: (bytes, states).
STRANGE: dict[str, tuple[bytes, dict[str, str]]] = {
    "bom.csv": (
        "\ufeffDate,Reference,Debit,Credit,Balance\r\n30/11/2026,DEMO-000001,100.00,,9\r\n".encode(), {LINE: "PAID"},
    ),
    "german.csv": (
        "Buchungstag;Verwendungszweck;Betrag;Währung\r\n30.11.2026;EREF DEMO-000001;-100,00;GMD\r\n"
        "30.11.2026;Miete;-1.234,50;GMD\r\n".encode("cp1252"), {LINE: "PAID", TWO: "SUBMITTED"},
    ),
    "utf16.csv": (
        "Booking Date;End-to-End ID;Amount;Currency\n2026-11-30;DEMO-000002;-250,00;GMD\n"
        "2026-12-01;DEMO-000002;250,00;GMD\n2026-12-01;rent;-1\u00a0250,00;GMD\n".encode("utf-16"), {TWO: "RETURNED"},
    ),
    "sides.csv": (
        b"date,end_to_end_id,amount,currency,dc\n2026-11-30,DEMO-000001,100.00,GMD,D\n"
        b"2026-12-01,DEMO-000001,100.00,GMD,C\n", {LINE: "RETURNED"},
    ),
    "status.csv": (
        b"Reference,Amount,Currency,Status,Reason\nDEMO-000001,100.00,GMD,BOOKED,\n"
        b"DEMO-000002,250.00,GMD,REJECTED,AC04\n", {LINE: "PAID", TWO: "REJECTED"},
    ),
    "total.csv": (
        b"Account: 0055667788\n\nDate|Reference|Amount\n30-11-2026|DEMO-000001|-100.00\nTotal||-100.00\n",
        {LINE: "PAID", TWO: "SUBMITTED"},
    ),
    "swift.sta": ((ENVELOPE + MT940.format(ref=LINE, text="x") + "-}\r\n").encode(), {LINE: "PAID"}),
    "german.sta": (
        MT940.format(ref="NONREF", text="177?00SEPA?20EREF+DEMO-0000\r\n01?21SVWZ+grant").encode(), {LINE: "PAID"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_files_of_banks_own_kinds_are_understood(name: str, tmp_path: Path) -> None:
    body, states = STRANGE[name]
    (tmp_path / "x-batch.json").write_text(json.dumps(BATCH))
    (tmp_path / f"x-{name}").write_bytes(body)
    (tmp_path / f"x-{name}.effects.json").write_text(json.dumps({"states": states, "new_effects": 0}))
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
