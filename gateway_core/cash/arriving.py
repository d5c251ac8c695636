"""What a phone sent, as it lies in the store: `records.jsonl`, a record a line, read strictly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from .record import ProofRecord
from .record_json import LINE, record_of


def key_of(ident: str, line: int, payment: str) -> str:
    """The key of a pay list's line. It has a part of the payment's id: a record that names another one matches none."""
    return f"{ident}.{line}.{payment[-8:]}"


def records(file: BinaryIO) -> Iterator[ProofRecord]:
    """Every record, in order. Raises ValueError, naming the line, where one is none; then nothing of it counts."""
    n = 0
    while line := file.readline(LINE + 2):
        n += 1
        if not line.endswith(b"\n"):
            raise ValueError(f"line {n} does not end: the file is cut off, or the line too long")
        try:
            yield record_of(line[:-1])
        except ValueError as error:
            raise ValueError(f"line {n} is no record: {error}") from None
