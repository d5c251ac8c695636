"""A backup is one consistent picture, taken while others write; it never overwrites and leaves nothing half-done."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from gateway_core.model.errors import StoreError
from gateway_core.store import Result, Store
from gateway_core.store import backup as backups
from gateway_core.store.backup import backup
from gateway_core.store.opening import close_store
from gateway_core.store.verifying import verify

from .building import LINES, WAITING, claim, open_again, sql, tell

pytestmark = pytest.mark.sqlite("a server has tools of its own for that")


def test_a_backup_holds_what_the_store_holds(path: Path, heads: Path, tmp_path: Path) -> None:
    store = open_again(path)
    report = backup(store, tmp_path / "copy-of-copy.db")
    close_store(store)
    assert (report.facts, report.payments, report.payrolls, report.store) == (36, 9, 4, store.identity)
    assert report.target.stat().st_size == report.size
    assert report.target.stat().st_mode & 0o777 == 0o600
    copy = open_again(report.target)
    assert copy.identity == store.identity
    assert verify(copy, heads).ok
    close_store(copy)


def test_a_sender_goes_on_while_a_backup_is_taken(path: Path, tmp_path: Path) -> None:
    """Every backup taken beside a writer is whole: a fact and the state folded from it are in it together."""
    sql(path, "UPDATE payrolls SET paused = '' WHERE id = 'grant'")
    store, stop, told = open_again(path), threading.Event(), list[Result]()
    claim(store, "grant", 1)

    def send() -> None:
        while not stop.is_set():
            told.append(tell(store, LINES["pending"], WAITING))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        reports = [backup(store, tmp_path / f"{number}.db") for number in range(3)]
    finally:
        stop.set()
        sender.join()
    close_store(store)
    assert told and set(told) == {Result.OK}
    assert [report.facts for report in reports] == sorted(report.facts for report in reports)
    for report in reports:
        copy = open_again(report.target)
        # `paused` was lifted behind the store's back, to let the claim through.
        assert [finding for finding in verify(copy).findings if "paused" not in finding] == []
        close_store(copy)


def test_what_was_erased_is_not_in_the_backup(path: Path, tmp_path: Path) -> None:
    """Deleted content stays in a file's free pages; a backup must not carry it on."""
    secret = b"secret of a person " * 400
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("INSERT INTO blobs VALUES (x'01', ?)", (secret,))
        connection.commit()
        connection.execute("DELETE FROM blobs")
    connection.close()
    assert secret[:100] in path.read_bytes()
    store = open_again(path)
    report = backup(store, tmp_path / "b.db")
    close_store(store)
    assert secret[:100] not in report.target.read_bytes()


def test_nothing_is_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.db"
    target.write_text("mine")
    store = open_again(path)
    with pytest.raises(StoreError, match="exists already; a backup never overwrites"):
        backup(store, target)
    with pytest.raises(StoreError, match="exists already"):
        backup(store, path)
    with pytest.raises(StoreError, match="cannot be written"):
        backup(store, tmp_path / "no" / "such" / "folder.db")
    close_store(store)
    assert target.read_text() == "mine"


def test_a_backup_that_fails_leaves_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "sync", full)
    store = open_again(path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StoreError, match=r"failed and was removed: .*No space left"):
        backup(store, tmp_path / "b.db")
    assert sorted(tmp_path.iterdir()) == before
    close_store(store)


def test_a_damaged_store_gives_no_backup(path: Path, tmp_path: Path) -> None:
    store = open_again(path)
    close_store(store)
    damaged = Path(shutil.copy(path, tmp_path / "damaged.db"))
    content = bytearray(damaged.read_bytes())
    content[4096 * 3 : 4096 * 12] = b"\xff" * 4096 * 9
    damaged.write_bytes(content)
    broken = Store(f"sqlite:///{damaged}", "example")
    broken.identity = store.identity
    with pytest.raises(StoreError, match=r"failed and was removed|is damaged"):
        backup(broken, tmp_path / "b.db")
    broken.close()
    assert not (tmp_path / "b.db").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_other_databases_have_their_own_tool(url: str, tmp_path: Path) -> None:
    store = Store(url, "example")
    with pytest.raises(StoreError, match="pg_dump"):
        backup(store, tmp_path / "b.db")
    store.close()
