"""What `Paymaster` keeps beside the store by itself: heads at each approval and session end, and what they are for."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core import Account, Invoice, Money, Paymaster, RestoredStore
from gateway_core.store.heads import read_heads
from tests import stores

from .building import sql


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    key = tmp_path / "signing-key"
    key.write_text(base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode())
    key.chmod(0o600)
    return {
        "deployment": "example", "environment": "test", "store": stores.address(tmp_path / "pay.db"),
        "mark_dir": str(tmp_path / "state"), "signing_key": {"file": str(key)},
        "channels": {"dummy": {"gateway": "dummy_server", "base_url": "http://127.0.0.1:9"}},
    }  # fmt: skip


def invoice(number: int) -> Invoice:
    return Invoice(
        id=f"inv-{number}",
        beneficiary=f"b-{number}",
        name=f"Name {number}",
        account=Account("wallet", f"wallet{number}"),
        amount=Money(500, "UGX"),
    )


def reasons(paymaster: Paymaster) -> list[str]:
    return [head.why for _, head in read_heads(paymaster.heads_file) if head]


def test_heads_are_exported_by_themselves_and_signed(config: dict[str, Any]) -> None:
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("grant", [invoice(1)], channel="dummy", by="amina")
        assert not paymaster.heads_file.exists()
        paymaster.approve(payroll, by="joseph")
        assert reasons(paymaster) == [f"approval of {payroll}"]
        paymaster.pause(payroll, by="joseph", reason="a look first")
    assert reasons(paymaster) == [f"approval of {payroll}", "position"]
    with Paymaster.open(config) as paymaster:
        found = paymaster.verify()
        assert found.ok, found.findings
        assert f"{paymaster.heads_file} vouches for 3 facts" in found.notes[0]
        paymaster.heads_file.unlink()
        assert "nothing outside this store" in paymaster.verify().notes[0]
        assert not paymaster.verify(None).findings


def test_an_approval_removed_is_found_with_the_heads_of_this_machine(config: dict[str, Any], tmp_path: Path) -> None:
    with Paymaster.open(config, create=True) as paymaster:
        paymaster.approve(paymaster.propose("grant", [invoice(1)], channel="dummy", by="amina"), by="joseph")
    sql(tmp_path / "pay.db", "DELETE FROM facts WHERE kind = 'approved'", "DELETE FROM heads")
    with Paymaster.open(config) as paymaster:
        assert "row 2 is missing, of which the head exported at" in "\n".join(paymaster.verify().findings)


def test_an_export_that_fails_undoes_no_approval(
    config: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paymaster = Paymaster.open(config, create=True)
    payroll = paymaster.propose("grant", [invoice(1)], channel="dummy", by="amina")
    paymaster.heads_file.mkdir()
    with caplog.at_level(logging.WARNING, logger="gateway_core"):
        paymaster.approve(payroll, by="joseph")
        paymaster.close_store()
    assert paymaster.status(payroll)[0].state == "approved"
    assert "the heads were not exported to" in caplog.text
    paymaster.close_store()


@pytest.mark.sqlite("it puts a file back")
def test_a_restored_backup_begins_new_heads(config: dict[str, Any], tmp_path: Path) -> None:
    """After two people said so, the old file is kept as evidence of what was lost, and a new one begins."""
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("grant", [invoice(1)], channel="dummy", by="amina")
        assert paymaster.backup(tmp_path / "backup.db").facts == 1
        paymaster.approve(payroll, by="joseph")
        old = paymaster.heads_file.read_text()
    (tmp_path / "backup.db").replace(tmp_path / "pay.db")
    for left in ("pay.db-wal", "pay.db-shm"):
        (tmp_path / left).unlink(missing_ok=True)
    with Paymaster.open(config) as paymaster:
        assert not paymaster.verify().ok
        paymaster.restored(by="amina", second="joseph")
        assert paymaster.verify().ok
        kept = [file for file in paymaster.heads_file.parent.iterdir() if ".until-" in file.name]
        assert [file.read_text().splitlines()[:1] for file in kept] == [old.splitlines()[:1]]


@pytest.mark.sqlite("a server has tools of its own for copies")
def test_a_copy_has_heads_of_its_own_and_sends_nothing(config: dict[str, Any], tmp_path: Path) -> None:
    with Paymaster.open(config, create=True) as paymaster:
        payroll = paymaster.propose("grant", [invoice(1)], channel="dummy", by="amina")
        paymaster.approve(payroll, by="joseph")
        paymaster.backup(tmp_path / "copy.db")
        mine = paymaster.heads_file
    with Paymaster.open(config, store=f"sqlite:///{tmp_path}/copy.db") as copy:
        assert copy.heads_file != mine
        with pytest.raises(RestoredStore, match="is it a copy"):
            copy.run()
    with Paymaster.open(config) as paymaster:
        assert paymaster.verify().ok
