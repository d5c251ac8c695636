"""Position and time as the camera wrote them (EXIF 2.32): read before the photograph is drawn anew, for comparison."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from ...model.moments import SECOND, as_us
from ..record import Position

# Tags: where the two inner tables lie, and what is read of them.
EXIF_TABLE, GPS_TABLE = 0x8769, 0x8825
ORIENTATION, TAKEN, TAKEN_OFFSET = 0x0112, 0x9003, 0x9011
LATITUDE, LONGITUDE, GPS_TIME, GPS_DATE = (1, 2), (3, 4), 7, 29
# More than a camera writes; a thumbnail is most of it.
LARGEST = 256 << 10


@attrs.frozen(kw_only=True)
class Exif:
    """What was found; None where the camera wrote nothing. `at` is UTC microseconds.

    `local` is the camera's clock on the wall, in microseconds as if it were UTC: for a camera that wrote no offset.
    `orientation` is 1 to 8 as EXIF counts.
    """

    position: Position | None = None
    at: int | None = None
    local: int | None = None
    orientation: int = 1


def read_exif(data: bytes) -> Exif:
    """Read a TIFF structure as it lies in a photograph. What is broken or nonsense in it counts as not written."""
    from PIL import Image

    if not data or len(data) > LARGEST:
        return Exif()
    try:
        tags = Image.Exif()
        tags.load(b"Exif\0\0" + data)
        inner, gps = tags.get_ifd(EXIF_TABLE), tags.get_ifd(GPS_TABLE)
        orientation = tags.get(ORIENTATION, 1)
    except Exception:
        return Exif()
    local = _quietly(_local, inner.get(TAKEN))
    return Exif(
        position=_quietly(_position, gps),
        at=_quietly(_gps_time, gps) or _quietly(_with_offset, local, inner.get(TAKEN_OFFSET)),
        local=local,
        orientation=orientation if orientation in range(1, 9) else 1,
    )


def _quietly(read: Any, *said: Any) -> Any:
    """What a stranger wrote may be anything: what cannot be read is None."""
    try:
        return read(*said)
    except Exception:
        return None


def _position(gps: Mapping[int, Any]) -> Position:
    latitude = _degrees(gps[LATITUDE[1]], str(gps[LATITUDE[0]]).strip("\0 ").upper(), "NS")
    longitude = _degrees(gps[LONGITUDE[1]], str(gps[LONGITUDE[0]]).strip("\0 ").upper(), "EW")
    if abs(latitude) > 90_000_000 or abs(longitude) > 180_000_000:
        raise ValueError("no place on earth")
    return Position(latitude=latitude, longitude=longitude)


def _degrees(parts: Any, side: str, sides: str) -> int:
    degrees, minutes, seconds = (float(part) for part in parts)
    return round((degrees + minutes / 60 + seconds / 3600) * 1_000_000) * (1, -1)[sides.index(side)]


def _gps_time(gps: Mapping[int, Any]) -> int:
    hours, minutes, seconds = (float(part) for part in gps[GPS_TIME])
    day = datetime.strptime(str(gps[GPS_DATE]).strip("\0 "), "%Y:%m:%d").replace(tzinfo=UTC)
    return as_us(day + timedelta(hours=hours, minutes=minutes, seconds=seconds))


def _local(said: Any) -> int:
    return as_us(datetime.strptime(str(said).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC))


def _with_offset(local: int, said: Any) -> int:
    offset = datetime.strptime(str(said).strip("\0 "), "%z").utcoffset()
    assert offset is not None
    return local - round(offset.total_seconds()) * SECOND
