"""An archive with a manifest that has the digest of its parts, and an Ed25519 signature over the manifest's bytes.

What is signed is the format's name, a line's end, and the bytes of `manifest.json`.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ...model.identity import canonical
from .limits import CHUNK, SMALL, refused
from .parts import Parts, opened

# The same content is the same bytes: parts carry no time of their own.
EPOCH = (1980, 1, 1, 0, 0, 0)
# (name, bytes piece by piece)
Content: TypeAlias = tuple[str, Iterable[bytes]]


@attrs.frozen
class Signed:
    """An opened archive. `signer` is the key, in base64, whose signature over the manifest holds; '' if unsigned."""

    manifest: Mapping[str, Any]
    signer: str
    parts: Parts

    def lines(self, name: str, longest: int) -> Iterator[bytes]:
        """Lines of a part, without their ends; one that is longer comes cut, one byte too long."""
        with self.parts.open(name) as part:
            while line := part.readline(longest + 2):
                yield line.removesuffix(b"\n")


def base64_key(key: Ed25519PublicKey) -> str:
    """A public key as 32 bytes in base64."""
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def write_signed(
    path: Path, manifest: Mapping[str, Any], parts: Iterable[Content], loose: Iterable[Content],
    key: Ed25519PrivateKey | None,
) -> None:  # fmt: skip
    """Write it; it appears whole, or not at all. `loose` parts are named by their digests: no manifest lists them."""
    part = path.with_name(f".{path.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        with zipfile.ZipFile(part, "w") as archive:
            digests = {name: _add(archive, name, pieces, zipfile.ZIP_DEFLATED) for name, pieces in parts}
            for name, pieces in loose:
                _add(archive, name, pieces, zipfile.ZIP_STORED)
            data = canonical({**manifest, "parts": digests})
            _add(archive, "manifest.json", [data], zipfile.ZIP_DEFLATED)
            if key is not None:
                signature = base64.b64encode(key.sign(_signed(manifest["format"], data))).decode()
                said = canonical({"key": base64_key(key.public_key()), "signature": signature})
                _add(archive, "signature.json", [said], zipfile.ZIP_STORED)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _signed(form: str, manifest: bytes) -> bytes:
    return form.encode() + b"\n" + manifest


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes], how: int) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type, info.external_attr = how, 0o600 << 16
    with archive.open(info, "w") as part:
        for piece in pieces:
            part.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "size": size}


@contextmanager
def open_signed(path: Path, form: str, names: Mapping[str, int]) -> Iterator[Signed]:
    """Open an archive of this format. `names` are the parts that it must have, with their largest sizes in bytes.

    Every part of `names` is what the manifest says, and a signature that is there holds. Raises ParcelRefused.
    """
    with opened(path) as parts:
        data = _small(parts, "manifest.json")
        manifest = _object("manifest.json", data)
        if manifest.get("format") != form:
            raise refused("wrong_format", "format", f"is not {form!r}", "check what kind of file it is")
        signer = _signer(parts, form, data)
        _whole(parts, manifest.get("parts"), names)
        yield Signed(manifest, signer, parts)


def _small(parts: Parts, name: str) -> bytes:
    _size(parts, name, SMALL)
    with parts.open(name) as part:
        return part.read(SMALL + 1)


def _size(parts: Parts, name: str, most: int) -> int:
    size = parts.size(name)
    if size < 0:
        raise refused("missing_part", name, "is missing")
    if size > most:
        raise refused("too_large", name, f"has {size:,} bytes; at most {most:,} are taken")
    return size


def _object(name: str, data: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(data)
        # Two readers of one manifest must not see two.
        if isinstance(said, dict) and canonical(said) == data:
            return said
    except (ValueError, RecursionError):
        pass
    raise refused("not_canonical", name, "is no JSON object in canonical form")


def _signer(parts: Parts, form: str, manifest: bytes) -> str:
    if parts.size("signature.json") < 0:
        return ""
    said = _object("signature.json", _small(parts, "signature.json"))
    try:
        key, signature = (base64.b64decode(said[name], validate=True) for name in ("key", "signature"))
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _signed(form, manifest))
    except (InvalidSignature, ValueError, KeyError, TypeError):
        raise refused("wrong_signature", "signature.json", "is not by its key over this manifest") from None
    return base64.b64encode(key).decode()


def _whole(parts: Parts, said: Any, names: Mapping[str, int]) -> None:
    if not isinstance(said, dict) or set(said) != set(names):
        raise refused("broken_manifest", "parts", f"does not have the digests of {', '.join(names)}")
    for name, most in names.items():
        size = _size(parts, name, most)
        if said[name] != {"sha256": digest_of(parts, name), "size": size}:
            raise refused("altered_part", name, "is not what the manifest says")


def digest_of(parts: Parts, name: str) -> str:
    """SHA-256 of a part, read in pieces."""
    digest = hashlib.sha256()
    with parts.open(name) as part:
        while chunk := part.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_manifest(manifest: Mapping[str, Any], fields: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Its fields besides `format` and `parts`. Raises ParcelRefused."""
    found = {}
    for name, read in fields.items():
        try:
            found[name] = read(manifest[name])
        except (ValueError, TypeError, KeyError) as error:
            raise refused("broken_manifest", name, str(error) if name in manifest else "is missing") from None
    if unknown := set(manifest) - set(fields) - {"format", "parts"}:
        raise refused("broken_manifest", min(unknown)[:40], "is no field of the manifest")
    return found
