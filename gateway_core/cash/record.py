"""What an officer's phone says about one line of a pay list: one link of the device's chain of records.

Its hash is over every other field, the previous record's hash among them: a record that is missing or was altered
shows.
"""

from __future__ import annotations

import hashlib
from typing import Any

import attrs

from ..model.identity import canonical

PAID, NOT_COLLECTED = "paid", "not_collected"
KINDS = (PAID, NOT_COLLECTED)
FORMATS = ("jpeg", "png")
# The previous hash of a device's first record.
FIRST = "0" * 64
_MARK = b"gateway_core proof record v1\n"


@attrs.frozen(kw_only=True)
class Position:
    """Where the phone was: millionths of a degree (WGS 84), and the radius in metres within which it believes to be."""

    latitude: int
    longitude: int
    accuracy: int = 0


@attrs.frozen(kw_only=True)
class Recipient:
    """Who took the money, where that was not the beneficiary."""

    name: str
    relation: str
    document: str = ""


@attrs.frozen(kw_only=True)
class PhotoRef:
    """The photograph as the phone made it: SHA-256 of its bytes in hexadecimal, and "jpeg" or "png"."""

    sha256: str
    format: str = attrs.field(validator=attrs.validators.in_(FORMATS))


@attrs.frozen(kw_only=True)
class ProofRecord:
    """One record. `number` counts a device's records from 1; `previous` is the hash of the one before, or FIRST.

    `amount` is in the currency's smallest unit: what was handed out, 0 when the money was not collected. `at` is the
    phone's clock in UTC microseconds. `line` and `payment` are as the pay list names them. `reason` says why not.
    """

    device: str
    number: int
    previous: str
    list: str
    line: int
    payment: str
    invoice: str
    kind: str = attrs.field(validator=attrs.validators.in_(KINDS))
    amount: int
    currency: str
    at: int
    officer: str
    position: Position | None = None
    recipient: Recipient | None = None
    photo: PhotoRef | None = None
    reason: str = ""
    hash: str = ""

    @property
    def paid(self) -> bool:
        """Whether it says that money was handed out."""
        return self.kind == PAID

    @property
    def intact(self) -> bool:
        """Whether its hash is over what it says."""
        return self.hash == hash_of(self)


def as_json(record: ProofRecord) -> dict[str, Any]:
    """The record as it lies in `records.jsonl`; what it does not have is left out. Numbers are integers."""
    return attrs.asdict(record, filter=lambda _, value: value is not None and value != "")


def hash_of(record: ProofRecord) -> str:
    """SHA-256 over everything else that it says: sorted keys, no spaces, UTF-8 (for such values, RFC 8785)."""
    said = as_json(record)
    said.pop("hash", None)
    return hashlib.sha256(_MARK + canonical(said)).hexdigest()


def sealed(record: ProofRecord) -> ProofRecord:
    """The record with its hash, as a phone writes it down."""
    return attrs.evolve(record, hash=hash_of(record))
