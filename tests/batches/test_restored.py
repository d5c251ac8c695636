"""A backup is put back: a file that went after it does not go again, and what the bank says of it is understood."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from gateway_core import RestoredStore
from gateway_core.engine.runtime import AsyncioRuntime

from .shaky import Shaky, ShakyBank

if TYPE_CHECKING:
    from .conftest import Branch


@pytest.fixture
def shaky(open_branch: Callable[..., Branch]) -> Branch:
    return open_branch(gateway=ShakyBank)


def way(branch: Branch) -> Shaky:
    assert isinstance(branch.gateway, ShakyBank)
    return branch.gateway.way


def files_of(store: Path) -> Path:
    return store.with_name(store.name + ".files")


def put_back(branch: Branch, backup: Path, *, noticed: bool = True) -> None:
    """The backup with its files takes the place of the store with its files; two people say that it is one.

    One that knows of every put is not behind its mark, and needs nobody's word.
    """
    branch.shop.paymaster.close_store()
    branch.shop.put_back(backup)
    if files_of(backup).exists():
        shutil.rmtree(files_of(branch.shop.store), ignore_errors=True)
        shutil.copytree(files_of(backup), files_of(branch.shop.store))
    branch.shop.reopen()
    branch.speak()
    if not noticed:
        return
    with pytest.raises(RestoredStore):
        branch.run()
    branch.shop.paymaster.restored(by="amina", second="joseph")


def whole(branch: Branch) -> None:
    """Every state follows from its facts. (That rows are gone which an exported head saw, is so, and is found.)"""
    found = branch.shop.paymaster.verify().findings
    assert all("head exported" in finding for finding in found), found


def backed_up_at(branch: Branch, point: str) -> list[Path]:
    """Take a backup when a run comes to a point."""
    taken: list[Path] = []

    class Watched(AsyncioRuntime):
        @staticmethod
        def on_point(name: str) -> None:
            if name == point and not taken:
                taken.append(branch.shop.backup())

    branch.shop.paymaster._runtime = Watched
    return taken


@pytest.mark.sqlite("a backup while a sender writes is a file's")
@pytest.mark.parametrize("collected", [True, False], ids=["collected", "still there"])
@pytest.mark.parametrize(
    "point", ["", "batch-planned", "batch-intents", "batch-staged", "batch-put-intent", "batch-after-put"]
)
@pytest.mark.few(4)
def test_a_file_that_went_after_the_backup_does_not_go_again(shaky: Branch, point: str, collected: bool) -> None:
    shaky.approved(3)
    taken = [shaky.shop.backup()] if not point else backed_up_at(shaky, point)
    shaky.run()
    (sent,) = way(shaky).puts
    if collected:
        shaky.bank.collect()
    put_back(shaky, taken[0], noticed=point not in ("batch-put-intent", "batch-after-put"))
    shaky.known()
    assert way(shaky).puts == []
    assert shaky.documents() == ["held" if collected else "handed_over"]
    assert all(path.name == sent.name for path in shaky.bank.waiting)
    shaky.bank.collect()
    shaky.bank.book(shaky.bank.everything())
    shaky.run(wait=0.3)
    assert set(shaky.states().values()) == {"paid"}, "the keys are the same: the bank's answer is understood"
    assert set(shaky.bank.times().values()) == {1}
    assert shaky.documents() == ["handed_over"]
    whole(shaky)


@pytest.mark.sqlite("a backup while a sender writes is a file's")
def test_lines_that_the_restored_store_never_put_into_a_file_are_not_paid_by_guess(shaky: Branch) -> None:
    """The bank's answer comes before the payroll is planned again: no line of ours has the key yet."""
    payroll = shaky.approved(3)
    backup = shaky.shop.backup()
    shaky.run()
    shaky.bank.collect()
    put_back(shaky, backup)
    shaky.shop.paymaster.pause(payroll, by="amina", reason="what is this?")
    answer = shaky.bank.book(shaky.bank.everything())
    shaky.run(wait=0.3)
    assert [case.kind for case in shaky.shop.paymaster.cases()] == ["unknown_line"]
    shaky.shop.paymaster.resume(payroll, by="amina")
    shaky.known()
    assert way(shaky).puts == []
    assert shaky.documents() == ["held"]
    # People see that the held file is the one that the bank speaks of, and ask for its answer anew.
    rows = (shaky.bank.folder / "in" / "archive" / answer.name).read_text().splitlines()
    again = "\n".join([*reversed(rows[:-1]), rows[-1], ""]).encode()
    shaky.shop.taken(again)
    assert set(shaky.states().values()) == {"paid"}
    assert set(shaky.bank.times().values()) == {1}


