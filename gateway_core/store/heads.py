"""Heads: positions of the journal kept outside the store, so that nobody can rewrite it unseen.

The chain has no key: who can write to the store can compute all of it anew. A head that left before pins every row up
to its own. A file of heads holds one JSON object per line:

    {"store": identity, "session": 3, "n": 41, "chain": hex, "at": UTC microseconds, "why": text, "signature": base64}
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import attrs
import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.engine import Connection

from ..model.identity import digest
from . import tables as t
from .database import Store, now_us
from .disk import sync

_f = t.facts.c


@attrs.frozen
class Head:
    """The journal of `store` had `chain` (hex) at row `n` of `session`; `at` in UTC microseconds."""

    store: str
    session: int
    n: int
    chain: str
    at: int
    why: str
    signature: str = ""

    def message(self) -> bytes:
        """The bytes that are signed: `gateway_core head v1` and a hexadecimal digest, a line each."""
        said = digest([self.store, self.session, self.n, self.chain, self.at, self.why])
        return f"gateway_core head v1\n{said.hex()}\n".encode()

    def signed(self, key: Ed25519PrivateKey | None) -> Head:
        """The same head with a signature by `key`, if there is one."""
        if key is None:
            return self
        return attrs.evolve(self, signature=base64.b64encode(key.sign(self.message())).decode())

    def signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is by `key` over this head."""
        try:
            key.verify(base64.b64decode(self.signature, validate=True), self.message())
        except (InvalidSignature, ValueError):
            return False
        return True


def heads_of(connection: Connection, identity: str) -> Iterator[Head]:
    """All heads recorded in the store, and where each session stands now."""
    recorded = set()
    h = t.heads.c
    # A sender that wrote nothing records row 0, which says nothing.
    for row in connection.execute(sa.select(t.heads).where(h.n > 0).order_by(h.id)):
        recorded.add((row.session, row.n))
        yield Head(identity, row.session, row.n, row.chain.hex(), row.at, row.why, row.signature)
    its = t.facts.alias().c
    last = sa.select(sa.func.max(its.n)).where(its.session == t.sessions.c.id).scalar_subquery()
    standing = sa.select(_f.session, _f.n, _f.chain).join(
        t.sessions, sa.and_(t.sessions.c.id == _f.session, _f.n == last)
    )
    for row in connection.execute(standing.order_by(_f.session)):
        if (row.session, row.n) not in recorded:
            yield Head(identity, row.session, row.n, row.chain.hex(), now_us(), "position")


def export_heads(store: Store, path: Path, signing_key: Ed25519PrivateKey | None = None) -> int:
    """Append the heads that the file does not hold yet, fsynced. Returns how many.

    With a key, heads that the file holds unsigned are appended again, signed. Raises OSError.
    """
    with store.read() as connection:
        heads = list(heads_of(connection, store.identity))
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        _drop_torn_line(file, path)
        public_key = signing_key.public_key() if signing_key else None
        known = {
            _place(head)
            for _, head in read_heads(path)
            if head is not None and (public_key is None or head.signed_by(public_key))
        }
        fresh = [head for head in heads if _place(head) not in known]
        _append(file, [head.signed(signing_key) for head in fresh])
    finally:
        os.close(file)
    sync(path.parent)
    return len(fresh)


def set_aside(path: Path) -> Path | None:
    """An older store was put in place, and two people said so: its journal goes another way from here on.

    The file is renamed and kept as evidence of what was lost. Returns its new name, None if there was no file.
    """
    if not path.exists():
        return None
    kept = path.with_name(f"{path.stem}.until-{now_us()}{path.suffix}")
    path.rename(kept)
    sync(path.parent)
    return kept


def read_heads(path: Path) -> Iterator[tuple[int, Head | None]]:
    """(line number, head) of each line of the file; None for a line that is no head."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _head(line)


def _head(line: str) -> Head | None:
    try:
        head = Head(**json.loads(line))
    except (TypeError, ValueError):
        return None
    texts = (head.store, head.chain, head.why, head.signature)
    numbers = (head.session, head.n, head.at)
    good = all(type(text) is str for text in texts) and all(type(number) is int for number in numbers)
    return head if good else None


def _place(head: Head) -> tuple[str, int, int, str]:
    return head.store, head.session, head.n, head.chain


def _drop_torn_line(file: int, path: Path) -> None:
    """A crash may have cut the last line off: it was never acknowledged, and would spoil the next."""
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        os.ftruncate(file, content.rfind(b"\n") + 1)


def _append(file: int, heads: list[Head]) -> None:
    text = "".join(json.dumps(attrs.asdict(head)) + "\n" for head in heads).encode()
    while text:
        text = text[os.write(file, text) :]
    os.fsync(file)
