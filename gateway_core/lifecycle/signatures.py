"""Approvals and releases signed with Ed25519 (law 6): where the configuration lists approvers, no signature, no money.

Keys and signatures travel as base64 text: 32 bytes of key, 64 of signature. The message is the caller's digest, which
says what is approved; its bytes differ between an approval and a release, so that one never serves as the other.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..model.errors import NotPermitted
from ..model.people import normal

KEY_BYTES = 32
SIGNATURE_BYTES = 64

# The points of small order (sign bit cleared): under such a "key", zeros among them, anybody can sign anything.
_P = 2**255 - 19
_SMALL_ORDER = frozenset(
    y.to_bytes(KEY_BYTES, "little") for y in (0, 1, _P - 1, _P, _P + 1)
) | frozenset(
    bytes.fromhex(y)
    for y in (
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)  # fmt: skip


def public_key(text: str) -> Ed25519PublicKey:
    """The public key that base64 text stands for. Raises ValueError saying why it is none."""
    raw = _base64(text, KEY_BYTES, "an Ed25519 public key")
    if raw[:-1] + bytes([raw[-1] & 0x7F]) in _SMALL_ORDER:
        raise ValueError("the key is a placeholder (a point of small order), under which anybody could sign")
    return Ed25519PublicKey.from_public_bytes(raw)


def private_key(text: str) -> Ed25519PrivateKey:
    """The private key in base64 (32 bytes) or PEM without a password. Raises ValueError, which never shows the text."""
    if not text.lstrip().startswith("-----BEGIN"):
        return Ed25519PrivateKey.from_private_bytes(_base64(text, KEY_BYTES, "an Ed25519 private key"))
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except Exception:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("is no Ed25519 private key in PEM without a password")
    return key


def sign(key: Ed25519PrivateKey, message: bytes) -> str:
    """The signature of `message` as base64 text."""
    return base64.b64encode(key.sign(message)).decode()


def verify(approvers: Mapping[str, str], by: str, message: bytes, signature: str) -> None:
    """Raise NotPermitted unless `by` signed `message`. With no approvers configured the host vouches: nothing to check.

    `approvers` maps normal names (see `model.people`) to public keys in base64.
    """
    if not approvers:
        return
    key = approvers.get(_person(by))
    if key is None:
        raise NotPermitted(f"{by!r} is not among the approvers of the configuration")
    if not signature.strip():
        raise NotPermitted(f"the configuration lists approvers: a signature by {by!r} over the digest is needed")
    try:
        public_key(key).verify(_base64(signature, SIGNATURE_BYTES, "a signature"), message)
    except ValueError as error:
        raise NotPermitted(f"the signature of {by!r} cannot be read: {error}") from None
    except InvalidSignature:
        raise NotPermitted(f"the signature is not by {by!r} over this digest") from None


def _person(by: str) -> str:
    try:
        return normal(by)
    except ValueError as error:
        raise NotPermitted(str(error)) from None


def _base64(text: str, size: int, what: str) -> bytes:
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != size:
        raise ValueError(f"is not {what}: {size} bytes in base64")
    return raw
