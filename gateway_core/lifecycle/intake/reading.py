"""Bytes of a payroll file -> lines of text, never more of it in memory than one block."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from .findings import Problem, Unreadable, shown
from .rules import Rules

_BLOCK = 256 * 2**10
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_AS_TEXT = "export it as CSV with the encoding UTF-8"

# (how the file begins, what it then is)
_NOT_TEXT = (
    (b"PK\x03\x04", "a spreadsheet or an archive (ZIP)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"SQLite format 3\0", "a SQLite database"),
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
)


class Lines:
    """Iterates over the lines of a stream, each with its "\\n", whatever ended it in the file.

    `number` is the number of the line given last. A reader calls `done` after each record, and the limit of a line is
    one for a record: a quote that is never closed meets it, instead of swallowing the file.
    """

    def __init__(self, stream: BinaryIO, rules: Rules) -> None:
        self._stream, self._rules = stream, rules
        self.number = self._chars = 0
        self._start = 1

    def done(self) -> None:
        """A record ended with the line given last."""
        self._chars, self._start = 0, self.number + 1

    def __iter__(self) -> Iterator[str]:
        limit = self._rules.max_line_chars
        for text in self._texts():
            for line in io.StringIO(text, newline="\n"):  # not splitlines(): only "\n" ends a line, as in any editor
                self.number += 1
                self._chars += len(line)
                if self._chars > limit:
                    raise self._too_long()
                yield line

    def _texts(self) -> Iterator[str]:
        """Whole lines of text, a block at a time."""
        rest = ""
        for text in self._decoded():
            text = rest + text
            cut = text.rfind("\n") + 1
            rest = text[cut:]
            yield text[:cut]
            if len(rest) > self._rules.max_line_chars:
                raise self._too_long()
        if rest:
            yield rest + "\n"

    def _decoded(self) -> Iterator[str]:
        block, size = self._read(), 0
        decoder = _decoder(block, self._rules)
        while block:
            size += len(block)
            if size > self._rules.max_file_bytes:
                reason = f"the file is larger than {self._rules.max_file_bytes:,} bytes"
                raise Unreadable(0, Problem("file", "too_large", reason, "split the payroll into several"))
            yield self._decode(decoder, block)
            block = self._read()
        yield self._decode(decoder, b"", final=True)

    def _decode(self, decoder: io.IncrementalNewlineDecoder, block: bytes, final: bool = False) -> str:
        try:
            return decoder.decode(block, final)
        except UnicodeError as error:  # declared encodings whose decoder knows no replacement
            problem = Problem("file", "encoding", f"cannot be decoded: {error}", "save the file as UTF-8")
            raise Unreadable(self.number + 1, problem) from error

    def _read(self) -> bytes:
        try:
            return self._stream.read(_BLOCK)
        except OSError as error:
            raise unreadable(error) from error

    def _too_long(self) -> Unreadable:
        reason = f"is longer than {self._rules.max_line_chars:,} characters"
        mend = "close the quotation mark that is open on this line, or shorten the line"
        return Unreadable(self._start, Problem("line", "line_too_long", reason, mend))


def unreadable(error: Exception) -> Unreadable:
    """The mistake for a file that cannot be opened or read."""
    reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return Unreadable(0, Problem("file", "unreadable", reason, "check the name and the permissions of the file"))


def _decoder(head: bytes, rules: Rules) -> io.IncrementalNewlineDecoder:
    """The decoder that the first bytes or the declaration ask for. A byte order mark outranks a declaration."""
    _refuse_binary(head, rules)
    name = next((name for bom, name in _BOMS if head.startswith(bom)), rules.encoding or "utf-8")
    try:
        "a".encode(name)  # refuses what is no text encoding, such as hex
        # Bytes that do not decode become lone surrogates, which `text` reports in their own cell: one pass finds all.
        # UTF-16 has no single bytes to escape.
        errors = "replace" if codecs.lookup(name).name.startswith("utf-16") else "surrogateescape"
        inner = codecs.getincrementaldecoder(name)(errors)
    except (LookupError, ValueError) as error:
        reason = f"{shown(name)} is not an encoding of text"
        problem = Problem("encoding", "unknown_encoding", reason, "declare utf-8, or another name")
        raise Unreadable(0, problem) from error
    return io.IncrementalNewlineDecoder(inner, translate=True)


def _refuse_binary(head: bytes, rules: Rules) -> None:
    for magic, what in _NOT_TEXT:
        if head.startswith(magic):
            raise Unreadable(0, Problem("file", "not_text", f"the file is {what}, not text", _AS_TEXT))
    if not rules.encoding and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        start = head[:200]
        if start.count(0) * 3 > len(start):
            reason = "the file looks like UTF-16 without its byte order mark, or is not text"
            raise Unreadable(0, Problem("file", "encoding", reason, "save the file as UTF-8"))
