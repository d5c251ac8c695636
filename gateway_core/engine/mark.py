"""The mark: what was last sent from this store, kept outside it, so that a restored backup is noticed (design 7).

A sender fsyncs (session, n, chain) of its last intents before it sends them. A store that does not hold that row is
older than what was sent from it; a path without a mark is a copy. Either way nothing is sent until two people say so.
The chain tells that row from another of the same number: a restored store counts its sessions on from where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import sqlalchemy as sa

from ..model.errors import RestoredStore
from ..store import Store
from ..store import tables as t

SIZE = 512


class Mark:
    """The mark of one store at one address, a small file in the user's state folder (or `mark_dir`)."""

    def __init__(self, folder: Path, store: Store) -> None:
        address = str(store.file.resolve()) if store.file else store.shown
        name = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.path = folder / f"{store.identity}-{name}.mark"
        self._store, self._address = store, address
        self._file: int | None = None

    def write(self, session: int, n: int, chain: bytes) -> None:
        """Note, on disk, that intents up to row `n` of `session`, which has `chain`, may be sent now."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        said = {"store": self._store.identity, "address": self._address}
        noted = json.dumps(said | {"session": session, "n": n, "chain": chain.hex()}).encode().ljust(SIZE)
        os.pwrite(self._file, noted, 0)
        # Only where the address is very long does the size change.
        if len(noted) > SIZE:
            os.ftruncate(self._file, len(noted))
        os.fsync(self._file)

    def check(self) -> None:
        """Raises RestoredStore when the store is behind its mark, or has none at this address."""
        mend = "`gateway restored --by A --by B` goes on safely: every payment is asked about before it is sent"
        try:
            noted = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            raise RestoredStore(
                f"nothing was ever sent from the store at {self._address}: is it a copy? {mend}"
            ) from None
        if not noted["n"]:
            return
        there = sa.select(t.facts.c.chain).where(t.facts.c.session == noted["session"], t.facts.c.n == noted["n"])
        with self._store.read() as connection:
            chain = connection.execute(there).scalar()
            if chain is None or chain.hex() != noted["chain"]:
                raise RestoredStore(f"the store is older than what was sent from it: was a backup restored? {mend}")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
