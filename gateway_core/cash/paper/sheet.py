"""Drawing a pay list in A4: a head and sums on each page, boxes to fill in, and a code to photograph per line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...model.errors import WrongState
from ...model.money import amount_text
from ...printing.fonts import from_the_right
from ...printing.paper import Paper
from ..pay_list import DRAFT, PayList
from .rows import FOOT, GAP, HEAD, HEIGHT, LEADING, MARGIN, NARROW, PAD, SMALL, Page, Row, pages_of, widths_of
from .settings import PaperSettings

_TITLE, _LINE, _HEADS = 15.0, 8.5, 7.5
_GREY, _BLACK, _PALE = 150, 0, 225
# A code and its quiet zone, in millimetres: four modules of white around it are asked for (ISO 18004).
CODE = 17.5
# Columns that are empty boxes for a pen or a picture.
_BOXES = ("photo", "signature", "date", "recipient")


def write_pdf(pay_list: PayList, path: Path, settings: PaperSettings) -> int:
    """Write it. Returns how many pages. Raises MissingGlyph; WrongState without the libraries, a font or the logo."""
    paper = Paper(settings.fonts, margin=MARGIN)
    pages = pages_of(pay_list, settings, paper)
    sheet = _Sheet(paper, pay_list, settings)
    for n, page in enumerate(pages, 1):
        sheet.page(page, n, len(pages))
    paper.save(path)
    return len(pages)


class _Sheet:
    """The pages, one after the other."""

    def __init__(self, paper: Paper, pay_list: PayList, settings: PaperSettings) -> None:
        self._paper, self._pdf, self._list, self._settings = paper, paper.pdf, pay_list, settings
        self._widths = widths_of(settings, self._pdf.w - 2 * MARGIN)
        self._right = self._pdf.w - MARGIN
        self._word = settings.word
        self._sums = pay_list.sums

    def page(self, page: Page, number: int, count: int) -> None:
        """The next page."""
        self._pdf.add_page()
        if self._list.status == DRAFT:
            self._across(self._word("draft"))
        self._head(number, count)
        self._columns()
        top = MARGIN + HEAD
        for row in page.rows:
            self._row(row, top)
            top += row.height
        self._foot(page)
        if number == count:
            self._end(top)

    def _across(self, text: str) -> None:
        """Grey and large, under everything else."""
        self._pdf.set_text_color(_PALE)
        size = 120.0
        width = self._paper.width(text, "the word draft", size)
        middle = self._pdf.w / 2, self._pdf.h / 2
        with self._pdf.rotation(55, *middle):
            self._paper.write(middle[0] - width / 2, middle[1] - 25, text, "the word draft", size, 50)
        self._pdf.set_text_color(_BLACK)

    def _head(self, number: int, count: int) -> None:
        left = MARGIN + self._logo()
        word, one = self._word, self._list
        status = word("draft") if one.status == DRAFT else word("issued")
        self._write(left, MARGIN, f"{word('title')} {one.number}: {one.point_name or one.point}", _TITLE, 7, wide=-52)
        self._to_right(MARGIN, f"{word('page')} {number} {word('of')} {count}", 10)
        self._to_right(MARGIN + 6, status, 12)
        if one.environment == "test":
            self._to_right(MARGIN + 12, word("test"), _LINE)
        days = one.days[0] if len(one.days) == 1 else f"{one.days[0]} - {one.days[-1]} ({len(one.days)})"
        told = [
            (word("payroll"), one.payroll_name or one.payroll), (word("days"), days), (word("manager"), one.manager),
            (word("list"), one.id), (word("replaces"), one.replaces),
        ]  # fmt: skip
        top = MARGIN + 8.5
        for name, said in told:
            if said:
                self._write(left, top, f"{name}: {said}", _LINE, 4, wide=-52)
                top += 4.1

    def _logo(self) -> float:
        """Draw it. Returns how much room it takes to the left."""
        if self._settings.logo is None:
            return 0
        try:
            drawn = self._pdf.image(str(self._settings.logo), MARGIN, MARGIN, h=20, w=35, keep_aspect_ratio=True)
        except Exception as error:
            raise WrongState(f"the logo {self._settings.logo} cannot be drawn: {error}") from error
        return float(drawn.rendered_width) + 4

    def _columns(self) -> None:
        top, left = MARGIN + HEAD - 5, MARGIN
        self._pdf.set_fill_color(238)
        self._pdf.rect(MARGIN, top, self._right - MARGIN, 5, style="F")
        for name, width in zip(self._settings.columns, self._widths, strict=True):
            text = self._fitting(self._word(name), width - GAP, _HEADS)
            at = left + width - GAP - self._width(text, _HEADS) if name == "amount" else left + 0.8
            self._paper.write(at, top + 0.5, text, "the heading", _HEADS, 4)
            left += width

    def _row(self, row: Row, top: float) -> None:
        left = MARGIN
        for name, width, cell in zip(self._settings.columns, self._widths, row.cells, strict=True):
            if name == "code":
                _draw_code(self._pdf, row.line.code, left + 1, top + (row.height - CODE) / 2, CODE)
            elif name in _BOXES:
                self._box(left, top, width, row.height)
            else:
                self._texts(row, cell, name, left, top, width)
            left += width
        self._pdf.set_draw_color(_GREY)
        self._pdf.set_line_width(0.2)
        self._pdf.line(MARGIN, top + row.height, self._right, top + row.height)

    def _texts(self, row: Row, cell: Sequence[Any], name: str, left: float, top: float, width: float) -> None:
        at = top + PAD
        for text in cell:
            right = name == "amount" or from_the_right(text.text)
            shift = width - GAP - self._width(text.text, text.size) if right else 0.8
            self._paper.write(left + shift, at, text.text, f"line {row.line.number}", text.size, text.leading)
            at += text.leading

    def _box(self, left: float, top: float, width: float, height: float) -> None:
        self._pdf.set_draw_color(_GREY)
        self._pdf.set_line_width(0.3)
        self._pdf.rect(left + 0.5, top + 1, width - 1, min(height, HEIGHT) - 2)

    def _foot(self, page: Page) -> None:
        top, word = self._pdf.h - MARGIN - FOOT + 2, self._word
        self._pdf.set_draw_color(_BLACK)
        self._pdf.line(MARGIN, top, self._right, top)
        self._write(MARGIN, top + 1, f"{word('this_page')}: {self._summed(len(page.rows), page.total)}", 9.5, 5)
        self._to_right(top + 1, f"{word('so_far')}: {self._money(page.before + page.total)}", 9.5)
        self._write(MARGIN, top + 6.5, f"{word('list')} {self._list.id}", SMALL, 4)
        sums = self._summed(self._sums.count, self._sums.total)
        self._to_right(top + 6.5, f"{word('total')}: {sums}; {word('check')} {self._sums.short}", SMALL)

    def _summed(self, count: int, total: int) -> str:
        return f"{count} {self._word('line' if count == 1 else 'lines')}, {self._money(total)}"

    def _money(self, minor: int) -> str:
        return f"{amount_text(minor, self._list.currency)} {self._list.currency}"

    def _end(self, top: float) -> None:
        """Sums, and the signatures of those who paid and who counted."""
        word, currency = self._word, self._list.currency
        sums = self._summed(self._sums.count, self._sums.total)
        said = f"{word('total')}: {sums}    {word('check')}: {self._sums.short}"
        self._write(MARGIN, top + 3, said, 11, 6)
        for n, (first, second) in enumerate((("paid", "officer"), ("returned", "second"))):
            at = top + 13 + n * 11
            self._rule(MARGIN, at, f"{word(first)} ({currency})", 62)
            self._rule(MARGIN + 68, at, word(second), self._right - MARGIN - 68)

    def _rule(self, left: float, top: float, text: str, width: float) -> None:
        self._write(left, top, text, SMALL, NARROW)
        self._pdf.set_draw_color(_GREY)
        self._pdf.line(left, top + 9, left + width, top + 9)

    def _width(self, text: str, size: float) -> float:
        return self._paper.width(text, "the list", size)

    def _write(self, left: float, top: float, text: str, size: float, leading: float, wide: float = 0) -> None:
        room = self._right - left + wide
        self._paper.write(left, top, self._fitting(text, room, size), "the heading", size, leading)

    def _to_right(self, top: float, text: str, size: float) -> None:
        self._paper.write(self._right - self._width(text, size), top, text, "the heading", size, LEADING)

    def _fitting(self, text: str, width: float, size: float) -> str:
        """Headings alone are cut where they are too long; what is paid to whom never is."""
        if self._width(text, size) <= width:
            return text
        while text and self._width(text + "...", size) > width:
            text = text[:-1]
        return text + "..."


def _draw_code(pdf: Any, text: str, left: float, top: float, side: float) -> None:
    """A QR code as black runs on the paper's white: sharp at any resolution."""
    try:
        import segno
    except ImportError:
        raise WrongState("printing codes needs a library: pip install 'gateway-core[cash]'") from None
    rows = [list(row) for row in segno.make_qr(text, error="m").matrix]
    module = side / len(rows)
    pdf.set_fill_color(255)
    pdf.rect(left - 1, top - 1, side + 2, side + 2, style="F")
    pdf.set_fill_color(_BLACK)
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            run = 0
            while x + run < len(row) and row[x + run]:
                run += 1
            if run:
                pdf.rect(left + x * module, top + y * module, run * module, module, style="F")
            x += run or 1
