"""Keys: our own from PEM, the others' from a folder that is watched.

The folder holds the public keys (or certificates) of each participant, named `<FSP id>.pem`. A second key that is
valid beside it, while keys are changed, stands in the same file, or in a folder `<FSP id>`. The hub is one, too.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway_core.contract import Unfit

from .fspiop.jws import PrivateKey, PublicKey, algorithm_of

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
# Seconds between two looks into the folder.
LOOK = 2.0
SMALLEST_RSA = 2048


def private_key(pem: str) -> PrivateKey:
    """Our signing key. Raises Unfit for what is none that FSPIOP signs with."""
    try:
        key = serialization.load_pem_private_key(pem.encode(), None)
        if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) and _strong(key.public_key()):
            return key
    except (ValueError, TypeError):
        pass
    raise Unfit("jws_key is no RSA key of at least 2048 bits and no P-256 key, in PEM without a password")


def public_keys(pem: bytes) -> list[PublicKey]:
    """All keys of a text: public keys and certificates. Raises ValueError where one of them is no such key."""
    found: list[PublicKey] = []
    for block in _BLOCK.finditer(pem):
        if block[1] == b"CERTIFICATE":
            key: object = x509.load_pem_x509_certificate(block[0]).public_key()
        else:
            key = serialization.load_pem_public_key(block[0])
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or not _strong(key):
            raise ValueError("neither an RSA key of at least 2048 bits nor a P-256 key")
        found.append(key)
    if not found:
        raise ValueError("no public key in PEM")
    return found


def _strong(key: PublicKey) -> bool:
    return key.key_size >= SMALLEST_RSA if isinstance(key, rsa.RSAPublicKey) else algorithm_of(key) == "ES256"


@attrs.define
class KeyFolder:
    """`of(source, now)` gives its keys. A file that cannot be read keeps the keys that it had before.

    Looks into the folder when `look` seconds have passed, by the caller's clock. Used by several threads.
    """

    folder: Path
    look: float = LOOK
    _files: dict[Path, tuple[int, int]] = attrs.field(factory=dict)
    _keys: dict[Path, list[PublicKey]] = attrs.field(factory=dict)
    _by_name: Mapping[str, tuple[PublicKey, ...]] = attrs.field(factory=dict)
    _looked: float = 0.0
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def of(self, source: str, now: float) -> tuple[PublicKey, ...]:
        """The source's keys; empty for one that is not known. `now` is in seconds since 1970."""
        if abs(now - self._looked) >= self.look and self._lock.acquire(blocking=not self._looked):
            try:
                self._read()
                self._looked = now
            finally:
                self._lock.release()
        return self._by_name.get(source, ())

    def _read(self) -> None:
        try:
            found = [*self.folder.glob("*.pem"), *self.folder.glob("*/*.pem")]
            files = {file: _stamp(file) for file in sorted(found)}
        except OSError:
            return
        if files == self._files:
            return
        for file in files:
            if self._files.get(file) != files[file]:
                self._keys[file] = _keys_in(file) or self._keys.get(file, [])
        by_name: dict[str, list[PublicKey]] = {}
        for file in files:
            # A point may stand in an id: only the whole name counts, so that nobody speaks for another.
            name = file.stem if file.parent == self.folder else file.parent.name
            by_name.setdefault(name, []).extend(self._keys[file])
        self._files, self._by_name = files, {name: tuple(keys) for name, keys in by_name.items()}


def _stamp(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _keys_in(file: Path) -> list[PublicKey]:
    try:
        return public_keys(file.read_bytes())
    except (OSError, ValueError):
        return []
