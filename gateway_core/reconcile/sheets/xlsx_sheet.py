"""The first worksheet of an XLSX as rows of text, streamed: memory does not grow with its lines.

Only what a table of values needs is understood: texts, numbers, dates, true and false. A formula is shown as one, and
refused where its cell is read.
"""

from __future__ import annotations

import datetime
import posixpath
import re
import tempfile
import zipfile
from array import array
from collections.abc import Iterator
from contextlib import suppress
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from ...lifecycle.intake.findings import Problem, Unreadable
from .archive import open_archive, refused
from .csv_sheet import too_wide
from .limits import CELL, COLUMNS, EMPTY, ROWS, WORKBOOK, Row

_BLOCK = 1 << 16
_FIGURES = Context(prec=15)
_BUILT_IN_DATES = {*range(14, 23), *range(45, 48)}
_IN_QUOTES = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_LETTERS = re.compile(r"[A-Z]{1,3}")
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def xlsx_rows(path: Path) -> Iterator[Row]:
    """The rows of the first worksheet that are not empty. Raises Unreadable."""
    with open_archive(path) as archive:
        try:
            with _Strings(archive) as strings:
                yield from _Sheet(archive, strings).rows()
        except (zipfile.BadZipFile, expat.ExpatError, ElementTree.ParseError, EOFError) as error:
            raise refused("broken_archive", f"is a broken workbook: {error}") from error
        except (KeyError, ValueError, IndexError, OverflowError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
            raise refused("broken_archive", f"is no workbook that can be read: {error}") from error


def _parse(file: object, handler: _Handler) -> Iterator[None]:
    """Feed a part to its handler, block by block. A document type is refused: it can only do harm here."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _doctype
    parser.StartElementHandler = lambda name, given: handler.start(name.rpartition(" ")[2], given)
    parser.EndElementHandler = lambda name: handler.end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = handler.text
    while block := file.read(_BLOCK):  # type: ignore[attr-defined]
        parser.Parse(block, False)
        yield
    parser.Parse(b"", True)
    yield


def _doctype(*given: object) -> None:
    raise refused("not_plain", "declares a document type, which no workbook needs")


class _Handler:
    def start(self, name: str, given: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """It ends."""

    def text(self, text: str) -> None:
        """Text in it."""


class _Strings(_Handler):
    """The table of shared texts, in an unnamed file: a workbook has one per cell of text, or nearly."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._starts = array("Q")
        self._parts: list[str] = []
        self._length = self._at = 0
        self._within = self._phonetic = False
        name = next((n for n in archive.namelist() if n.lower().endswith("xl/sharedstrings.xml")), "")
        if name:
            with archive.open(name) as part:
                for _ in _parse(part, self):
                    pass
        self._starts.append(self._at)

    def __enter__(self) -> _Strings:
        return self

    def __exit__(self, *given: object) -> None:
        self._file.close()

    def start(self, name: str, given: dict[str, str]) -> None:
        if name == "si":
            self._parts, self._length = [], 0
        self._phonetic |= name == "rPh"
        self._within = name == "t" and not self._phonetic

    def end(self, name: str) -> None:
        self._within = False
        if name == "rPh":
            self._phonetic = False
        if name == "si":
            data = "".join(self._parts).encode(errors="surrogatepass")
            self._starts.append(self._at)
            self._file.write(data)
            self._at += len(data)

    def text(self, text: str) -> None:
        if self._within:
            self._length += len(text)
            # One too long is cut where it is refused anyway.
            if self._length <= 2 * CELL:
                self._parts.append(text)

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._starts) - 1:
            raise ValueError(f"there is no text {number}")
        self._file.seek(self._starts[number])
        return self._file.read(self._starts[number + 1] - self._starts[number]).decode(errors="surrogatepass")


