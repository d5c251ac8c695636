"""Power cuts and failing disks under the real store: SQLite's own writes are recorded, cut, and found again.

`recorded` runs one schedule on a disk of ours; `found_after` judges what a machine finds after a cut. Needs apsw
(`pip install 'gateway-core[sim]'`); what is found is opened with Python's own SQLite.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, cast

import apsw
import attrs

from ...engine.wire import Wire
from ...model.errors import StoreError
from ...model.life import fold
from ...store import Store, clock, journal
from ...store.database import PRAGMAS, create, recognise
from .chance import Tape
from .dbapi import Connection
from .disk import Disk, Event, Image, Recorder
from .faces import Order
from .home import DEPLOYMENT, EPOCH, Kind, OneConnection, furnish
from .oracles import law_7_refold
from .rows import Row, rows_of
from .shape import Shape
from .watch import Violation, Watch
from .world import World

FILE = "store.db"
# So few pages between two checkpoints that a short schedule has many.
CHECKPOINT = 8
_numbers = itertools.count()


class DiskHome:
    """The real store in a file on a `Disk`, in `folder`. `synchronous`: a test may try another than the real one."""

    def __init__(self, folder: Path, synchronous: str = "FULL") -> None:
        self.folder, self.synchronous, self.disk = folder, synchronous, Disk()
        self._vfs = Recorder(f"recorder-{next(_numbers)}", self.disk)
        self.base: dict[str, bytes] = {}
        self._failed = 0

    def move_in(self, kind: Kind) -> None:
        """See AnyHome."""
        self._connection = Connection(self._open)
        self.raw = cast(sqlite3.Connection, self._connection)
        self._store = Store("sqlite://", DEPLOYMENT, connection=self._connection)
        with clock.stepped(lambda: EPOCH):
            create(self._store, "test", "simulated")
            recognise(self._store, "test")
            journal.begin_session(self._store)
            furnish(self._store, self.raw, kind)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        # The store set its own pragmas when it connected.
        self._connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
        self._connection.execute(f"PRAGMA synchronous={self.synchronous}")
        self.base = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        self.disk.events.clear()

    def opened(self) -> OneConnection:
        """See AnyHome. After an error of the disk everything is opened anew, as a new process does."""
        if self.disk.failed != self._failed:
            self._failed = self.disk.failed
            self._connection.reopen()
        store = cast(OneConnection, copy.copy(self._store))
        store.uncertain, store.raw = False, self.raw
        try:
            journal.begin_session(store)
        except StoreError:
            return self.opened()
        return store

    def close(self) -> None:
        """Let go of the file."""
        self.disk.fails = ""
        self._connection.close()
        self._vfs.unregister()

    def _open(self) -> apsw.Connection:
        connection = apsw.Connection(str(self.folder / FILE), vfs=self._vfs.name)
        # A VFS of ours has no shared memory: one connection holds the file.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        for pragma in PRAGMAS:
            connection.execute(pragma)
        connection.execute(f"PRAGMA synchronous={self.synchronous}")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
        return connection


@attrs.define
class NotingWatch(Watch):
    """Notes on the disk's own record when a money request left."""

    disk: Disk = attrs.field(factory=Disk)

    def leaves(self, sent: Wire) -> None:
        """See Watch."""
        super().leaves(sent)
        order = self.face.read(sent)
        if isinstance(order, Order):
            self.disk.note(("sent", order.key, self.left[order.key]))


class _Acked(list[Any]):
    """Callbacks that were answered 2xx; each is noted when it was."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def append(self, said: Any) -> None:
        key, body, _ = said
        self._disk.note(("acked", key, hashlib.sha256(body).digest()))
        super().append(said)


def recorded(home: DiskHome, seed: str, shape: Shape, fails: str = "", countdown: int = 0) -> list[Event]:
    """Run one schedule on a disk, which `fails` (see disk.FAULTS) at the `countdown`-th write or sync.

    Raises Violation when a law is broken. Returns what the disk was told to do.
    """
    world = World(home, Tape(seed), shape)
    watch = world.watch
    world.net.watch = NotingWatch(watch.raw, watch.approved, watch.face, disk=home.disk)
    world.acked = _Acked(home.disk)
    home.disk.fails, home.disk.countdown = fails, countdown
    world.run()
    return home.disk.events


def found_after(image: Image, folder: Path) -> list[Row]:
    """What a machine finds after the power failed. Raises Violation when it lost what somebody outside knows."""
    for name, content in image.files.items():
        (folder / name).write_bytes(content)
    try:
        return _found(image, folder)
    except sqlite3.DatabaseError as error:
        raise Violation("1", f"{image.how} at {image.cut}: the file is damaged: {error}") from error


def _found(image: Image, folder: Path) -> list[Row]:
    with closing(sqlite3.connect(folder / FILE)) as raw:
        # Only looked at: nothing of this needs to last.
        raw.execute("PRAGMA synchronous=OFF")
        if (said := raw.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
            raise Violation("1", f"{image.how} at {image.cut}: the file is damaged: {said}")
        for note in image.notes:
            _KNOWN[note[0]](raw, *note[1:])
        rows = rows_of(raw)
        for row in rows:
            law_7_refold(row, fold(row.facts))
    return rows


def _sent(raw: sqlite3.Connection, key: str, times: int) -> None:
    """Law 1: no copy has left that the store does not know of."""
    found = raw.execute("SELECT payment, attempt FROM facts WHERE key = ? AND kind = 'intent'", (key,)).fetchone()
    if found is None:
        raise Violation("1", "a payment was sent, and the store lost that it was")
    copies = "SELECT count(*) FROM facts WHERE payment = ? AND attempt = ? AND kind = 'copy'"
    if raw.execute(copies, found).fetchone()[0] + 1 < times:
        raise Violation("1", "a copy was sent again, and the store lost that it was")


def _acked(raw: sqlite3.Connection, key: str, digest: bytes) -> None:
    """Law 8: a callback that was answered 2xx is there."""
    if raw.execute("SELECT 1 FROM arrivals WHERE key = ? AND blob = ?", (key, digest)).fetchone() is None:
        raise Violation("8", "a callback was answered 2xx, and the store lost it")


_KNOWN: dict[str, Any] = {"sent": _sent, "acked": _acked}
NO_FAULTS = partial(Shape, odds=0.2, crash_odds=0.0, busy_officer=0.0, concurrency=2)
