"""The mark: what was last sent from this store, kept outside it, so that a restored backup is noticed (design 7).

A sender fsyncs (session, n, chain) of its last intents before it sends them. A store that does not hold that row is
older than what was sent from it; a path without a mark is a copy. Either way nothing is sent until two people say so.
The chain tells that row from another of the same number: a restored store counts its sessions on from where it was.

On PostgreSQL several senders of one machine have a mark each, and a new machine may join those that send just now. A
mark also holds which server it was, and in which life: after a failover nobody knows whether commits of any sender were
lost, and another sender's are not in our mark.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..model.errors import RestoredStore, StoreError
from ..store import Store
from ..store import tables as t
from ..store.disk import sync
from ..store.opening import joins_senders, newest
from ..store.prepared import Prepared

SIZE = 512
_CHAIN = Prepared(
    sa.select(t.facts.c.chain).where(t.facts.c.session == sa.bindparam("w_session"), t.facts.c.n == sa.bindparam("w_n"))
)
MEND = "`gateway restored --by A --by B` goes on safely: every payment is asked about before it is sent"


class Mark:
    """The marks of one store at one address, small files in the user's state folder (or `mark_dir`)."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._store, self._address = store, store.address
        name = hashlib.sha256(self._address.encode()).hexdigest()[:16]
        self.path = folder / f"{store.identity}-{name}.mark"
        self._file: int | None = None

    def take(self) -> None:
        """Have a mark to write to before there is anything to note: where that fails, nothing is lost yet."""
        with self._writable():
            if self._file is None:
                self._file = self._free()

    def write(self, session: int, n: int, chain: bytes) -> None:
        """Note, on disk, that intents up to row `n` of `session`, which has `chain`, may be sent now."""
        self.take()
        assert self._file is not None
        with self._writable():
            self._note(self._file, session, n, chain)

    def reset(self, session: int, n: int, chain: bytes) -> None:
        """Note it in every mark of this address: what they held is looked at no more."""
        with self._writable():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for place in {self.path, *self._places()}:
                file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    self._note(file, session, n, chain)
                finally:
                    os.close(file)
            sync(self.path.parent)

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"the mark {self.path} cannot be written: {error.strerror}; nothing is sent") from error

    def _note(self, file: int, session: int, n: int, chain: bytes) -> None:
        said = {"store": self._store.identity, "address": self._address, "server": self._store.server}
        noted = json.dumps(said | {"session": session, "n": n, "chain": chain.hex()}).encode().ljust(SIZE)
        os.pwrite(file, noted, 0)
        # Only where the address is very long does the size change.
        if len(noted) > SIZE:
            os.ftruncate(file, len(noted))
        os.fsync(file)

    def _free(self) -> int:
        """A mark that no other sender is writing. Its old content agreed with the store when we looked."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count():
            place = self.path.with_suffix(f".{number}.mark") if number else self.path
            file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            sync(self.path.parent)
            return file
        raise AssertionError("numbers do not end")

    def _places(self) -> list[Path]:
        return sorted(self.path.parent.glob(f"{self.path.stem}.*.mark"))

    def check(self) -> None:
        """Raises RestoredStore when the store is behind a mark, or has none at this address."""
        noted = self._noted()
        if not noted:
            self._join()
        self._agree(noted)

    def compare(self) -> None:
        """Raises RestoredStore when the store is behind a mark. Who never sent from here has none, and cannot tell."""
        self._agree(self._noted())

    def _noted(self) -> list[dict[str, Any]]:
        try:
            others = [text for place in self._places() if (text := place.read_text())]
            # Who has taken a mark and not yet written to it has sent nothing.
            return [json.loads(text) for text in (self.path.read_text(), *others)]
        except (FileNotFoundError, ValueError):
            return []
        except OSError as error:
            raise StoreError(f"the mark {error.filename} cannot be read: {error.strerror}; nothing is sent") from error

    def _agree(self, noted: list[dict[str, Any]]) -> None:
        with self._store.read() as connection:
            for each in noted:
                self._agrees(connection, each)

    def _join(self) -> None:
        if not joins_senders(self._store):
            raise RestoredStore(f"nothing was ever sent from the store at {self._address}: is it a copy? {MEND}")
        self.reset(*newest(self._store))

    def _agrees(self, connection: Connection, noted: dict[str, Any]) -> None:
        if noted.get("server", "") != self._store.server:
            raise RestoredStore(
                "the store lies on another server than when it was last sent from, or that one was failed over or "
                f"restored since: commits may be lost. {MEND}"
            )
        if not noted["n"]:
            return
        there = _CHAIN.rows(connection, w_session=noted["session"], w_n=noted["n"])
        if not there or there[0].chain.hex() != noted["chain"]:
            raise RestoredStore(f"the store is older than what was sent from it: was a backup restored? {MEND}")

    def close(self) -> None:
        """Let go of the mark."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
