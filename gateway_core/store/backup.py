"""A consistent copy of a SQLite store while a sender works on it.

`VACUUM INTO`, not the backup interface: that one begins anew whenever another connection commits between two of its
steps, so beside a busy sender it may never end. `VACUUM INTO` reads one snapshot, blocks no writer, and leaves the free
pages behind, so that what retention erased does not live on in backups. It does not sync its output; we do.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import attrs

from ..model.errors import StoreError
from .database import Store
from .disk import sync
from .files import copy_folder

COUNTED = ("facts", "payments", "payrolls", "heads")
PATIENCE = 30.0


@attrs.frozen
class BackupReport:
    """A backup that was written, synced, opened and counted. `size` in bytes, `took` in seconds."""

    target: Path
    store: str
    size: int
    facts: int
    payments: int
    payrolls: int
    took: float


def backup(store: Store, target: Path) -> BackupReport:
    """Copy the store to `target`, which must not exist. Raises StoreError; nothing is left behind then.

    The copy has the store's identity: put to use, it is noticed as restored (see engine/mark.py).
    """
    source = store.file
    if source is None:
        raise StoreError(
            "only a store in a SQLite file is copied here; on PostgreSQL use pg_dump (or its base backups)"
        )
    began = time.monotonic()
    _reserve(target)
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        counts = _copy(source, Path(part), store.identity)
        sync(Path(part))
        # After the copy: of every file that it speaks of, the bytes were there before.
        copy_folder(source, target)
        os.replace(part, target)  # noqa: PTH105 - beside os.fsync
        sync(target.parent)
    except BaseException as error:
        for left in (part, str(target)):
            with suppress(OSError):
                os.unlink(left)  # noqa: PTH108 - part may be ''
        if isinstance(error, (OSError, sqlite3.Error)):
            raise StoreError(f"the backup to {target} failed and was removed: {error}") from error
        raise
    size, took = target.stat().st_size, time.monotonic() - began
    return BackupReport(target, store.identity, size, counts["facts"], counts["payments"], counts["payrolls"], took)


def _reserve(target: Path) -> None:
    """The name is ours from here on: an empty file, never one that was there before."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise StoreError(f"{target} exists already; a backup never overwrites: give it another name") from None
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from error


def _copy(source: Path, part: Path, identity: str) -> dict[str, int]:
    """Copy and look at the copy. Facts and heads are only ever added: the copy's lie between before and after."""
    with closing(_connect(source)) as connection:
        before = _counts(connection)
        connection.execute("VACUUM INTO ?", (str(part),))
        after = _counts(connection)
    with closing(_connect(part)) as copy:
        problems = [row[0] for row in copy.execute("PRAGMA integrity_check(3)") if row[0] != "ok"]
        there = copy.execute("SELECT value FROM meta WHERE key = 'store'").fetchone()
        counts = _counts(copy)
    if problems or there != (identity,):
        raise StoreError(f"the copy of {source} is damaged: {'; '.join(problems) or 'it has no identity'}")
    for table in ("facts", "heads"):
        if not before[table] <= counts[table] <= after[table]:
            raise StoreError(f"the copy of {source} has {counts[table]} {table}, the store {after[table]}")
    return counts


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in COUNTED}  # noqa: S608
