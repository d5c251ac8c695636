"""Photographs as proofs: judged by their header, drawn anew so that nothing else survives, kept by their digest.

limits  sizes, and the one error          jpeg, png  the file's structure, before anything is decoded
exif    position and time, read first     drawn      decoded and encoded again       shelf  the folder they lie in
"""

from .drawn import Picture, drawn_again
from .exif import Exif
from .limits import LARGEST, PIXELS, PhotoRefused
from .shelf import Shelf

__all__ = ["LARGEST", "PIXELS", "Exif", "PhotoRefused", "Picture", "Shelf", "drawn_again"]
