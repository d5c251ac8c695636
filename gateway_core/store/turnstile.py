"""Writers of one SQLite file queue at an operating-system lock, in the order in which they came.

SQLite's own waiting polls with growing pauses: a sender's intent could wait for seconds behind a proposal that comes
back for the next page at once (measured: 2.1 s; here, at most a page's transaction).
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from ..model.errors import StoreError

# As long as SQLite itself waits: whoever writes for longer stands still.
PATIENCE = 30.0


class Turnstile:
    """`with turnstile:` around each write transaction. Nothing for a store in memory or on another database.

    Raises StoreError where the lock cannot be had, at the latest after `PATIENCE`: its holder may be stopped.
    """

    def __init__(self, store: Path | None) -> None:
        self._path = store.resolve().with_name(store.resolve().name + ".writer") if store else None
        self._file: int | None = None

    def __enter__(self) -> None:
        if self._path is None:
            return
        if self._file is None:
            self._file = _opened(self._path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting, self._file = _Waiting(self._file), None
            self._file = waiting.through(PATIENCE, self._path)

    def __exit__(self, *failure: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened for writing: {error.strerror}; nothing was written") from error


class _Waiting:
    """One place in the queue. A blocked lock cannot be given up, so it waits in a thread, which is left behind then."""

    def __init__(self, file: int) -> None:
        self._file, self._through, self._left = file, threading.Event(), False
        self._lock = threading.Lock()
        threading.Thread(target=self._wait, name="gateway-turnstile", daemon=True).start()

    def _wait(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._lock:
            self._through.set()
            if self._left:
                os.close(self._file)

    def through(self, seconds: float, path: Path) -> int:
        """Wait for the turn. Returns the file, locked."""
        try:
            if self._through.wait(seconds):
                return self._file
            raise StoreError(
                f"another process has held {path} for {seconds:.0f} s, far longer than it should: is it stopped? "
                "Nothing was written"
            )
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        with self._lock:
            self._left = True
            if self._through.is_set():
                os.close(self._file)