@pytest.mark.sqlite("its files lie beside it")
def test_a_file_whose_bytes_did_not_come_back_never_leaves(shaky: Branch) -> None:
    """Somebody restored the database and forgot the folder beside it."""
    shaky.approved(3)
    (taken,) = [backed_up_at(shaky, "batch-staged")]
    shaky.run()
    shaky.bank.collect()
    shaky.shop.paymaster.close_store()
    shaky.shop.put_back(taken[0])
    shutil.rmtree(files_of(shaky.shop.store))
    shaky.shop.reopen()
    shaky.speak()
    shaky.shop.paymaster.restored(by="amina", second="joseph")
    shaky.run(wait=0.5)
    assert way(shaky).puts == []
    assert shaky.documents() == ["held"]
    assert [case.kind for case in shaky.shop.paymaster.cases()] == ["altered_document"]


@pytest.mark.sqlite("its files lie beside it")
def test_a_backup_holds_the_bytes_of_every_file_that_it_speaks_of(shaky: Branch) -> None:
    shaky.approved(25)
    shaky.run()
    backup = shaky.shop.backup()
    (kept,) = {tuple(sorted(path.name for path in files_of(backup).iterdir()))}
    assert set(kept) == {document.sha256 for document in shaky.shop.paymaster.documents()}


def test_what_was_settled_after_the_backup_is_settled_again_by_the_banks_file(shaky: Branch) -> None:
    payroll = shaky.approved(3)
    shaky.run()
    backup = shaky.shop.backup()
    shaky.bank.collect()
    answer = shaky.bank.book(shaky.bank.everything())
    shaky.run(wait=0.2)
    assert set(shaky.states().values()) == {"paid"}
    put_back(shaky, backup, noticed=False)
    shaky.run(wait=0.3)
    assert way(shaky).puts == []
    assert set(shaky.states().values()) == {"pending"}
    archived = shaky.bank.folder / "in" / "archive" / answer.name
    shaky.shop.taken(archived)
    assert set(shaky.states().values()) == {"paid"}
    assert shaky.shop.paymaster.status(payroll)[0].state == "awaiting_reconciliation"
    whole(shaky)


def test_a_file_that_the_bank_does_not_know_may_have_been_replaced(open_branch: Callable[..., Branch]) -> None:
    """It was refused after the backup, and its lines went in another file: the lost part of the journal knows."""
    dedupes = attrs.evolve(ShakyBank.capabilities, dedupes=True, dedupe_window=86_400.0)
    branch = open_branch(gateway=ShakyBank, capabilities=dedupes)
    branch.approved(3)
    backup = branch.shop.backup()
    way(branch).script = ["refused"]
    branch.run()
    for payment in branch.shop.paymaster.payments():
        branch.shop.paymaster.retry(payment.id, by="amina", reason="the bank mended its reader")
    branch.run()
    assert branch.documents() == ["refused", "handed_over"]
    branch.bank.collect()
    branch.bank.book(branch.bank.everything())
    put_back(branch, backup)
    branch.known()
    assert way(branch).puts == []
    assert branch.documents() == ["held"]
