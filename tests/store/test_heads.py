"""The file of heads: what leaves the store, so that nobody can rewrite it unseen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.model.errors import StoreError
from gateway_core.store.heads import export_heads, read_heads, set_aside
from gateway_core.store.opening import close_store
from gateway_core.store.verifying import verify

from .building import a_payment, approve, look, open_again, propose


def test_heads_are_exported_once(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "heads.jsonl"
    store = open_again(path)
    assert export_heads(store, file) == 6
    assert export_heads(store, file) == 0
    propose(store, "more", [a_payment("more")])
    assert export_heads(store, file) == 1
    last = [head for _, head in read_heads(file)][-1]
    assert last is not None and (last.session, last.n, last.why) == (store.session, 1, "position")
    approve(store, "more")
    assert export_heads(store, file) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert verify(store, file).ok
    close_store(store)


def test_rows_after_the_last_export_are_told(path: Path, heads: Path) -> None:
    store = open_again(path)
    propose(store, "more", [a_payment("more")])
    found = verify(store, heads)
    close_store(store)
    assert found.ok
    assert "1 facts are not covered by an exported head; only the store vouches for them" in found.notes


def test_a_line_cut_off_by_a_crash_does_not_spoil_the_next(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "heads.jsonl"
    store = open_again(path)
    export_heads(store, file)
    whole = file.read_text()
    file.write_text(whole[:-30])
    assert export_heads(store, file) == 1
    assert file.read_text() == whole
    assert verify(store, file).ok
    close_store(store)


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", '{"store": 1}', '{"surplus": 1}'])
def test_a_line_that_is_no_head_is_named(path: Path, heads: Path, tmp_path: Path, line: str) -> None:
    file = Path(shutil.copy(heads, tmp_path / "heads.jsonl"))
    file.write_text(line + "\n" + file.read_text())
    assert look(path, file).findings == [f"line 1 of {file} is no head: the file was altered or cut off"]


def test_a_missing_file_of_heads_is_an_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no file of heads"):
        look(path, tmp_path / "none.jsonl")


def test_setting_heads_aside_keeps_them(tmp_path: Path) -> None:
    file = tmp_path / "x.heads.jsonl"
    assert set_aside(file) is None
    file.write_text("old\n")
    kept = set_aside(file)
    assert kept is not None and kept.read_text() == "old\n" and not file.exists()


def signed(path: Path, file: Path, key: Ed25519PrivateKey | None) -> None:
    store = open_again(path)
    export_heads(store, file, key)
    close_store(store)


def test_signed_heads(path: Path, tmp_path: Path) -> None:
    mine, other, file = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate(), tmp_path / "heads.jsonl"
    signed(path, file, mine)
    assert look(path, file, mine).ok and look(path, file).ok
    refused = look(path, file, other)
    assert len(refused.findings) == 6 and refused.findings[0].endswith("row 2, has a bad signature")
    forged = file.read_text().replace('"why": "session ended"', '"why": "session begun"')
    file.write_text(forged)
    assert len(look(path, file, mine).findings) == 3


def test_unsigned_heads_vouch_for_nothing_where_a_key_is_configured(path: Path, tmp_path: Path) -> None:
    key, file = Ed25519PrivateKey.generate(), tmp_path / "heads.jsonl"
    signed(path, file, None)
    assert look(path, file, key).findings == [f"no head in {file} is signed by the configured key"]
    signed(path, file, key)
    found = look(path, file, key)
    assert found.ok
    assert f"6 heads in {file} are not signed; they vouch for nothing where a key is configured" in found.notes
