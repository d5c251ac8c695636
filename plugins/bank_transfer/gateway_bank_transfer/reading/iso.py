"""Any ISO 20022 message from a bank: what it is, then its parts, as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from . import camt, cancellation, pain002
from .safe import LARGEST, Refused, local, parsed, pieces

# By the element in the document: what the message is, and who reads it.
READERS: dict[str, tuple[str, Any, list[str]]] = {
    **{name: (kind, camt.Camt, camt.TAGS) for name, kind in camt.KINDS.items()},
    "CstmrPmtStsRpt": ("pain.002", pain002.Pain002, pain002.TAGS),
    "RsltnOfInvstgtn": ("camt.029", cancellation.Camt029, cancellation.TAGS),
}
# With which of them a message begins, and what is known of one that has none.
HEADS = ("GrpHdr", "Assgnmt")
NO_HEAD = {"msg_id": None, "created": None, "page": None, "last_page": None}
# National variants write it into addresses of their own.
_VERSION = re.compile(r"(pain|camt)\.\d{3}\.\d{3}\.\d{2}")
TAGS = sorted({tag for _, _, tags in READERS.values() for tag in tags})


def parts(file: BinaryIO, largest: int = LARGEST, full: bool = False) -> Iterator[camt.Part]:
    """("file", ...), then the parts of its kind; `full`: also what nobody decides by.

    Raises Refused, at the latest at its end: believe nothing before.
    """
    waiting: list[camt.Part] = []
    seeing: list[Any] = []

    def see(element: Any) -> None:
        if not seeing:
            kind, version, reader = _known(element)
            about = {"kind": kind, "version": version}
            headed = local(element.tag) in HEADS

            def tell(name: str, said: dict[str, Any]) -> None:
                if name != "file":
                    waiting.append((name, said))
                elif headed:
                    waiting.append((name, about | said))

            if not headed:
                # Banks' excerpts have none; what comes where it does not belong is not looked at.
                waiting.append(("file", about | NO_HEAD))
            seeing.append(reader(tell, full))
        seeing[0].see(element)

    for _ in parsed(pieces(file, largest), TAGS, see):
        yield from waiting
        waiting.clear()
    yield from waiting
    if not seeing:
        raise Refused("it is no message that we know")


def _known(element: Any) -> tuple[str, str, Any]:
    """(kind, version, reader) by the message's element and the namespace."""
    root = element.getroottree().getroot()
    message = root[0] if len(root) else None
    if local(root.tag) != "Document" or message is None or local(message.tag) not in READERS:
        raise Refused(f"it is no message that we know: {local(root.tag)}")
    kind, reader, _ = READERS[local(message.tag)]
    space = etree.QName(root).namespace or ""
    named = _VERSION.search(space)
    return kind, named[0] if named else kind, reader
