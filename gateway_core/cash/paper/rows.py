"""What stands in each box of a line, wrapped, and which lines share a page: known before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from ...model.errors import WrongState
from ...model.money import amount_text
from ...printing.paper import Paper
from ..pay_list import ListLine, PayList
from .settings import WIDTHS, PaperSettings

# Millimetres; type sizes in points.
MARGIN, HEAD, FOOT, END = 10.0, 36.0, 15.0, 34.0
# Ten lines fit a page when none is taller than its boxes.
HEIGHT, PAD, GAP = 22.5, 1.2, 2.0
NAME, SMALL, LEADING, NARROW = 10.5, 7.5, 4.6, 3.3


@attrs.frozen
class Text:
    """One line of text in a box: `size` in points, `leading` in millimetres."""

    text: str
    size: float = NAME
    leading: float = LEADING


@attrs.frozen
class Row:
    """A line of the list with the texts of its columns, and its height in millimetres."""

    line: ListLine
    cells: Sequence[Sequence[Text]]
    height: float


@attrs.frozen
class Page:
    """Lines that share a page. `count` and `total` (minor units) are theirs, `before` is the total of those before."""

    rows: tuple[Row, ...]
    before: int

    @property
    def total(self) -> int:
        """What its lines add up to."""
        return sum(row.line.amount for row in self.rows)


def widths_of(settings: PaperSettings, usable: float) -> list[float]:
    """Millimetres of each column; names get what the others leave."""
    fixed = sum(WIDTHS[name] for name in settings.columns)
    if "person" in settings.columns:
        return [WIDTHS[name] or usable - fixed for name in settings.columns]
    return [WIDTHS[name] * usable / fixed for name in settings.columns]


def pages_of(pay_list: PayList, settings: PaperSettings, paper: Paper) -> list[Page]:
    """All pages. The last one has room for the sums and the signatures of those who pay and count.

    Raises MissingGlyph; WrongState for a line that is taller than a page.
    """
    widths = widths_of(settings, paper.pdf.w - 2 * MARGIN)
    room = paper.pdf.h - 2 * MARGIN - HEAD - FOOT
    pages, rows, used, before = list[Page](), list[Row](), 0.0, 0
    for line in pay_list.lines:
        row = _row(line, pay_list, settings, widths, paper)
        if row.height + END > room:
            raise WrongState(f"line {line.number} does not fit on a page; leave out columns, or shorten its note")
        if rows and used + row.height > room:
            pages.append(Page(tuple(rows), before))
            before, rows, used = before + pages[-1].total, [], 0.0
        rows.append(row)
        used += row.height
    # The sums do not stand on a page alone: the last line goes with them.
    if len(rows) > 1 and used + END > room:
        pages.append(Page(tuple(rows[:-1]), before))
        before, rows = before + pages[-1].total, rows[-1:]
    return [*pages, Page(tuple(rows), before)]


def _row(line: ListLine, pay_list: PayList, settings: PaperSettings, widths: Sequence[float], paper: Paper) -> Row:
    cells = [
        [
            Text(piece, text.size, text.leading)
            for text in _texts(name, line, pay_list, settings)
            for piece in paper.wrapped(text.text, width - GAP, f"line {line.number}, {name}", text.size)
        ]
        for name, width in zip(settings.columns, widths, strict=True)
    ]
    tallest = max(sum(text.leading for text in cell) for cell in cells)
    return Row(line, cells, max(HEIGHT, tallest + 2 * PAD))


def _texts(column: str, line: ListLine, pay_list: PayList, settings: PaperSettings) -> Iterator[Text]:
    others = [f"{one.name} ({one.relation})" if one.relation else one.name for one in line.alternates]
    if column == "number":
        yield Text(str(line.number))
    elif column == "amount":
        yield Text(amount_text(line.amount, pay_list.currency), NAME)
        yield Text(pay_list.currency, SMALL, NARROW)
    elif column == "person":
        yield Text(line.name or line.beneficiary)
        rest = [line.beneficiary] if "beneficiary" not in settings.columns else []
        rest += [line.invoice] if "invoice" not in settings.columns else []
        if "alternates" not in settings.columns:
            rest += [line.note, *(f"{settings.word('or')} {other}" for other in others)]
        else:
            rest.append(line.note)
        yield from (Text(text, SMALL, NARROW) for text in rest if text)
    elif column in ("beneficiary", "invoice"):
        yield Text(line.beneficiary if column == "beneficiary" else line.invoice, SMALL, NARROW)
    elif column == "alternates":
        yield from (Text(other, SMALL, NARROW) for other in others)
