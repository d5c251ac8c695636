"""Texts as banks take them: a profile's characters, nothing that XML forbids, cut to the bank's length.

A name in letters that are not Latin is never guessed at: transliterated it is nobody's legal name, and comes back as a
mismatch. Write the name that the bank has registered into the payroll's column `name_latin`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from anyascii import anyascii

# What may not stand in each set of characters.
_NOT: Mapping[str, re.Pattern[str]] = {
    "swift_x": re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]"),
    "basic_latin": re.compile(r"[^\x20-\x7e]"),
    # Characters that XML 1.0 forbids, and controls.
    "unicode": re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"),
}
CHARSETS = tuple(_NOT)
_SPACES = re.compile(r"\s+")
_XML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_PLAIN = re.compile(r"[A-Za-z0-9.,\- ]*")


def sent(text: str, charset: str, longest: int) -> str:
    """The text as it is sent: in the charset, with single spaces, at most `longest` characters."""
    if len(text) <= longest and _PLAIN.fullmatch(text) and "  " not in text:
        return text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        if charset != "unicode":
            text = _FOREIGN.sub(lambda found: _ascii(found[0]), _NOT["unicode"].sub(" ", text))
    text = _SPACES.sub(" ", _NOT[charset].sub(" ", text)).strip()
    return text[:longest].strip()


def escaped(text: str) -> str:
    """For an element's content or an attribute."""
    return text.translate(_XML)


def foreign_letters(text: str) -> str:
    """Its letters that are not Latin, the first few."""
    if text.isascii():
        return ""
    return "".join(c for c in unicodedata.normalize("NFC", text) if not _latin(c))[:5]


@lru_cache(maxsize=4096)
def _latin(character: str) -> bool:
    if not unicodedata.category(character).startswith("L"):
        return True
    name = unicodedata.name(character, "")
    return name.startswith("LATIN") or "MODIFIER LETTER" in name


@lru_cache(maxsize=4096)
def _ascii(character: str) -> str:
    return anyascii(character)
