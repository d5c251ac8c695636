"""How much one archive of a phone may hold; a phone that has more sends more archives."""

from __future__ import annotations

from ...model.errors import InvalidPayroll, Mistake
from ...store.archives import Bounds

RECORDS, PHOTOS = 20_000, 20_000
# Bytes of a manifest or a signature, of the records together, of a pay list's lines together.
SMALL, LINES = 64 << 10, 256 << 20
PARCEL = Bounds(archive=2 << 30, directory=8 << 20, unpacked=3 << 30, parts=RECORDS + PHOTOS + 8)
# Mistakes that are listed; the others are counted.
LISTED = 100
CHUNK = 1 << 18


class ParcelRefused(InvalidPayroll):
    """An archive that is not taken: every mistake at once, and how many more there are. Nothing of it counts."""


def refused(code: str, field: str, reason: str, mend: str = "make the archive again on the phone") -> ParcelRefused:
    """The error for an archive as a whole."""
    return ParcelRefused([Mistake(0, field, reason, mend, code)])
