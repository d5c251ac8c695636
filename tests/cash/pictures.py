"""Photographs, honest and hostile, made byte by byte."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image

HTML = b"<html><script>alert(1)</script></html>"


def photo(width: int = 64, height: int = 48, form: str = "JPEG", **how: Any) -> bytes:
    """A small picture with something on it."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def exif(
    *,
    latitude: float = -1.2921,
    longitude: float = 36.8219,
    taken: str = "2026:11:26 12:30:00",
    offset: str = "+03:00",
    orientation: int = 1,
    gps_time: bool = False,
) -> bytes:
    """As a phone writes it."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags.get_ifd(0x8769).update({0x9003: taken, **({0x9011: offset} if offset else {})})
    gps = {1: "NS"[latitude < 0], 2: _parts(abs(latitude)), 3: "EW"[longitude < 0], 4: _parts(abs(longitude))}
    tags.get_ifd(0x8825).update({**gps, **({7: (9.0, 30.0, 5.0), 29: "2026:11:26"} if gps_time else {})})
    return tags.tobytes()


def _parts(degrees: float) -> tuple[float, float, float]:
    minutes = degrees % 1 * 60
    return float(int(degrees)), float(int(minutes)), minutes % 1 * 60


def chunk(name: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *more: bytes, idat: bytes | None = None, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG with chunks of one's own between its header and its picture."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    data = zlib.compress(b"\0" * (height * (1 + 3 * width))) if idat is None else idat
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(megabytes: int) -> bytes:
    """So many MB of zeros, packed to a thousandth."""
    packer = zlib.compressobj(9)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return b"".join([*pieces, packer.flush()])


def archive() -> bytes:
    """A ZIP with a script in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("run.js", "alert(1)")
    return out.getvalue()


def segment(mark: int, body: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes((0xFF, mark)) + struct.pack(">H", len(body) + 2) + body


def inserted(data: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments of one's own at its beginning."""
    return data[:2] + b"".join(segments) + data[2:]


def resized(data: bytes, width: int, height: int) -> bytes:
    """A JPEG that says another size than its picture has."""
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def many_scans(count: int, width: int = 64, height: int = 48) -> bytes:
    """A progressive JPEG that goes over its picture again and again."""
    data = photo(width, height, progressive=True, subsampling=0)
    at = data.rindex(b"\xff\xda")
    return data[:at] + data[at:-2] * count + b"\xff\xd9"


def two_frames() -> bytes:
    """A JPEG with two headers of a picture."""
    data = photo()
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
    return data[:at] + frame + data[at:]


def _animated(form: str) -> bytes:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:])
    return out.getvalue()


def _printed(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("CMYK", (width, height)).save(out, "JPEG")
    return out.getvalue()


# (what it is, what it is said to be, the code that refuses it, the bytes)
HOSTILE: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "100 megapixels, JPEG": ("jpeg", "too_many_pixels", lambda: resized(photo(), 10_000, 10_000)),
    "100 megapixels, true": ("png", "too_many_pixels", lambda: png(10_000, 10_000, idat=zeros(286))),
    "a strip": ("jpeg", "too_many_pixels", lambda: resized(photo(), 65_535, 100)),
    "no height": ("jpeg", "broken", lambda: resized(photo(), 64, 0)),
    "a picture that unpacks to 2 GB": ("png", "bomb", lambda: png(10, 10, idat=zeros(2_000))),
    "a text that unpacks to 1 GB": ("png", "bomb", lambda: png(9, 9, chunk(b"zTXt", b"a\0\0" + zeros(200)[:250_000]))),
    "a profile that unpacks to 100 MB": ("png", "bomb", lambda: png(9, 9, chunk(b"iCCP", b"a\0\0" + zeros(100)))),
    "a text in Unicode likewise": ("png", "bomb", lambda: png(9, 9, chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(100)))),
    "a huge text": ("png", "bomb", lambda: png(9, 9, chunk(b"tEXt", b"a\0" + b"x" * 5_000_000))),
    "too many chunks": ("png", "broken", lambda: png(9, 9, *[chunk(b"tEXt", b"a\0b")] * 100_000)),
    "a JPEG that is a ZIP too": ("jpeg", "more_after_end", lambda: photo() + archive()),
    "a PNG that is a ZIP too": ("png", "more_after_end", lambda: photo(form="PNG") + archive()),
    "a JPEG that is HTML too": ("jpeg", "more_after_end", lambda: photo() + HTML),
    "cut off, JPEG": ("jpeg", "truncated", lambda: photo()[:-300]),
    "cut off in its header": ("jpeg", "truncated", lambda: photo()[:40]),
    "cut off, PNG": ("png", "truncated", lambda: photo(form="PNG")[:-40]),
    "cut off, with an end": ("png", "broken", lambda: png(100, 100, idat=zlib.compress(b"\0" * 20_000)[:-6])),
    "animated PNG": ("png", "animated", lambda: _animated("PNG")),
    "GIF": ("jpeg", "not_a_photo", lambda: _animated("GIF")),
    "WebP": ("jpeg", "not_a_photo", lambda: b"RIFF\x24\0\0\0WEBPVP8 "),
    "SVG": ("png", "not_a_photo", lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    "SVG with a head": ("png", "not_a_photo", lambda: b"\xef\xbb\xbf<?xml version='1.0'?><svg/>"),
    "nothing": ("png", "truncated", lambda: b""),
    "HTML before the picture": ("jpeg", "not_a_photo", lambda: HTML + photo()),
    "said to be a PNG": ("png", "wrong_format", photo),
    "said to be a JPEG": ("jpeg", "wrong_format", lambda: photo(form="PNG")),
    "1,000 passes": ("jpeg", "bomb", lambda: many_scans(1_000)),
    "two pictures": ("jpeg", "animated", two_frames),
    "only marks": ("jpeg", "truncated", lambda: b"\xff\xd8" + b"\xff" * 5_000_000),
    "only restarts": ("jpeg", "truncated", lambda: photo()[:-2] + b"\xff\xd0" * 5_000_000),
    "too many segments": ("jpeg", "bomb", lambda: inserted(photo(), segment(0xFE, b"") * 1_000_000)),
    "too large": ("jpeg", "too_large", lambda: photo() + bytes(13 << 20)),
    "16 bits a colour": ("png", "not_plain", lambda: png(9, 9, depth=16)),
    "colours of a print": ("jpeg", "not_plain", lambda: _printed(2_000, 2_000)),
    "arithmetic coding": ("jpeg", "not_plain", lambda: photo().replace(b"\xff\xc0", b"\xff\xc9", 1)),
}
