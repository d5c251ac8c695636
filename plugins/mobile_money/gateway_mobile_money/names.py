"""How alike are two names? 1.0: the same; 0.0: nothing in common. For warnings to people, never for identity."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher

# An initial that fits is nearly as good as the name.
INITIAL = 0.9
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "hon", "rev", "sir", "madam"})


def parts(name: str) -> list[str]:
    """The words of a name without case, accents, marks and titles: "Mrs. AMINA  Nakató" is ["amina", "nakato"]."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    words = re.findall(r"\w+", plain.replace("'", "").replace("’", ""))
    return [word for word in words if word not in _TITLES]


def score(one: str, other: str) -> float:
    """Each word of the shorter name is matched with its best partner in the longer one, in any order.

    A name left out of the longer one costs nothing: operators often know two names of three.
    """
    short, long = sorted((parts(one), parts(other)), key=len)
    if not short:
        return 0.0
    if "".join(short) == "".join(long):
        return 1.0
    left, total, weight = list(long), 0.0, 0.0
    for word in sorted(short, key=len, reverse=True):
        best = max(left, key=lambda candidate: _alike(word, candidate))
        left.remove(best)
        size = max(len(word), len(best))
        total += _alike(word, best) * size
        weight += size
    return total / weight


def _alike(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if 1 in (len(one), len(other)):
        return INITIAL if one[0] == other[0] else 0.0
    ratio = SequenceMatcher(None, one, other).ratio()
    # Two words that share a few letters are not half the same name.
    return ratio if ratio >= 0.6 else 0.0
