"""One sender at a time on SQLite, held by an operating-system lock: a killed process lets go of it by itself."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..model.errors import SenderBusy, StoreError


class SenderLock:
    """`with SenderLock(path)`: the only sender. Raises SenderBusy and says who sends; StoreError."""

    def __init__(self, store: Path | None) -> None:
        # The file itself, whatever the link that leads to it is called.
        self._path = store.resolve().with_name(store.resolve().name + ".sender") if store else None
        self._file: int | None = None

    def __enter__(self) -> SenderLock:
        if self._path is None:
            return self
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be opened for writing: {error.strerror}; nothing is sent") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            who = os.pread(self._file, 64, 0).decode(errors="replace").strip() or "another process"
            os.close(self._file)
            self._file = None
            raise SenderBusy(f"{who} is sending from this store; it does the work, or stop it first") from None
        # Only for the others' message: a full disk does not keep us from asking about what was sent.
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"process {os.getpid()}".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            # Let go of it outright: a child forked meanwhile has the file open, too.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            os.close(self._file)
            self._file = None
