"""A JPEG's structure (ITU T.81, annex B): its segments are walked before anything is decoded.

What is kept for decoding are the tables, the frame and the scans; comments, profiles, thumbnails and every other
application's data are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .limits import HEAVY_PIXELS, PARTS, PIXELS, SCANS, Header, PhotoRefused, judge_size, more_after, truncated

START = b"\xff\xd8"
SOI, EOI, SOS, DNL, COM, APP0, APP1, APP14 = 0xD8, 0xD9, 0xDA, 0xDC, 0xFE, 0xE0, 0xE1, 0xEE
_APPS = range(0xE0, 0xF0)
# Frames: baseline, extended, progressive. The others (lossless, arithmetic) no phone writes.
PLAIN_FRAMES, PROGRESSIVE = (0xC0, 0xC1), 0xC2
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Within a scan every FF is followed by 00, by a restart's number, or by the next segment's mark.
_MARK = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")
_EXIF = b"Exif\0\0"


def read_jpeg(data: bytes) -> Header:
    """Its header. Raises PhotoRefused."""
    walk = _Walk()
    for mark, whole, body in _segments(data):
        walk.take(mark, whole, body)
    if walk.size is None or not walk.scans:
        raise PhotoRefused("broken", "is a JPEG without a picture")
    width, height = walk.size
    if walk.scans > 1:
        # Its colours lie apart: all of it is in memory before the first row is known.
        judge_size(width, height, HEAVY_PIXELS)
    return Header(width, height, b"".join((START, *walk.kept, b"\xff\xd9")), walk.exif)


class _Walk:
    """What the segments said so far."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.size: tuple[int, int] | None = None
        self.scans, self.exif = 0, b""

    def take(self, mark: int, whole: bytes, body: bytes) -> None:
        if mark in _FRAMES:
            self._frame(mark, body)
        elif mark == DNL:
            raise PhotoRefused("broken", "says its height late, as no camera does")
        elif mark == SOS:
            self._scan()
        elif mark == APP1 and body.startswith(_EXIF) and not self.exif:
            self.exif = body[len(_EXIF) :]
        if mark == COM or (mark in _APPS and not _needed(mark, body)):
            return
        self.kept.append(whole)

    def _frame(self, mark: int, body: bytes) -> None:
        if self.size is not None:
            raise PhotoRefused("animated", "has more than one picture")
        if mark not in (*PLAIN_FRAMES, PROGRESSIVE):
            raise PhotoRefused("not_plain", "is a kind of JPEG that cameras do not write")
        if len(body) < 6 or body[0] != 8:
            raise PhotoRefused("broken", "is a broken JPEG, or one with more than 8 bits a colour")
        if body[5] not in (1, 3):
            raise PhotoRefused("not_plain", "has the colours of a print, as cameras do not write")
        height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        judge_size(width, height, PIXELS if mark in PLAIN_FRAMES else HEAVY_PIXELS)
        self.size = width, height

    def _scan(self) -> None:
        self.scans += 1
        if self.size is None:
            raise PhotoRefused("broken", "is a JPEG whose picture comes before its size")
        if self.scans > SCANS:
            raise PhotoRefused("bomb", f"goes over the picture more than {SCANS} times")


def _needed(mark: int, body: bytes) -> bool:
    """JFIF's and Adobe's segment say how the colours are written."""
    return (mark == APP0 and body.startswith(b"JFIF\0") and len(body) < 64) or (
        mark == APP14 and body.startswith(b"Adobe") and len(body) < 64
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(mark, the segment whole and with its scan's data, its body) up to the end, which is the file's."""
    at, count = len(START), 0
    while True:
        mark, start = _mark(data, at)
        if mark == EOI:
            if data[start:].strip(b"\0\xff"):
                raise more_after()
            return
        count += 1
        if count > PARTS:
            raise PhotoRefused("bomb", f"has more than {PARTS:,} parts")
        end = start + int.from_bytes(data[start : start + 2], "big")
        if end < start + 2:
            raise PhotoRefused("broken", "is a broken JPEG")
        if end > len(data):
            raise truncated()
        at = _after_scan(data, end) if mark == SOS else end
        yield mark, bytes((0xFF, mark)) + data[start:at], data[start + 2 : end]


def _mark(data: bytes, at: int) -> tuple[int, int]:
    """(mark, where its segment goes on). A mark may be preceded by any number of FF."""
    if at >= len(data):
        raise truncated()
    found = _MARK.match(data, at)
    if found is None or found[1][0] == SOI:
        raise truncated() if not data[at:].strip(b"\xff") else PhotoRefused("broken", "is a broken JPEG")
    return found[1][0], found.end()


def _after_scan(data: bytes, at: int) -> int:
    found = _MARK.search(data, at)
    if found is None:
        raise truncated()
    return found.start()
