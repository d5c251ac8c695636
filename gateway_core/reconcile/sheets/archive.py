"""What an XLSX may hold, judged by its directory before anything is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ...lifecycle.intake.findings import Problem, Unreadable
from ...store import archives
from ...store.archives import ArchiveRefused
from .limits import STRINGS, WORKBOOK

_PLAIN = "save it as an ordinary XLSX workbook with values only, or as CSV"
MENDS = {"too_large": "save it as CSV", "encrypted": "remove the password"}
# Parts of a workbook that run, reach out, or hide something.
_REFUSED = (
    ("vbaproject", "has macros"),
    ("/macrosheets/", "has macros"),
    ("/externallinks/", "has links to other files"),
    ("/activex/", "has ActiveX controls"),
    ("/embeddings/", "has embedded objects"),
    ("connections.xml", "has connections to data elsewhere"),
    ("querytables/", "has connections to data elsewhere"),
)


def refused(code: str, reason: str, mend: str = _PLAIN) -> Unreadable:
    """The mistake for a file that is not read."""
    return Unreadable(0, Problem("file", code, f"the file {reason}", mend))


def open_archive(path: Path) -> zipfile.ZipFile:
    """The archive, when it is one that can be read with bounded means. Raises Unreadable."""
    try:
        archive = archives.open_archive(path, WORKBOOK)
    except ArchiveRefused as error:
        raise refused(error.code, error.reason, MENDS.get(error.code, _PLAIN)) from error
    try:
        for part in archive.infolist():
            _part(part)
    except BaseException:
        archive.close()
        raise
    return archive


def _part(part: zipfile.ZipInfo) -> None:
    lower = "/" + part.filename.lower()
    if lower.endswith("sharedstrings.xml") and part.file_size > STRINGS:
        raise refused("bomb", f"has more than {STRINGS >> 20:,} MB of texts")
    for word, why in _REFUSED:
        if word in lower:
            raise refused("not_plain", why)
