"""What can happen to the machine under a store: each strikes when its context is entered and is lifted at its end."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import attrs
import pytest

from .rig import At

Fault = Callable[[Path], AbstractContextManager[None]]
STORE = "store.db"
BLOCK = 4096
LARGEST_TO_FILL = 2**26


@contextmanager
def limited(what: int, to: int) -> Iterator[None]:
    """A limit of this very process."""
    soft, hard = resource.getrlimit(what)
    resource.setrlimit(what, (to, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (soft, hard))


@contextmanager
def no_file_grows(folder: Path) -> Iterator[None]:
    """Writing beyond what the largest file has now fails, as on a disk that gives errors there."""
    largest = max(file.stat().st_size for file in folder.glob(STORE + "*"))
    with limited(resource.RLIMIT_FSIZE, largest + 100):
        yield


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """Not a block is left on the file system of this folder. See the fixture `small_disk`."""
    assert shutil.disk_usage(folder).total < LARGEST_TO_FILL
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, BLOCK):
            with suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def few_descriptors(left: int) -> Iterator[None]:
    """So many files and connections can still be opened."""
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208 - not of one folder
    held: list[int] = []
    with limited(resource.RLIMIT_NOFILE, highest + 1 + left):
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for each in held[:left]:
            os.close(each)
        del held[:left]
        try:
            yield
        finally:
            for each in held:
                os.close(each)


def no_descriptor_left(folder: Path) -> AbstractContextManager[None]:
    """Nothing more can be opened: no file, no connection."""
    return few_descriptors(0)


# Run by a process of its own, which says `held` and lets go once its input ends.
HOLDS_DATABASE = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""
HOLDS_TURN = """
import fcntl, sys
held = open(sys.argv[1] + ".writer", "ab")
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def another_process(code: str) -> Fault:
    @contextmanager
    def held(folder: Path) -> Iterator[None]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder / STORE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            assert process.stdout.readline() == b"held\n"
            yield
        finally:
            process.stdin.close()
            process.stdout.close()
            process.wait()

    return held


@contextmanager
def store_is_gone(folder: Path) -> Iterator[None]:
    """Somebody moved the file away, and later back."""
    (folder / STORE).rename(folder / "elsewhere")
    try:
        yield
    finally:
        (folder / "elsewhere").replace(folder / STORE)


@contextmanager
def store_is_swapped(folder: Path) -> Iterator[None]:
    """The backup that was taken before the run is put in the place of the file, and stays there."""
    copy = folder / "copy"
    shutil.copy(folder / "backup.db", copy)
    copy.replace(folder / STORE)
    yield


def _call_fails(name: str, code: int) -> Fault:
    """A call of the operating system fails. The mark makes these by Python, the database does not."""

    def fails(*given: object) -> None:
        raise OSError(code, os.strerror(code))

    @contextmanager
    def failing(folder: Path) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, name, fails)
            yield

    return failing


MARKING: tuple[At, ...] = (("before-commit", 1), ("after-mark", 1))
MOMENTS: tuple[At, ...] = (
    ("claimed", 1), ("before-commit", 2), ("after-commit", 2), ("before-ask", 3), ("after-ask", 2),
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Case:
    """A fault, and what a run says that meets it.

    `goes_by`: at some moments nobody notices. `reopen`: the store must be opened again; otherwise the same Paymaster
    goes on. `restored`: two people must say that it is an older one.
    """

    strikes: Fault
    says: str
    moments: tuple[At, ...] = MOMENTS
    goes_by: bool = False
    reopen: bool = False
    restored: bool = False


CASES = {
    "files cannot grow": Case(
        strikes=no_file_grows, says=r"a COMMIT raised \((disk I/O error|database or disk is full)\)", reopen=True
    ),
    "no descriptor left": Case(
        strikes=no_descriptor_left, says=r"Too many open files|unable to open database file", goes_by=True
    ),
    "locked by another": Case(strikes=another_process(HOLDS_DATABASE), says=r"database is locked"),
    "a writer stands still": Case(
        strikes=another_process(HOLDS_TURN), says=r"another process has held .* is it stopped\? Nothing was written"
    ),
    "no room for the mark": Case(
        strikes=_call_fails("pwrite", errno.ENOSPC), says=r"the mark .* cannot be written: No space left on device",
        moments=MARKING,
    ),
    "mark not synced": Case(
        strikes=_call_fails("fsync", errno.EIO), says=r"the mark .* cannot be written: Input/output error",
        moments=MARKING,
    ),
    "store moved away": Case(strikes=store_is_gone, says=r"was moved, removed or replaced while it was open"),
    "store swapped": Case(
        strikes=store_is_swapped, says=r"was moved, removed or replaced while it was open", reopen=True, restored=True,
        moments=(("before-commit", 2), ("after-commit", 2), ("before-ask", 3), ("after-ask", 2)),
    ),
}  # fmt: skip
EACH = [(name, at) for name, case in CASES.items() for at in case.moments]
