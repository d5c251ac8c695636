"""Records on their way from a phone: `manifest.json`, `records.jsonl`, `photos/`, and `signature.json`.

A photograph's name is the SHA-256 of its bytes, which its record says too. An archive may hold any of a device's
records, in rising order, and be sent again; `last` and `head` are those of its newest record, in the archive or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ...model.errors import Mistake
from ...model.identity import canonical
from ..photos.limits import LARGEST as PHOTO
from ..photos.limits import PhotoRefused
from ..record import PhotoRef, ProofRecord, as_json
from ..record_json import LINE, hexadecimal, record_of, text, whole
from .device import Device
from .limits import LINES, LISTED, RECORDS, ParcelRefused
from .parts import BROKEN
from .signed import Content, Signed, open_signed, read_manifest, write_signed

FORMAT = "gateway-core proof records 1"
_MANIFEST: Mapping[str, Callable[[Any], Any]] = {
    "deployment": text, "device": text, "made_at": whole(0), "count": whole(0, RECORDS), "last": whole(0),
    "head": hexadecimal,
}  # fmt: skip
_UPDATE = "update the application: its records are not as the format says"


def photo_name(photo: PhotoRef) -> str:
    """Where a photograph lies in the archive."""
    return f"photos/{photo.sha256}.{'jpg' if photo.format == 'jpeg' else 'png'}"


def write_records(
    path: Path,
    deployment: str,
    device: Device,
    records: Iterable[ProofRecord],
    photos: Mapping[str, bytes] | Callable[[PhotoRef], bytes],
    made_at: int,
    key: Ed25519PrivateKey | None,
) -> None:
    """Write records of this device, in rising order, with their photographs (by SHA-256), as a phone does.

    `made_at` is the phone's clock in UTC microseconds: the office compares it with its own.
    """
    listed = list(records)
    manifest = {
        "format": FORMAT, "deployment": deployment, "device": device.device, "made_at": made_at, "count": len(listed),
        "last": device.number, "head": device.head,
    }  # fmt: skip
    lines = (canonical(as_json(record)) + b"\n" for record in listed)
    write_signed(path, manifest, [("records.jsonl", lines)], _photos(listed, photos), key)


def _photos(
    records: Iterable[ProofRecord], photos: Mapping[str, bytes] | Callable[[PhotoRef], bytes]
) -> Iterator[Content]:
    done = set()
    for photo in filter(None, (record.photo for record in records)):
        if photo.sha256 not in done:
            done.add(photo.sha256)
            yield photo_name(photo), [photos(photo) if callable(photos) else photos[photo.sha256]]


@attrs.frozen
class Parcel:
    """An archive whose every record can be read. `signer` is the key, in base64, that signed it, or '': the caller
    knows which key the device has. `made_at` is the phone's clock; `last` and `head` are of its newest record."""

    deployment: str
    device: str
    made_at: int
    count: int
    last: int
    head: str
    signer: str
    _signed: Signed = attrs.field(repr=False)

    def records(self) -> Iterator[ProofRecord]:
        """Each record, in rising order. Whether it is intact and in its chain is not looked at here."""
        for line in self._signed.lines("records.jsonl", LINE):
            yield record_of(line)

    def photo(self, photo: PhotoRef) -> bytes | None:
        """The photograph as it came, or None where it was not sent. Raises PhotoRefused: too large, not its digest."""
        name = photo_name(photo)
        size = self._signed.parts.size(name)
        if size < 0:
            return None
        if size > PHOTO:
            raise PhotoRefused("too_large", f"has {size:,} bytes; at most {PHOTO:,} are taken")
        try:
            with self._signed.parts.open(name) as part:
                data = part.read(PHOTO + 1)
        except BROKEN:
            # One photograph that is damaged is no reason against the others.
            data = b""
        if hashlib.sha256(data).hexdigest() != photo.sha256:
            raise PhotoRefused("altered", "is not the one that its record names", "send it again")
        return data


@contextmanager
def open_records(path: Path) -> Iterator[Parcel]:
    """Open an archive, or a folder with its parts. Every record is read once before anything counts.

    Raises ParcelRefused with all mistakes and their lines; OSError.
    """
    with open_signed(path, FORMAT, {"records.jsonl": LINES}) as signed:
        parcel = Parcel(**read_manifest(signed.manifest, _MANIFEST), signer=signed.signer, signed=signed)
        _check(parcel, signed)
        yield parcel


def _check(parcel: Parcel, signed: Signed) -> None:
    mistakes, total, number, count = list[Mistake](), 0, 0, 0
    for count, line in enumerate(signed.lines("records.jsonl", LINE), 1):
        if count > parcel.count:
            break
        try:
            number = _in_order(record_of(line), parcel, number)
        except ValueError as error:
            total += 1
            if len(mistakes) < LISTED:
                mistakes.append(Mistake(count, *_field(str(error)), _UPDATE, "broken_record"))
    if count != parcel.count:
        total += 1
        mistakes.append(Mistake(0, "count", "is not the number of records", _UPDATE, "broken_manifest"))
    if mistakes:
        raise ParcelRefused(mistakes, total - len(mistakes))


def _in_order(record: ProofRecord, parcel: Parcel, number: int) -> int:
    if record.device != parcel.device:
        raise ValueError("device: is another than the manifest's")
    if not number < record.number <= parcel.last:
        raise ValueError("number: does not rise from record to record, or is beyond the device's last")
    return record.number


def _field(error: str) -> tuple[str, str]:
    field, colon, reason = error.partition(": ")
    return (field, reason) if colon and field.isidentifier() else ("record", error)