class _Sheet(_Handler):
    """One worksheet. `rows` parses and gives them as they are complete."""

    def __init__(self, archive: zipfile.ZipFile, strings: _Strings) -> None:
        self._archive, self._strings = archive, strings
        self._dates, self._base = _dates(archive)
        self._ready: list[Row] = []
        self._cells: list[str] = []
        self._line = self._column = self._empty = self._length = 0
        self._kind = self._style = self._formula = self._inside = ""
        self._value: list[str] = []
        self._names: list[str] = []

    def rows(self) -> Iterator[Row]:
        """Row after row."""
        with self._archive.open(_first_sheet(self._archive)) as part:
            for _ in _parse(part, self):
                yield from self._ready
                self._ready.clear()

    def start(self, name: str, given: dict[str, str]) -> None:
        if name == "row":
            line = int(given.get("r", self._line + 1))
            if line <= self._line or line > ROWS:
                raise Unreadable(line, Problem("line", "too_many_lines", "has more lines than a sheet", "save as CSV"))
            self._line, self._column, self._cells = line, -1, []
        elif name == "c":
            self._column = _column(given["r"]) if "r" in given else self._column + 1
            if self._column >= COLUMNS:
                raise too_wide(self._line, self._column + 1)
            self._kind, self._style, self._formula = given.get("t", "n"), given.get("s", ""), ""
            self._value, self._length = [], 0
        self._inside = name

    def text(self, text: str) -> None:
        if self._inside in ("v", "t"):
            self._length += len(text)
            if self._length > CELL:
                reason = f"has a cell with more than {CELL:,} characters"
                raise Unreadable(self._line, Problem("line", "line_too_long", reason, "shorten it"))
            self._value.append(text)

    def end(self, name: str) -> None:
        self._inside = ""
        if name == "f":
            self._formula = "=formula"
        elif name == "c":
            self._cell(self._formula or self._text("".join(self._value)))
        elif name == "row":
            self._end_row()

    def _cell(self, text: str) -> None:
        if text:
            self._cells.extend([""] * (self._column - len(self._cells)))
            if len(self._cells) > self._column:
                raise ValueError(f"line {self._line} has a cell twice")
            self._cells.append(text)

    def _end_row(self) -> None:
        self._empty = 0 if self._cells else self._empty + 1
        if self._empty > EMPTY:
            reason = f"has more than {EMPTY:,} empty lines one after the other"
            raise Unreadable(self._line, Problem("line", "empty_lines", reason, "delete the empty lines"))
        if self._cells:
            self._ready.append((self._line, self._cells))

    def _text(self, raw: str) -> str:
        if not raw:
            return ""
        if self._kind == "s":
            return self._strings[int(raw)]
        if self._kind == "b":
            return "yes" if raw.strip() == "1" else "no"
        if self._kind == "n":
            return self._number(raw)
        return raw

    def _number(self, raw: str) -> str:
        """A number as a person reads it in the sheet; a date as 2026-11-25."""
        try:
            value = _FIGURES.create_decimal(raw)
        except InvalidOperation:
            return raw
        if not value.is_finite() or abs(value) >= Decimal("1e15"):
            # More figures than a spreadsheet keeps: shown so that it is refused as an id or an amount.
            return f"{value:E}"
        if self._style in self._dates:
            with suppress(OverflowError):
                moment = self._base + datetime.timedelta(days=float(value))
                return moment.date().isoformat()
        plain = format(value, "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _column(reference: str) -> int:
    letters = _LETTERS.match(reference)
    if letters is None:
        raise ValueError(f"{reference[:20]!r} is no place in a sheet")
    number = 0
    for letter in letters[0]:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _small(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """A part that is small in every honest workbook."""
    if archive.getinfo(name).file_size > WORKBOOK.small:
        raise refused("bomb", f"has a part {Path(name).name} of more than {WORKBOOK.small >> 20} MB")
    data = archive.read(name)
    if b"<!DOCTYPE" in data or "<!DOCTYPE".encode("utf-16-le") in data or "<!DOCTYPE".encode("utf-16-be") in data:
        _doctype()
    return ElementTree.fromstring(data)  # noqa: S314 - no document type, so no entities


def _first_sheet(archive: zipfile.ZipFile) -> str:
    """The name of the part that holds the first worksheet."""
    book, links = _small(archive, "xl/workbook.xml"), _small(archive, "xl/_rels/workbook.xml.rels")
    first = next((e for e in book.iter() if e.tag.rpartition("}")[2] == "sheet"), None)
    if first is None:
        raise refused("not_plain", "has no worksheet")
    wanted = first.get(_REL, "")
    for link in links:
        if link.get("TargetMode") == "External":
            raise refused("not_plain", "has links to other files")
        if link.get("Id") == wanted:
            target = link.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else posixpath.normpath("xl/" + target)
    raise refused("not_plain", "has no worksheet")


def _dates(archive: zipfile.ZipFile) -> tuple[set[str], datetime.datetime]:
    """Numbers of the styles that show a date, and the day that is 0."""
    book = _small(archive, "xl/workbook.xml")
    since_1904 = any(e.get("date1904") in ("1", "true") for e in book.iter() if e.tag.endswith("workbookPr"))
    base = datetime.datetime(1904, 1, 1) if since_1904 else datetime.datetime(1899, 12, 30)  # noqa: DTZ001
    if "xl/styles.xml" not in archive.namelist():
        return set(), base
    styles = _small(archive, "xl/styles.xml")
    formats = {e.get("numFmtId"): e.get("formatCode", "") for e in styles.iter() if e.tag.endswith("}numFmt")}
    cells = next((e for e in styles if e.tag.endswith("}cellXfs")), ())
    shown = [e.get("numFmtId", "0") for e in cells]
    return {str(n) for n, number in enumerate(shown) if _is_date(number, formats.get(number, ""))}, base


def _is_date(number: str, code: str) -> bool:
    if number.isdigit() and int(number) in _BUILT_IN_DATES:
        return True
    return bool(re.search(r"[ymd]", _IN_QUOTES.sub("", code.lower())))
