"""Which font has which character: one that no font has is an error, never a box on paper."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..model.errors import WrongState


class MissingGlyph(WrongState):
    """No font of the setting has a character: it would have been printed as a box."""


class Fonts:
    """Which font has which character."""

    def __init__(self, pdf: Any, paths: Sequence[Path]) -> None:
        self._pdf, self.names, self._has = pdf, list[str](), list[frozenset[int]]()
        for number, path in enumerate(paths):
            self._add(f"own{number}", path)
        if not self.names:
            self.names, self._has = ["helvetica"], [frozenset(map(ord, _latin()))]
        self._known: dict[str, int] = {}

    def _add(self, name: str, path: Path) -> None:
        from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]

        try:
            with path.open("rb") as file, TTFont(file, lazy=True) as font:
                has = frozenset(font.getBestCmap())
            self._pdf.add_font(name, fname=str(path))
            self._has.append(has)
        except (OSError, TTLibError, ValueError, KeyError) as error:
            raise WrongState(f"fonts: {path} cannot be used as a font: {error}") from error
        self.names.append(name)

    def of(self, character: str, where: str) -> int:
        """The number of the first font that has it. Raises MissingGlyph."""
        if (number := self._known.get(character)) is not None:
            return number
        code = ord(character)
        for number, has in enumerate(self._has):
            if code in has or unicodedata.category(character) == "Cf":
                self._known[character] = number
                return number
        name = unicodedata.name(character, "without a name")
        raise MissingGlyph(
            f"no font has the character {character!r} (U+{code:04X} {name}), which stands in {where}; "
            "add a font that has it to the setting `fonts`"
        )

    def runs(self, text: str, where: str) -> Iterator[tuple[int, str]]:
        """The text in pieces of one font each. Marks and joiners stay with the letter before them, spaces as well."""
        current, piece = -1, ""
        for character in text:
            number = self.of(character, where)
            stays = current >= 0 and character in " ‌‍" and ord(character) in self._has[current]
            if number != current and not stays:
                if piece:
                    yield current, piece
                current, piece = number, ""
            piece += character
        if piece:
            yield current, piece


def _latin() -> str:
    return bytes([*range(32, 127), *range(161, 256)]).decode("latin-1") + "\u00a0"


def from_the_right(text: str) -> bool:
    """Whether the first strong character is of a right-to-left script."""
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in ("R", "AL"):
            return True
        if kind == "L":
            return False
    return False
