"""A photograph drawn anew: decoded, turned upright, made smaller where it is large, and encoded by us.

What is kept are pixels alone. Whatever else lay in the file (another file, scripts, comments, profiles, EXIF) is gone,
and its EXIF's position and time are given back beside it.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import attrs

from ...model.errors import WrongState
from . import jpeg, png
from .exif import Exif, read_exif
from .limits import KEPT_SIDE, LARGEST, QUALITY, Header, PhotoRefused, truncated

_KNOWN = {"jpeg": (jpeg.START, jpeg.read_jpeg), "png": (png.START, png.read_png)}
# What a file is that is no photograph, for the message.
_OTHERS = (
    (b"GIF8", "a GIF"), (b"<svg", "an SVG"), (b"<?xml", "an SVG or another XML"), (b"RIFF", "a WebP"),
    (b"%PDF", "a PDF"), (b"PK\3\4", "a ZIP"), (b"BM", "a bitmap"), (b"II*\0", "a TIFF"), (b"MM\0*", "a TIFF"),
)  # fmt: skip
# By EXIF's orientation: the turns that set the picture upright, as Pillow counts them.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}


@attrs.frozen(kw_only=True)
class Picture:
    """`data` is the JPEG to keep and `sha256` its digest; `original` that of the file as it came, in hexadecimal."""

    original: str
    sha256: str
    data: bytes = attrs.field(repr=False)
    width: int
    height: int
    exif: Exif


def drawn_again(data: bytes, said: str = "") -> Picture:
    """Draw it anew. `said`: "jpeg" or "png", what the record calls it. Raises PhotoRefused; WrongState without Pillow.

    No more than 12 MB and 16 megapixels (12.5 of a PNG or a progressive JPEG) are taken, judged before decoding.
    """
    if len(data) > LARGEST:
        raise PhotoRefused(
            "too_large", f"has {len(data):,} bytes; at most {LARGEST:,} are taken", "set the camera to a lower quality"
        )
    form = _format(data)
    if said and said != form:
        raise PhotoRefused("wrong_format", f"is a {form.upper()} and is said to be a {said.upper()}")
    header = _KNOWN[form][1](data)
    exif = _exif(header)
    drawn, width, height = _drawn(form, header, exif)
    return Picture(
        original=hashlib.sha256(data).hexdigest(),
        sha256=hashlib.sha256(drawn).hexdigest(),
        data=drawn,
        width=width,
        height=height,
        exif=exif,
    )


def _format(data: bytes) -> str:
    for form, (start, _) in _KNOWN.items():
        if data.startswith(start):
            return form
    if not data:
        raise truncated()
    begins = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    what = next((name for start, name in _OTHERS if begins.startswith(start)), "no picture that is known")
    raise PhotoRefused("not_a_photo", f"is {what}; only JPEG and PNG are taken")


def _exif(header: Header) -> Exif:
    _pillow()
    return read_exif(header.exif)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise WrongState("photographs need a library: pip install 'gateway-core[cash]'") from None
    return Image


def _drawn(form: str, header: Header, exif: Exif) -> tuple[bytes, int, int]:
    Image = _pillow()
    try:
        with Image.open(io.BytesIO(header.plain), formats=[form.upper()]) as image:
            if image.size != (header.width, header.height):
                raise PhotoRefused("broken", "says two sizes")
            # A JPEG is decoded at a half or a quarter right away, where that is still large enough.
            image.draft(None, (KEPT_SIDE, KEPT_SIDE))
            upright = _upright(_smaller(image), exif.orientation)
            out = io.BytesIO()
            upright.save(out, "JPEG", quality=QUALITY)
            return out.getvalue(), *upright.size
    except (PhotoRefused, MemoryError):
        raise
    except Exception as error:
        # The decoder of a stranger's bytes raises whatever it likes.
        raise PhotoRefused("broken", f"cannot be decoded ({type(error).__name__})", "send it again") from error


def _smaller(image: Any) -> Any:
    """In RGB or grey, no larger than what is kept; what was transparent is white."""
    factor = max(1, -(-max(image.size) // KEPT_SIDE))
    if factor > 1 and image.mode in ("RGB", "L", "RGBA", "LA", "CMYK"):
        image.thumbnail((KEPT_SIDE, KEPT_SIDE))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        return _on_white(image)
    plain = image if image.mode in ("RGB", "L") else image.convert("RGB")
    plain.thumbnail((KEPT_SIDE, KEPT_SIDE))
    return plain


def _on_white(image: Any) -> Any:
    clear = image.convert("RGBA")
    clear.thumbnail((KEPT_SIDE, KEPT_SIDE))
    white = _pillow().new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white


def _upright(image: Any, orientation: int) -> Any:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)
