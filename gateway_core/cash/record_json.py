"""A record as JSON, read strictly: known fields alone, whole numbers, and exactly the bytes that its hash is over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import orjson

from ..model.identity import canonical
from .record import PhotoRef, Position, ProofRecord, Recipient

# Bytes of a line, characters of a text.
LINE, TEXT = 1 << 14, 500
# What every language's JSON reads exactly (RFC 8785); as microseconds, the year 2255.
LARGEST = 2**53 - 1
DEGREE = 1_000_000
_HEX = re.compile(r"[0-9a-f]{64}").fullmatch
# Controls, ends of lines, what turns the direction of text, halves of characters: as in a payroll's file.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff\ufff9-\ufffb]"
).search


def record_of(line: bytes) -> ProofRecord:
    """The record of one line of `records.jsonl`, without its end. Raises ValueError naming the field.

    The line must be in canonical form, so that no two readers see two records in it. Its hash is not checked here:
    a record that was altered is to be seen, not lost (`ProofRecord.intact`).
    """
    if len(line) > LINE:
        raise ValueError(f"it is longer than {LINE:,} bytes")
    try:
        said = orjson.loads(line)
    except ValueError as error:
        raise ValueError(f"it is no JSON: {str(error)[:100]}") from None
    record = record_from(said)
    if canonical(said) != line:
        raise ValueError("it is not in canonical form: sorted keys, each once, no spaces, UTF-8 without escapes")
    return record


def record_from(said: Any) -> ProofRecord:
    """One record from its JSON. Raises ValueError naming the field."""
    if not isinstance(said, dict):
        raise ValueError("it is no object")
    if unknown := sorted(set(said) - set(FIELDS)):
        raise ValueError(f"{unknown[0][:40]!r} is no field of a record")
    if missing := sorted(_REQUIRED - set(said)):
        raise ValueError(f"{missing[0]} is missing")
    return ProofRecord(**{name: read_field(FIELDS[name], name, value) for name, value in said.items()})


def read_field(read: Callable[[Any], Any], name: str, value: Any) -> Any:
    """The field's value. Raises ValueError naming it."""
    try:
        return read(value)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{name}: {error}") from None


def text(value: Any) -> str:
    """A text of people's: short, not empty, without control characters."""
    if not isinstance(value, str) or not 0 < len(value) <= TEXT or _CONTROL(value):
        raise ValueError(f"{str(value)[:40]!r} is no text of 1 to {TEXT} characters without controls")
    return value


def whole(low: int, high: int = LARGEST) -> Callable[[Any], int]:
    """A reader of whole numbers in these bounds, which are included."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{str(value)[:40]} is no whole number from {low} to {high}")
        return value

    return read


def hexadecimal(value: Any) -> str:
    """A SHA-256."""
    if not isinstance(value, str) or not _HEX(value):
        raise ValueError("it is no SHA-256 in hexadecimal")
    return value


def _part(kind: Callable[..., Any], fields: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, dict) or set(value) - set(fields):
            raise ValueError(f"it is no object of {', '.join(fields)}")
        try:
            return kind(**{name: read_field(fields[name], name, given) for name, given in value.items()})
        except TypeError:
            raise ValueError(f"it lacks one of {', '.join(fields)}") from None

    return read


_POSITION = {
    "latitude": whole(-90 * DEGREE, 90 * DEGREE), "longitude": whole(-180 * DEGREE, 180 * DEGREE),
    "accuracy": whole(0),
}  # fmt: skip
FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "device": text, "number": whole(1), "previous": hexadecimal, "list": text, "line": whole(1), "payment": text,
    "invoice": text, "kind": text, "amount": whole(0), "currency": text, "at": whole(0), "officer": text,
    "reason": text, "hash": hexadecimal, "position": _part(Position, _POSITION),
    "recipient": _part(Recipient, {"name": text, "relation": text, "document": text}),
    "photo": _part(PhotoRef, {"sha256": hexadecimal, "format": text}),
}  # fmt: skip
_REQUIRED = {
    field.name for field in attrs.fields(ProofRecord) if field.default is attrs.NOTHING
} | {"hash"}  # fmt: skip
