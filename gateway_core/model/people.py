"""Who acts: one spelling per person, so that maker and checker cannot be one person written in two ways (law 6)."""

from __future__ import annotations

import unicodedata

from .errors import MakerIsChecker

LONGEST = 128

# Cc controls, Cf invisible formats (zero-width, bidi), Cs and Cn no characters at all, Co private, Zl and Zp line ends.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})
# Letters and marks by category that show nothing: "joseph" and "joseph" with one of these would look the same.
_BLANKS = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2800, 0x2800),
    (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
)  # fmt: skip


def normal(name: str) -> str:
    """The identity behind a name: compatibility forms, case and spacing do not tell two people apart.

    "  Joseph\u00a0 OKELLO " is "joseph okello". Raises ValueError for what cannot be one: empty, invisible or control
    characters, more than LONGEST characters.
    """
    stripped = name.strip()
    if len(stripped) > 4 * LONGEST:
        raise ValueError(f"a name has at most {LONGEST} characters")
    for character in stripped:
        _visible(character)
    folded = " ".join(_folded(stripped).split())
    if not folded:
        raise ValueError("a name is needed: who does this?")
    if len(folded) > LONGEST:
        raise ValueError(f"a name has at most {LONGEST} characters")
    return folded


def _visible(character: str) -> None:
    if _hidden(character):
        raise ValueError(f"a name has no control or invisible characters, but this one has U+{ord(character):04X}")


def _hidden(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character) in _REFUSED or any(low <= code <= high for low, high in _BLANKS)


def shown(name: str) -> str:
    """The identity that a name shows which was not written here, such as on a phone: what nobody sees is left out.

    Where even that cannot be anybody's, it is the name as it is.
    """
    try:
        return normal("".join(character for character in name if not _hidden(character)))
    except ValueError:
        return name


def _folded(text: str) -> str:
    """Compatibility caseless matching (Unicode, D146), composed: one pass is not stable, folding undoes composition."""
    once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def differ(maker: str, checker: str, what: str) -> None:
    """Raises MakerIsChecker when both are one person; `what` says what the maker did."""
    if normal(maker) == normal(checker):
        raise _one_person(checker, what)


def differ_shown(maker: str, checker: str, what: str) -> None:
    """As `differ`, where the maker's name was not written here: it may be nobody's, or hide in what nobody sees."""
    if shown(maker) == normal(checker):
        raise _one_person(checker, what)


def _one_person(checker: str, what: str) -> MakerIsChecker:
    return MakerIsChecker(f"{checker} {what}; another person must do this")
