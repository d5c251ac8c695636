"""Each sender of a store on PostgreSQL holds a lock on a file of its own: who finds it free knows that it is gone.

So what a crashed sender held is taken over at once by the next one on this machine, as on SQLite. Elsewhere, and where
the lock is still held (a stopped process, a forked child), leases decide.
"""

from __future__ import annotations

import fcntl
import os
import platform
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..model.errors import StoreError

_LIFE = Path("/proc/sys/kernel/random/boot_id")


class Presence:
    """`with Presence(mark):` beside a store's mark, for as long as a sender runs. `name` is of this run alone."""

    def __init__(self, mark: Path) -> None:
        self.name, self._mark = uuid.uuid4().hex, mark
        self._file: int | None = None

    def _path(self, name: str) -> Path:
        return self._mark.with_suffix(f".{name}.sender")

    def __enter__(self) -> Presence:
        try:
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path(self.name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            os.pwrite(self._file, _machine(), 0)
        except OSError as error:
            raise StoreError(f"{self._path(self.name)} cannot be written: {error.strerror}; nothing is sent") from error
        return self

    def gone(self) -> list[str]:
        """Names of senders that ran on this machine, since it was started last, and hold their lock no more."""
        there = self._mark.parent.glob(f"{self._mark.stem}.*.sender")
        names = (path.suffixes[-2][1:] for path in there)
        return [name for name in names if name != self.name and self._is_gone(self._path(name))]

    def _is_gone(self, path: Path) -> bool:
        # On a folder that machines share, a lock may be known to its own machine only.
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.pread(file, 200, 0) == _machine()
        except OSError:
            return False
        finally:
            os.close(file)

    def forget(self, names: Iterable[str]) -> None:
        """It is on record that they are gone."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            if kind is None:
                with suppress(OSError):
                    self._path(self.name).unlink()
            # Let go of it outright: a child forked meanwhile has the file open, too.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = None


def _machine() -> bytes:
    """This machine, since it was started last."""
    try:
        return _LIFE.read_bytes().strip()
    except OSError:
        return platform.node().encode()
