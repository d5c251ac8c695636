"""A PDF's pages: text is measured, wrapped and written in fonts that have its characters.

Text of right-to-left and joined scripts is shaped (HarfBuzz) and set in its order. What does not fit a column goes on
in the next line: nothing is cut.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ..model.errors import WrongState
from .fonts import Fonts


class Paper:
    """`pdf` is the library's own object, for lines, boxes and pictures. Raises WrongState without the libraries."""

    def __init__(self, fonts: Sequence[Path], *, orientation: str = "portrait", margin: float = 10) -> None:
        try:
            from fpdf import FPDF
        except ImportError:
            raise WrongState("writing PDF needs libraries: pip install 'gateway-core[files]'") from None
        # What its attributes hold is the library's affair: it brings no types for half of them.
        self.pdf: Any = FPDF(orientation=orientation, format="A4")
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margin(margin)
        self._fonts = Fonts(self.pdf, fonts)
        self.pdf.c_margin = 0
        if fonts:
            self.pdf.set_text_shaping(True)
            self.pdf.set_fallback_fonts(self._fonts.names[1:], exact_match=False)

    def width(self, text: str, where: str, size: float) -> float:
        """Millimetres. Raises MissingGlyph, naming `where` it stands."""
        total = 0.0
        for number, piece in self._fonts.runs(text, where):
            self.pdf.set_font(self._fonts.names[number], size=size)
            total += self.pdf.get_string_width(piece)
        return total

    def write(self, left: float, top: float, text: str, where: str, size: float, leading: float) -> None:
        """One line of text, whose box is `leading` high."""
        if text:
            width = self.width(text, where, size)
            self.pdf.set_font(self._fonts.names[0], size=size)
            self.pdf.set_xy(left, top)
            # Order and shape of the letters, and which font each is of, are the library's work.
            self.pdf.cell(width + 1, leading, text, align="L")

    def wrapped(self, text: str, width: float, where: str, size: float) -> list[str]:
        """The text in lines that fit; a word that is too long is divided."""
        text = " ".join(text.split())
        if not text or self.width(text, where, size) <= width:
            return [text]
        lines, line = [], ""
        for word in chain.from_iterable(self._pieces(word, width, where, size) for word in text.split(" ")):
            longer = f"{line} {word}".strip()
            if line and self.width(longer, where, size) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        return [*lines, line]

    def _pieces(self, word: str, width: float, where: str, size: float) -> Iterator[str]:
        while self.width(word, where, size) > width:
            cut = max(1, int(len(word) * width / self.width(word, where, size)))
            while cut > 1 and self.width(word[:cut], where, size) > width:
                cut -= 1
            # Marks stay with their letter.
            while cut < len(word) and unicodedata.combining(word[cut]):
                cut += 1
            if cut >= len(word):
                break
            yield word[:cut]
            word = word[cut:]
        yield word

    def save(self, path: Path) -> None:
        """Write the file."""
        self.pdf.output(str(path))
