"""Short ids for rails that carry few characters: a letter, 13 of Crockford's base 32, and a check character."""

from __future__ import annotations

import hashlib
import re

from .identity import canonical

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIRST = "G"
DIGITS = 13
_SHAPE = re.compile(f"{FIRST}[{ALPHABET}]{{{DIGITS + 1}}}")
_PLACES = tuple(range(5 * (DIGITS - 1), -1, -5))
_VALUES = {char: value for value, char in enumerate(ALPHABET)}


def short_id(*parts: object) -> str:
    """15 characters of A-Z and 0-9, the same for ever for these parts: they fit where 16 are carried (MT940)."""
    number = int.from_bytes(hashlib.sha256(canonical(["short", *(str(part) for part in parts)])).digest()[:9], "big")
    body = "".join([FIRST, *[ALPHABET[number >> place & 31] for place in _PLACES]])
    return body + _check(body)


def is_short_id(text: str) -> bool:
    """Whether it has the shape and the check character of one: a mistyped or cut id has not."""
    return _SHAPE.fullmatch(text) is not None and _check(text[:-1]) == text[-1]


def _check(body: str) -> str:
    """Weighted sum modulo a prime: a wrong character shows, and so do two neighbours that changed places."""
    return ALPHABET[sum([place * _VALUES[char] for place, char in enumerate(body, start=2)]) % 31]
