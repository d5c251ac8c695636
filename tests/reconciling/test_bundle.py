"""The evidence bundle: checked without the database; any change of it is found, and by whom it was signed is told."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.cli import run_command
from gateway_core.model.errors import StoreError
from gateway_core.reconcile.bundle_check import check

if TYPE_CHECKING:
    from tests.conftest import Shop

KEY, OTHER = Ed25519PrivateKey.from_private_bytes(b"\1" * 32), Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
PAID = {"paid": "yes", "receipt": "R-1", "paid_on": "2026-11-25"}


@pytest.fixture
def bundle(open_shop: Callable[..., Shop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A closed payroll's, signed."""
    monkeypatch.setenv("TEST_SIGNING_KEY", base64.b64encode(b"\1" * 32).decode())
    shop = open_shop(signing_key={"env": "TEST_SIGNING_KEY"})
    payroll = shop.paid([*shop.invoices(3), shop.invoice(9, "fault-refused")])
    path = tmp_path / "list.csv"
    shop.paymaster.export("list", path, payroll=payroll)
    text = path.read_text(encoding="utf-8-sig").splitlines()
    path.write_text("\n".join([text[0], *(line.replace("paid,,", "paid,yes,R") for line in text[1:-1])]) + "\n")
    shop.paymaster.import_list(payroll, path, by="grace")
    number = shop.paymaster.open_dispute("late", kept_by="amina", payroll=payroll)
    shop.paymaster.resolve_dispute(number, by="joseph", resolution="yes")
    shop.paymaster.reconcile(payroll, by="amina")
    shop.paymaster.close(payroll, by="joseph")
    shop.paymaster.bundle(payroll, tmp_path / "bundle.zip")
    return tmp_path / "bundle.zip"


def test_it_is_checked_without_the_database(bundle: Path) -> None:
    found = check(bundle, KEY.public_key())
    assert found.findings == [] and found.payments == 4 and found.facts > 10
    assert "signed by the given key" in found.notes


def test_without_a_key_the_signer_is_not_verified(bundle: Path) -> None:
    found = check(bundle, None)
    assert found.ok and any("unchanged, signer not verified" in note for note in found.notes)


def test_another_key_is_told(bundle: Path) -> None:
    assert not check(bundle, OTHER.public_key()).ok


def test_it_has_the_files_the_approvals_and_no_secret(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
        facts = [json.loads(line) for line in archive.read("facts.jsonl").splitlines()]
        assert len([name for name in archive.namelist() if name.startswith("files/")]) == 1
    assert {"proposed", "approved", "closed", "intent", "answer", "applied", "resolved"} <= {f["kind"] for f in facts}
    assert base64.b64encode(b"\1" * 32) not in whole and b"\1" * 32 not in whole


def rewritten(
    bundle: Path, change: Callable[[dict[str, bytes]], object], sign: Ed25519PrivateKey | None = None
) -> Path:
    """The bundle with its parts changed; with `sign`, the manifest is made anew and signed by that key."""
    with zipfile.ZipFile(bundle) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    if sign is not None:
        manifest = json.loads(parts["manifest.json"])
        own = {name: data for name, data in parts.items() if name not in ("manifest.json", "signature.json")}
        manifest["parts"] = {n: {"sha256": hashlib.sha256(d).hexdigest(), "size": len(d)} for n, d in own.items()}
        data = parts["manifest.json"] = json.dumps(manifest).encode()
        signature = base64.b64encode(sign.sign(b"gateway_core bundle v1\n" + data)).decode()
        public = base64.b64encode(sign.public_key().public_bytes_raw()).decode()
        parts["signature.json"] = json.dumps({"key": public, "signature": signature}).encode()
    target = bundle.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target


def test_any_changed_byte_of_any_part_is_found(bundle: Path) -> None:
    chance = random.Random(5)
    with zipfile.ZipFile(bundle) as archive:
        names = [info.filename for info in archive.infolist() if info.file_size]
    for name in names:

        def flip(parts: dict[str, bytes], name: str = name) -> None:
            data = bytearray(parts[name])
            data[chance.randrange(len(data))] ^= 1
            parts[name] = bytes(data)

        try:
            assert not check(rewritten(bundle, flip), KEY.public_key()).ok, name
        except StoreError:
            assert name == "manifest.json"


@pytest.mark.parametrize("what", ["missing", "added", "state", "amount", "fact", "unsigned"])
def test_what_was_changed_is_told_even_where_the_manifest_was_made_anew(what: str, bundle: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        lines = [json.loads(line) for line in parts["payments.jsonl"].splitlines()]
        if what == "missing":
            del parts["arrivals.jsonl"], parts["facts.jsonl"]
        elif what == "added":
            parts["evil.py"] = b"x"
        elif what == "state":
            lines[0]["state"] = "refused"
        elif what == "amount":
            lines[0]["amount"] += 1
        elif what == "fact":
            parts["facts.jsonl"] = parts["facts.jsonl"].replace(b'"source": "joseph"', b'"source": "amina"', 1)
            parts["facts.jsonl"] = parts["facts.jsonl"].replace(b"D-", b"E-", 1)
        elif what == "unsigned":
            del parts["signature.json"]
        parts["payments.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    assert not check(rewritten(bundle, change), KEY.public_key()).ok
    if what in ("state", "amount", "fact"):
        # Signed anew by somebody else: unchanged since, but what follows from it does not.
        assert not check(rewritten(bundle, change, sign=OTHER), None).ok


@pytest.mark.parametrize("content", [b"", b"PK", os.urandom(1000)])
def test_what_is_no_bundle_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(StoreError):
        check(tmp_path / "a.zip", None)


def test_the_command_needs_no_configuration(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    key = elsewhere / "key"
    key.write_text(base64.b64encode(KEY.public_key().public_bytes_raw()).decode())
    assert run_command(["verify", str(bundle), "--key", str(key)]) == 0
    assert "signed by the given key" in capsys.readouterr().out
    assert run_command(["verify", str(bundle)]) == 0
    assert "unchanged, signer not verified" in capsys.readouterr().out
    key.write_text(base64.b64encode(OTHER.public_key().public_bytes_raw()).decode())
    assert run_command(["verify", str(bundle), "--key", str(key)]) == 1
