"""How large a photograph may be, and how one is refused."""

from __future__ import annotations

import attrs

from ...model.errors import GatewayCoreError

# Bytes of a file; pixels of a plain JPEG; pixels of what takes more memory to decode (progressive JPEG, PNG).
LARGEST, PIXELS, HEAVY_PIXELS = 12 << 20, 16_000_000, 12_500_000
# Pixels on one side: a strip of 1 by 16,000,000 is no photograph.
SIDE = 16_384
# Passes over the picture that a progressive JPEG may ask for; cameras make ten or so.
SCANS = 40
# Parts of a file, and bytes of a part that is not the picture itself, packed and unpacked.
PARTS, ASIDE = 20_000, 256 << 10
# Pixels on the longer side of what is kept: a face and a signed sheet can be read.
KEPT_SIDE = 2_400
QUALITY = 85

_PLAIN = "take it again with the phone's application, as an ordinary JPEG"


class PhotoRefused(GatewayCoreError):
    """A photograph that is not taken: `code` is stable, `mend` tells what to do."""

    def __init__(self, code: str, reason: str, mend: str = _PLAIN) -> None:
        super().__init__(code, reason, mend)
        self.code, self.reason, self.mend = code, reason, mend

    def __str__(self) -> str:
        return f"the photo {self.reason}; {self.mend}"


@attrs.frozen
class Header:
    """What a file's structure says: pixels, and the file without anything that is not the picture. `exif` is TIFF."""

    width: int
    height: int
    plain: bytes
    exif: bytes = b""


def judge_size(width: int, height: int, pixels: int) -> None:
    """Raises PhotoRefused for more pixels than are decoded."""
    if not width or not height:
        raise PhotoRefused("broken", "has no width or no height")
    if width > SIDE or height > SIDE or width * height > pixels:
        raise PhotoRefused(
            "too_many_pixels",
            f"has {width:,} x {height:,} pixels; at most {pixels:,} are taken, and {SIDE:,} on a side",
            "set the camera to a lower resolution",
        )


def truncated() -> PhotoRefused:
    """The error for a file that ends too early."""
    return PhotoRefused("truncated", "is cut off: the file ends before the picture does", "send it again")


def more_after() -> PhotoRefused:
    """The error for a file that goes on after its end."""
    return PhotoRefused(
        "more_after_end",
        "goes on after the end of the picture: another file may hide there",
        "send the picture without what the camera appends to it",
    )
