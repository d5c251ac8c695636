"""XML from outside, read as a stream in bounded time and memory, or refused before anything of it counts.

Refused: a DOCTYPE (entities, bombs), what is not well-formed or cut off, nesting without end, more bytes than the bank
may send (also when they come out of a gzip), and trees that grow without a line that could be read and let go.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, BinaryIO

from lxml import etree

CHUNK = 1 << 16
# So many elements may wait in memory; it is looked at every so many bytes.
WAITING, EVERY = 20_000, 4 << 20
LARGEST = 2 << 30
# A gzip that holds much more than statements do, beyond some megabytes, is made to tire us.
RATIO, SMALL = 200, 8 << 20
GZIP = b"\x1f\x8b"
DOCTYPE = "it has a DOCTYPE, which no bank's file needs"
_DECLARES = (b"<!DOCTYPE", b"<!ENTITY", "<!DOCTYPE".encode("utf-16-le"), "<!DOCTYPE".encode("utf-16-be"))


class Refused(ValueError):
    """The file is not read; nothing of it was applied."""


def pieces(file: BinaryIO, largest: int = LARGEST) -> Iterator[bytes]:
    """The bytes, unzipped where they are a gzip, never more than `largest` of them."""
    first, total = file.read(CHUNK), 0
    chunks = _unzipped(first, file) if first.startswith(GZIP) else _plain(first, file)
    for piece in chunks:
        total += len(piece)
        if total > largest:
            raise Refused(f"it has more than {largest} bytes")
        yield piece


def _plain(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    while first:
        yield first
        first = file.read(CHUNK)


def _unzipped(first: bytes, file: BinaryIO) -> Iterator[bytes]:
    """One gzip member. Each step gives one chunk at most, however much is packed into it."""
    unzip, packed, unpacked = zlib.decompressobj(wbits=31), len(first), 0
    try:
        while first:
            piece = unzip.decompress(first, CHUNK)
            unpacked += len(piece)
            if unpacked > SMALL and unpacked > packed * RATIO:
                raise Refused(f"it is packed more than {RATIO} times, as no bank's file is")
            yield piece
            if not (first := unzip.unconsumed_tail) and not unzip.eof:
                first = file.read(CHUNK)
                packed += len(first)
        yield unzip.flush()
    except zlib.error as error:
        raise Refused(f"it is no whole gzip: {error}") from None
    if not unzip.eof or unzip.unused_data or file.read(1):
        raise Refused("the gzip is cut off, or something follows it")


@lru_cache(maxsize=1024)
def local(tag: Any) -> str:
    """An element's name without its namespace; '' for a comment or the like."""
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


def parsed(chunks: Iterator[bytes], tags: list[str], see: Callable[[Any], None]) -> Iterator[None]:
    """Read to the end, and yield after every chunk; `see` gets each complete element of these names, and empties it.

    Raises Refused, at the latest at the end: nothing that was seen may be believed before.
    """
    parser = etree.XMLPullParser(
        events=("end",), tag=[f"{{*}}{tag}" for tag in tags], resolve_entities=False, no_network=True,
        load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    since, root = 0, None
    try:
        for chunk in chunks:
            if any(word in chunk for word in _DECLARES):
                raise Refused(DOCTYPE)
            parser.feed(chunk)
            for _, element in parser.read_events():
                if root is None:
                    root = element.getroottree().getroot()
                    _no_doctype(root)
                see(element)
                element = None
            yield
            since += len(chunk)
            if since > EVERY:
                since = 0
                _small(root)
        root = parser.close()
    except (etree.XMLSyntaxError, etree.XMLSchemaError) as error:
        raise Refused(f"it is no well-formed XML: {str(error)[:200]}") from None
    _no_doctype(root)


def _no_doctype(root: Any) -> None:
    """Also where it is written in an encoding in which the first look did not see it."""
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refused(DOCTYPE)


def _small(root: Any) -> None:
    """The tree that waits in memory: what was seen is gone from it."""
    if root is None or sum(1 for _ in zip(root.iter(), range(WAITING + 1), strict=False)) > WAITING:
        raise Refused("it goes on without anything that belongs into such a file")
