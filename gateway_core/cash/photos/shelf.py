"""The folder that photographs lie in, outside the database: once each, named by the SHA-256 of what is kept.

What is there is whole and on the disk: written aside, fsynced, then renamed. Faces are on them: only the store's owner
may read them.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from ...store.disk import sync
from .drawn import Picture, drawn_again

_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch


class Shelf:
    """`folder` is made when the first photograph comes. Call `settle` before a transaction names what was kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._unsettled: set[Path] = set()

    def keep(self, data: bytes, said: str = "") -> Picture:
        """Draw it anew and keep it. Raises PhotoRefused, then nothing is kept; OSError."""
        picture = drawn_again(data, said)
        path = self._path(picture.sha256)
        if not self.whole(picture.sha256):
            self._write(path, picture.data)
        # Also of one that was there: whoever wrote it may not have come to this.
        self._unsettled |= {path.parent, self._folder, self._folder.parent}
        return picture

    def settle(self) -> None:
        """After this, everything that was kept survives a power cut."""
        for folder in sorted(self._unsettled):
            sync(folder)
        self._unsettled.clear()

    def path(self, sha256: str) -> Path:
        """Where it lies. Raises FileNotFoundError, also for what is no digest."""
        if _DIGEST(sha256) is None or not (path := self._path(sha256)).is_file():
            raise FileNotFoundError(2, "no such photograph", sha256)
        return path

    def whole(self, sha256: str) -> bool:
        """Whether it is there, unchanged."""
        try:
            return hashlib.sha256(self.path(sha256).read_bytes()).hexdigest() == sha256
        except OSError:
            return False

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / f"{sha256}.jpg"

    def _write(self, path: Path, data: bytes) -> None:
        if not path.parent.is_dir():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).rename(path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
