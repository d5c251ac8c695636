"""The machine has failed before a run begins: it says so and sends nothing; once it is mended, all goes on."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core.model.errors import StoreError
from gateway_core.paymaster import Paymaster
from gateway_core.testing.kill import Dummy

from .faults import HOLDS_DATABASE, HOLDS_TURN, Fault, another_process, few_descriptors, no_descriptor_left
from .rig import LINES, agrees

if TYPE_CHECKING:
    from tests.conftest import Shop

pytestmark = pytest.mark.sqlite("about its files and locks")


def _mode(name: str, mode: int) -> Fault:
    @contextmanager
    def changed(folder: Path) -> Iterator[None]:
        (path,) = [folder] if not name else folder.glob(name)
        before = path.stat().st_mode
        path.chmod(mode)
        try:
            yield
        finally:
            path.chmod(before)

    return changed


def _content(made: Callable[[bytes], bytes]) -> Fault:
    @contextmanager
    def changed(folder: Path) -> Iterator[None]:
        store = folder / "store.db"
        before = store.read_bytes()
        store.write_bytes(made(before))
        try:
            yield
        finally:
            for part in ("-wal", "-shm"):
                (folder / ("store.db" + part)).unlink(missing_ok=True)
            store.write_bytes(before)

    return changed


@contextmanager
def _no_folder(folder: Path) -> Iterator[None]:
    folder.rename(folder.with_name("elsewhere"))
    try:
        yield
    finally:
        folder.with_name("elsewhere").rename(folder)


FAULTS: dict[str, tuple[Fault, str]] = {
    "read-only file": (_mode("store.db", 0o444), "attempt to write a readonly database"),
    "read-only folder": (_mode("", 0o555), "unable to open database file|readonly database|Permission denied"),
    "file that may not be read": (_mode("store.db", 0), "unable to open database file"),
    "read-only mark": (_mode("marks/*.mark", 0o444), "the mark .* cannot be written: Permission denied"),
    "mark that may not be read": (_mode("marks/*.mark", 0), "the mark .* cannot be read: Permission denied"),
    "no way to the marks": (_mode("marks", 0), "the mark .* cannot be read: Permission denied"),
    "locked by another": (another_process(HOLDS_DATABASE), "database is locked"),
    "a writer stands still": (another_process(HOLDS_TURN), "is it stopped"),
    "no descriptor left": (no_descriptor_left, "unable to open database file|Too many open files"),
    "another file": (_content(lambda old: b"GIF89a" * 999), "file is not a database"),
    "half a file": (_content(lambda old: old[: len(old) // 2]), "malformed|disk image"),
    "damaged file": (_content(lambda old: old[:4096] + b"\xff" * (len(old) - 4096)), "malformed|disk image"),
    "empty file": (_content(lambda old: b""), "there is no store at .*; `gateway init` makes one"),
    "gone": (_no_folder, "there is no store at .*; `gateway init` makes one"),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.few(5)
def test_a_fault_before_a_run(fault: str, open_here: Callable[..., Shop], servers: dict[bool, Dummy]) -> None:
    strikes, says = FAULTS[fault]
    shop = open_here(True)
    payroll = shop.approved(shop.invoices(LINES, cycle=str(shop.folder)))
    payments = [view.id for view in shop.paymaster.payments(payroll)]
    shop.paymaster.close_store()

    with strikes(shop.folder):
        error = as_anybody(lambda: open_and_run(shop, payroll))
    assert isinstance(error, StoreError), repr(error)
    with pytest.raises(StoreError, match=says):
        raise error
    assert not servers[True].moved().keys() & set(payments)

    shop.reopen()
    assert not shop.run(payroll).waiting
    agrees(servers[True], shop, payroll)


# With three or four left, asyncio's own loop cannot be made, and complains in its own way.
@pytest.mark.parametrize("left", [0, 1, 2, 5, 7, 9])
@pytest.mark.few(2)
def test_few_descriptors_are_left_for_a_store_that_is_open(
    left: int, open_here: Callable[..., Shop], servers: dict[bool, Dummy]
) -> None:
    """A long-lived host has opened nearly all that it may: whichever file or connection of ours is the one too many."""
    shop = open_here(True)
    payroll = shop.approved(shop.invoices(LINES, cycle=str(shop.folder)))
    with few_descriptors(left):
        try:
            assert shop.run(payroll, wait=0).finished or left < 9
        except StoreError as error:
            assert "Too many open files" in str(error), error
    assert not shop.run(payroll).waiting
    agrees(servers[True], shop, payroll, held=True)


def open_and_run(shop: Shop, payroll: str) -> None:
    # What is configured was read when there were descriptors left.
    with Paymaster.open(shop.paymaster.configuration) as paymaster:
        paymaster.run(payroll)


def as_anybody(work: Callable[[], None]) -> BaseException | None:
    """Do it in a thread that permissions of files bind, as they bind everybody but root. Returns what it raised."""
    raised: list[BaseException] = []

    def do() -> None:
        _no_capabilities()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=do)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def _no_capabilities() -> None:
    """Linux keeps them per thread, and threads that begin in this one get no others. Nothing to do but for root."""
    if os.geteuid() == 0:
        version_3, this_thread, none = 0x20080522, 0, (ctypes.c_uint32 * 6)()
        header = (ctypes.c_uint32 * 2)(version_3, this_thread)
        if ctypes.CDLL(None, use_errno=True).capset(header, none):
            raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])
