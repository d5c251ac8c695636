"""Short ids for rails that carry few characters: a letter, 13 of Crockford's base 32, and a check character."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from operator import mul

from .identity import canonical

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIRST = "G"
DIGITS = 13
_SHAPE = re.compile(f"{FIRST}[{ALPHABET}]{{{DIGITS + 1}}}")
_PLACES = tuple(range(5 * (DIGITS - 1), -1, -5))
_VALUES = {char: value for value, char in enumerate(ALPHABET)}
# Weights of the characters after the first, which is always the same.
_WEIGHTS = tuple(range(3, 3 + DIGITS))
_OF_FIRST = 2 * _VALUES[FIRST]


def short_id(*parts: object) -> str:
    """15 characters of A-Z and 0-9, the same for ever for these parts: they fit where 16 are carried (MT940)."""
    number = int.from_bytes(hashlib.sha256(canonical(["short", *(str(part) for part in parts)])).digest()[:9], "big")
    values = [number >> place & 31 for place in _PLACES]
    return f"{FIRST}{''.join(map(ALPHABET.__getitem__, values))}{_check(values)}"


def is_short_id(text: str) -> bool:
    """Whether it has the shape and the check character of one: a mistyped or cut id has not."""
    return _SHAPE.fullmatch(text) is not None and _check(map(_VALUES.__getitem__, text[1:-1])) == text[-1]


def _check(values: Iterable[int]) -> str:
    """Weighted sum modulo a prime: a wrong character shows, and so do two neighbours that changed places."""
    return ALPHABET[sum(map(mul, _WEIGHTS, values), _OF_FIRST) % 31]
