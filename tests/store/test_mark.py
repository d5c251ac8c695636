"""The mark (design 7): a store older than what was sent from it, or a copy, is noticed before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway_core.engine.mark import SIZE, Mark
from gateway_core.model.errors import RestoredStore
from gateway_core.store import Result, Store
from gateway_core.store.opening import close_store, newest
from tests import stores

from .building import LINES, WAITING, a_payment, approve, claim, intent, new_store, open_again, propose, tell


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


def noted(folder: Path, store: Store) -> None:
    """Note what a sender notes before it sends: where its session stands."""
    mark = Mark(folder, store)
    mark.write(store.session, *store.head)
    mark.close()


def test_a_store_that_holds_what_was_sent_is_good(path: Path, folder: Path) -> None:
    store = open_again(path)
    claim(store, "grant", 1)
    tell(store, LINES["pending"], WAITING)
    noted(folder, store)
    Mark(folder, store).check()
    close_store(store)
    store = open_again(path)
    Mark(folder, store).check()
    close_store(store)


def test_a_crash_between_commit_and_mark_is_normal(path: Path, folder: Path) -> None:
    """Store ahead of mark: the intent is on disk, and was not sent."""
    store = open_again(path)
    claim(store, "grant", 1)
    tell(store, LINES["pending"], WAITING)
    noted(folder, store)
    assert tell(store, LINES["pending"], WAITING) is Result.OK
    Mark(folder, store).check()
    close_store(store)


def test_an_older_store_is_noticed(path: Path, folder: Path, tmp_path: Path) -> None:
    kept = stores.copy(path, tmp_path / "backup.db")
    store = open_again(path)
    tell(store, LINES["pending"], WAITING)
    noted(folder, store)
    close_store(store)
    stores.copy(kept, path)
    store = open_again(path)
    with pytest.raises(RestoredStore, match="older than what was sent from it: was a backup restored"):
        Mark(folder, store).check()
    close_store(store)


def test_an_older_store_is_noticed_after_others_wrote_to_it(path: Path, folder: Path, tmp_path: Path) -> None:
    """It numbers its sessions on from where it was: the row of the mark is there again, but it is another one."""
    kept = stores.copy(path, tmp_path / "backup.db")
    store = open_again(path)
    tell(store, LINES["pending"], WAITING)
    noted(folder, store)
    session, n = store.session, store.head[0]
    close_store(store)
    stores.copy(kept, path)
    store = open_again(path)
    propose(store, "another", [a_payment("another")])
    assert (store.session, store.head[0]) == (session, n)
    with pytest.raises(RestoredStore):
        Mark(folder, store).check()
    close_store(store)


def test_a_copy_is_noticed(path: Path, folder: Path, tmp_path: Path) -> None:
    store = open_again(path)
    noted(folder, store)
    close_store(store)
    copy = open_again(stores.copy(path, tmp_path / "elsewhere.db"))
    with pytest.raises(RestoredStore, match="is it a copy"):
        Mark(folder, copy).check()
    close_store(copy)


@pytest.mark.sqlite("about links to the file")
def test_another_way_to_the_same_file_is_no_copy(path: Path, folder: Path, tmp_path: Path) -> None:
    store = open_again(path)
    noted(folder, store)
    close_store(store)
    (tmp_path / "link.db").symlink_to(path)
    linked = open_again(tmp_path / "link.db")
    Mark(folder, linked).check()
    close_store(linked)


def test_a_new_store_has_a_mark_from_the_start(tmp_path: Path, folder: Path) -> None:
    store = new_store(tmp_path / "new.db")
    Mark(folder, store).write(0, 0, b"")
    Mark(folder, store).check()
    close_store(store)


def test_a_mark_that_cannot_be_read_stops_sending(path: Path, folder: Path) -> None:
    store = open_again(path)
    noted(folder, store)
    Mark(folder, store).path.write_text("{")
    with pytest.raises(RestoredStore):
        Mark(folder, store).check()
    close_store(store)


@pytest.mark.parametrize("address", ["short.db", "/".join(["long" * 20] * 12)], ids=["usual", "deep"])
def test_a_shorter_note_leaves_nothing_of_a_longer_one(path: Path, folder: Path, address: str) -> None:
    store = open_again(path)
    propose(store, "more", [a_payment("more")])
    mark = Mark(folder, store)
    mark._address = address
    mark.write(10**15, 10**15, store.head[1])
    mark.write(store.session, *store.head)
    assert mark.path.stat().st_size == SIZE if address == "short.db" else mark.path.stat().st_size > SIZE
    mark.check()
    mark.close()
    close_store(store)


def test_the_newest_row_is_that_of_the_last_session_that_wrote(path: Path) -> None:
    store = open_again(path)
    session, n, chain = newest(store)
    assert (session, n, len(chain)) == (3, 13, 32)
    approve(store, propose(store, "more", [a_payment("more")]))
    claim(store, "more", 1)
    tell(store, a_payment("more"), intent("k-more"))
    assert newest(store) == (store.session, *store.head)
    close_store(store)
