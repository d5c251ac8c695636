"""Bytes of files, by their SHA-256: in a folder beside a SQLite store, in the database elsewhere, piece by piece.

What was kept is on the disk, whole, before anything speaks of it, and is never changed. Files hold people's names and
accounts: only the store's owner may read them.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import attrs
import sqlalchemy as sa

from . import document_tables as d
from .database import Store
from .disk import sync
from .prepared import Prepared

PIECE = 1 << 19
# What lies beside a SQLite store, in folders with its name: files both ways, and photographs of pay-outs.
BESIDE = (".files", ".photos")
# Whoever writes or sends it, a file is this long at most, in bytes.
LARGEST = 4 << 30
_c = d.chunks.c
_KEEP = Prepared(sa.insert(d.chunks).values(file=sa.bindparam("file"), n=sa.bindparam("n"), body=sa.bindparam("body")))
_PIECE = Prepared(sa.select(_c.body).where(_c.file == sa.bindparam("w_file"), _c.n == sa.bindparam("w_n")))


class TooLong(Exception):
    """More bytes than were allowed."""


@attrs.frozen
class Kept:
    """What was kept: its digest in hexadecimal, and its bytes' number."""

    sha256: str
    size: int


def folder_of(store: Store) -> Path | None:
    """Where a SQLite store's files lie; None where they lie in the database."""
    return None if store.file is None else store.file.with_name(store.file.name + ".files")


def keep(store: Store, chunks: Iterable[bytes], limit: int = 0) -> Kept:
    """Keep these bytes. Raises TooLong beyond `limit` (0: none), TypeError for what is no bytes; none are kept then."""
    folder = folder_of(store)
    return _in_database(store, chunks, limit) if folder is None else _in_folder(folder, chunks, limit)


def read(store: Store, sha256: str) -> Iterator[bytes]:
    """The bytes, piece by piece. Raises FileNotFoundError when there are none."""
    with open_file(store, sha256) as file:
        while piece := file.read(PIECE):
            yield piece


def open_file(store: Store, sha256: str) -> BinaryIO:
    """The bytes as a file, from the beginning. Raises FileNotFoundError when there are none."""
    folder = folder_of(store)
    if folder is not None:
        return (folder / sha256).open("rb")
    return io.BufferedReader(_Pieces(store, sha256), PIECE)


def whole(store: Store, sha256: str) -> bool:
    """Whether the bytes are there and still have this digest."""
    digest = hashlib.sha256()
    try:
        for piece in read(store, sha256):
            digest.update(piece)
    except OSError:
        return False
    return digest.hexdigest() == sha256


def copy_folder(store: Path, target: Path) -> None:
    """Copy the files and photographs that lie beside a SQLite store to beside a copy of it. Raises OSError."""
    for suffix in BESIDE:
        source, to = store.with_name(store.name + suffix), target.with_name(target.name + suffix)
        if source.is_dir():
            _copy_all(source, to)


def _copy_all(source: Path, to: Path) -> None:
    to.mkdir(mode=0o700)
    for file in source.iterdir():
        if file.is_dir():
            _copy_all(file, to / file.name)
        elif not file.name.startswith("."):
            shutil.copyfile(file, to / file.name)
            (to / file.name).chmod(0o600)
            sync(to / file.name)
    sync(to)


class _Counted:
    """Digests and counts what passes, in pieces of even size."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks, self._limit, self._digest, self.size = chunks, limit, hashlib.sha256(), 0

    def __iter__(self) -> Iterator[bytes]:
        held = bytearray()
        for chunk in self._chunks:
            if not isinstance(chunk, bytes):
                raise TypeError(f"content is {type(chunk).__name__}, not bytes")
            self.size += len(chunk)
            if self._limit and self.size > self._limit:
                raise TooLong(f"more than {self._limit} bytes")
            self._digest.update(chunk)
            held += chunk
            while len(held) >= PIECE:
                yield bytes(held[:PIECE])
                del held[:PIECE]
        if held:
            yield bytes(held)

    def kept(self) -> Kept:
        return Kept(self._digest.hexdigest(), self.size)


def _in_folder(folder: Path, chunks: Iterable[bytes], limit: int) -> Kept:
    folder.mkdir(mode=0o700, exist_ok=True)
    counted = _Counted(chunks, limit)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=folder)  # mode 0600
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in counted:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        kept = counted.kept()
        part.rename(folder / kept.sha256)
        sync(folder)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    return kept


def _in_database(store: Store, chunks: Iterable[bytes], limit: int) -> Kept:
    """Each piece in a transaction of its own, under a name of its own; then they get their digest as their name."""
    counted, part = _Counted(chunks, limit), f"part-{os.urandom(16).hex()}"
    try:
        for n, piece in enumerate(counted):
            with store.write() as connection:
                _KEEP.run(connection, [{"file": part, "n": n, "body": piece}])
        kept = counted.kept()
        with store.write() as connection:
            if not _PIECE.rows(connection, w_file=kept.sha256, w_n=0):
                connection.execute(sa.update(d.chunks).where(_c.file == part).values(file=kept.sha256))
                if not kept.size:
                    _KEEP.run(connection, [{"file": kept.sha256, "n": 0, "body": b""}])
    finally:
        with store.write() as connection:
            connection.execute(sa.delete(d.chunks).where(_c.file == part))
    return kept


class _Pieces(io.RawIOBase):
    """Pieces in the database as one stream; each is read in a short transaction of its own."""

    def __init__(self, store: Store, file: str) -> None:
        super().__init__()
        self._store, self._file, self._n = store, file, 0
        self._left = self._next()
        if self._left is None:
            raise FileNotFoundError(2, "no such file in the store", file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = self._next()
        if not self._left:
            return 0
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def _next(self) -> bytes | None:
        with self._store.read() as connection:
            rows = _PIECE.rows(connection, w_file=self._file, w_n=self._n)
        self._n += 1
        return bytes(rows[0].body) if rows else None
