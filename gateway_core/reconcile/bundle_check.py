"""Checking an evidence bundle without the database: its parts, its signature, and what follows from its facts."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from ..lifecycle.signatures import public_key
from ..model.errors import StoreError
from ..model.facts import Fact
from ..model.identity import Root
from ..model.life import fold
from ..model.states import SETTLED, shown_state
from ..store.findings import Verification
from ..store.payments import as_payment
from .bundle import FORMAT, MESSAGE, base64_text

CHUNK = 1 << 18
SMALL = 16 << 20
# Of one line of a part: a request or an answer has at most a few MB.
LINE = 64 << 20
PARTS = 20_000
UNPACKED = 64 << 30
RATIO = 400


class _Row:
    """A row of the bundle, read by names."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def read_key(text: str) -> Ed25519PublicKey:
    """A public key in base64 (32 bytes) or PEM. Raises ValueError."""
    if not text.lstrip().startswith("-----BEGIN"):
        return public_key(text)
    try:
        key = load_pem_public_key(text.encode())
    except Exception:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("is no Ed25519 public key in PEM")
    return public_key(base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode())


def check(path: Path, key: Ed25519PublicKey | None) -> Verification:
    """Check all that can be. With a `key`, the bundle must be signed by it. Raises StoreError for what is no bundle."""
    result = Verification()
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, key, result)
    except (zipfile.BadZipFile, EOFError, RuntimeError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise StoreError(f"{path} is no evidence bundle, or a broken one: {error}") from error
    except (KeyError, ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        result.found(f"a part of it cannot be read: {type(error).__name__}: {error}")
    return result


def _check(archive: zipfile.ZipFile, key: Ed25519PublicKey | None, result: Verification) -> None:
    _bounded(archive)
    data = _small(archive, "manifest.json")
    manifest = json.loads(data)
    if manifest.get("format") != FORMAT:
        raise StoreError(f"it is no bundle of the kind {FORMAT!r}")
    _signed(archive, data, key, result)
    _whole(archive, manifest, result)
    if result.ok:
        _follows(archive, manifest, result)
    if manifest.get("environment") == "test":
        result.note("TEST: this payroll moved no real money")


def _bounded(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise StoreError("it has more parts than any bundle, or unpacks to more")
    names = [part.filename for part in parts]
    if len(set(names)) < len(names):
        raise StoreError("it has two parts of one name")
    if any(part.file_size > SMALL and part.file_size > RATIO * max(part.compress_size, 1) for part in parts):
        raise StoreError("a part of it unpacks to far more than its size")


def _small(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise StoreError(f"it has no {name}: it is no evidence bundle") from None
    if info.file_size > SMALL:
        raise StoreError(f"its {name} has {info.file_size:,} bytes")
    return archive.read(name)


def _signed(archive: zipfile.ZipFile, data: bytes, key: Ed25519PublicKey | None, result: Verification) -> None:
    if "signature.json" not in archive.namelist():
        if key is not None:
            result.found("it is not signed, and a signer's key was given")
        else:
            result.note("not signed: whoever had it may have made it anew")
        return
    said = json.loads(_small(archive, "signature.json"))
    try:
        signer = key or public_key(said["key"])
        if key is not None and said["key"] != base64_text(key.public_bytes(Encoding.Raw, PublicFormat.Raw)):
            raise ValueError("it says that another key signed it")
        signature = base64.b64decode(said["signature"], validate=True)
        if base64_text(signature) != said["signature"]:
            raise ValueError("it is not written as it is made")
        signer.verify(signature, MESSAGE + data)
    except (InvalidSignature, ValueError, KeyError, TypeError):
        result.found("the signature is not by this key over this manifest" if key else "its signature is wrong")
        return
    if key is None:
        result.note("unchanged, signer not verified: give --key FILE, the signer's public key from another place")
    else:
        result.note("signed by the given key")


def _whole(archive: zipfile.ZipFile, manifest: dict[str, Any], result: Verification) -> None:
    """Every part is there, is what the manifest says, and no other is."""
    names = set(archive.namelist()) - {"manifest.json", "signature.json"}
    for name in sorted(names ^ set(manifest["parts"])):
        result.found(f"{name} is {'not in the manifest' if name in names else 'missing'}")
    for name, said in sorted(manifest["parts"].items()):
        if name in names and _digest(archive, name) != (said["sha256"], said["size"]):
            result.found(f"{name} was changed")


def _digest(archive: zipfile.ZipFile, name: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as part:
        while chunk := part.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    with archive.open(name) as part:
        while line := part.readline(LINE):
            yield json.loads(line)


def _follows(archive: zipfile.ZipFile, manifest: dict[str, Any], result: Verification) -> None:
    """The lines are those that were proposed and approved; every state follows from its facts; the sums add up."""
    payroll = json.loads(_small(archive, "payroll.json"))
    result.payrolls = 1
    root, sums = Root(), dict[str, int]()
    folded = _states(archive, result)
    for values in _lines(archive, "payments.jsonl"):
        row = _Row(values)
        result.payments += 1
        leaf = as_payment(row).leaf()
        root.add(leaf)
        if leaf.hex() != values["leaf"]:
            result.found(f"payment {values['id']}: its content is not what was proposed")
        payment, state = next(folded, ("", "planned")) if values["facts"] else (values["id"], "planned")
        if (payment, state) != (values["id"], values["state"]):
            result.found(f"payment {values['id']} is {values['state']}, its facts say {state}")
        shown = shown_state(values["state"], payroll["state"])
        sums[shown] = sums.get(shown, 0) + values["amount"]
    if root.value().hex() != payroll["root"] or sum(sums.values()) != payroll["total"]:
        result.found("its lines are not those that were approved: root or sum differ")
    if payroll["state"] == "reconciled" and not set(sums) <= SETTLED:
        result.found("it is closed, and payments of it are not settled")
    if manifest["payroll"] != payroll["id"]:
        result.found("the manifest is of another payroll")


def _states(archive: zipfile.ZipFile, result: Verification) -> Iterator[tuple[str, str]]:
    """(payment, state) folded from its facts, in the order of the payments."""
    for payment, facts in groupby(_lines(archive, "facts.jsonl"), lambda fact: fact["payment"]):
        if payment:
            yield payment, fold(_fact(fact, result) for fact in facts).state
        else:
            for fact in facts:
                _fact(fact, result)


def _fact(said: dict[str, Any], result: Verification) -> Fact:
    result.facts += 1
    body = said["body"]
    if body is not None and said["salt"] is not None:
        digest = hashlib.sha256(bytes.fromhex(said["salt"]) + body.encode()).hexdigest()
        if digest != said["digest"]:
            result.found(f"fact {said['no']} of {said['payment'] or said['payroll']} was altered")
    return Fact(
        said["no"], said["at"], said["kind"], said["value"], said["source"], said["attempt"], said["step"], said["key"],
        json.loads(body or "{}"),
    )  # fmt: skip
