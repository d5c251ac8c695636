"""A PNG's structure (RFC 2083): its chunks are walked before anything is unpacked; only the picture's own are kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from .limits import ASIDE, HEAVY_PIXELS, PARTS, Header, PhotoRefused, judge_size, more_after, truncated

START = b"\x89PNG\r\n\x1a\n"
KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
# Values for a pixel by colour type: grey, RGB, palette, grey and alpha, RGB and alpha.
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Animated ones begin with the first of these.
_ANIMATED = (b"acTL", b"fcTL", b"fdAT")
_PACKED = (b"zTXt", b"iCCP")
_TEXT = b"iTXt"


def read_png(data: bytes) -> Header:
    """Its header. Raises PhotoRefused."""
    kept, exif, packed = [START], b"", 0
    width = height = most = 0
    for n, (name, body, whole) in enumerate(_chunks(data)):
        if (n == 0) != (name == b"IHDR") or n > PARTS:
            raise PhotoRefused("broken", "is a broken PNG: its chunks are not in order")
        if name == b"IHDR":
            width, height, most = _size(body)
        elif name in _ANIMATED:
            raise PhotoRefused("animated", "is animated")
        elif name == b"IDAT":
            packed += len(body)
        elif name not in KEPT:
            _aside(name, body)
            exif = body if name == b"eXIf" and not exif else exif
        if name in KEPT:
            kept.append(whole)
    if not packed:
        raise PhotoRefused("broken", "is a PNG without a picture")
    if packed > most:
        raise PhotoRefused("bomb", f"has {packed:,} packed bytes for {width:,} x {height:,} pixels")
    return Header(width, height, b"".join(kept), exif)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(name, body, the chunk whole) up to the end, which is the file's."""
    at = len(START)
    while True:
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data):
            raise truncated()
        body = data[at + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(data[end - 4 : end], "big"):
            raise PhotoRefused("broken", "is a broken PNG: a checksum in it is wrong", "send it again")
        yield name, body, data[at:end]
        at = end
        if name == b"IEND":
            break
    if data[at:].strip(b"\0"):
        raise more_after()


def _size(body: bytes) -> tuple[int, int, int]:
    """(width, height, bytes that its picture can have at most when it is packed)."""
    if len(body) != 13:
        raise PhotoRefused("broken", "is a broken PNG")
    width, height = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
    depth, colour, packing, filtering, interlaced = body[8:]
    judge_size(width, height, HEAVY_PIXELS)
    if depth not in (1, 2, 4, 8) or colour not in CHANNELS or packing or filtering or interlaced > 1:
        raise PhotoRefused("not_plain", "is a kind of PNG that cameras do not write")
    # Seven passes have a filter byte of their own for each row.
    rows = height * (1 + 2 * interlaced) + 8
    unpacked = rows + height * ((width * depth * CHANNELS[colour] + 7) // 8 + 7 * interlaced)
    return width, height, unpacked + unpacked // 500 + 1024


def _aside(name: bytes, body: bytes) -> None:
    """What is not the picture is never unpacked; what would unpack to too much is an attack, and refused as one."""
    if len(body) > ASIDE:
        raise PhotoRefused("bomb", f"has {len(body):,} bytes that are no picture")
    if name not in _PACKED and name != _TEXT:
        return
    _, _, rest = body.partition(b"\0")
    if name == _TEXT:
        if rest[:1] != b"\1":
            return
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        rest = rest[1:]
    try:
        if len(zlib.decompressobj().decompress(rest, ASIDE + 1)) > ASIDE:
            raise PhotoRefused("bomb", "has a text or a profile that unpacks to far more than its size")
    except zlib.error:
        return
