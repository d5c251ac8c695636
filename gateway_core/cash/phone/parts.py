"""The parts of an archive, or of a folder into which one was unpacked. Nothing is ever unpacked to disk."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from ...store.archives import ArchiveRefused, open_archive
from .limits import PARCEL, refused

# Every part has one of these names: what has another is no part of a parcel.
NAME = re.compile(r"(manifest|signature|list)\.json|(records|lines)\.jsonl|photos/[0-9a-f]{64}\.(jpg|png)").fullmatch


# What a part raises while it is read that is not what its archive says.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError)


class Parts(Protocol):
    """Where parts lie."""

    def size(self, name: str) -> int:
        """Bytes of a part; -1 where there is none."""

    def open(self, name: str) -> IO[bytes]:
        """The part, from its beginning."""


@contextmanager
def opened(path: Path) -> Iterator[Parts]:
    """The parts of an archive or a folder. Raises ParcelRefused, also for what shows only while it is read."""
    try:
        if path.is_dir():
            yield _Folder(path)
        else:
            with open_archive(path, PARCEL) as archive:
                yield _Archive(archive)
    except ArchiveRefused as error:
        raise refused(error.code, "file", error.reason) from error
    except BROKEN as error:
        raise refused("broken_archive", "file", f"is a broken archive: {error}") from error


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._parts = {part.orig_filename: part for part in archive.infolist() if not part.is_dir()}
        for name in self._parts:
            _known(name)

    def size(self, name: str) -> int:
        part = self._parts.get(name)
        return -1 if part is None else part.file_size

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(self._parts[name])
        except (RuntimeError, ValueError, OSError, OverflowError, struct.error) as error:
            # A directory that points nowhere, or a way of packing that nobody uses.
            raise zipfile.BadZipFile(str(error)) from error


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if (folder / "photos").is_symlink():
            raise refused("not_plain", "photos", "is a link, not a folder")

    def size(self, name: str) -> int:
        _known(name)
        path = self._folder / name
        if path.is_symlink():
            raise refused("not_plain", name, "is a link, not a file")
        return path.stat().st_size if path.is_file() else -1

    def open(self, name: str) -> IO[bytes]:
        _known(name)
        return (self._folder / name).open("rb")


def _known(name: str) -> None:
    if not NAME(name):
        raise refused("stray_part", name[:80], "is no part of such an archive", "leave it out")
