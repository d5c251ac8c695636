"""Archives that strangers made: judged by their directory before anything is unpacked."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import attrs

from ..model.errors import GatewayCoreError

_END, _END64 = b"PK\x05\x06", b"PK\x06\x07"
_DOS, _FILES = 0, (0, stat.S_IFREG)


@attrs.frozen(kw_only=True)
class Bounds:
    """Bytes of the file, of its directory, of all that unpacks from it; how many parts it has.

    A part of more than `small` bytes unpacks to at most `ratio` times its size.
    """

    archive: int
    directory: int
    unpacked: int
    parts: int
    ratio: int = 120
    small: int = 1 << 20


class ArchiveRefused(GatewayCoreError):
    """An archive that is not opened. `reason` goes on after "the file"; `code` is stable."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason

    def __str__(self) -> str:
        return f"the file {self.reason}"


def open_archive(path: Path, bounds: Bounds) -> zipfile.ZipFile:
    """The archive, when it can be read with bounded means. Raises ArchiveRefused, OSError."""
    _directory(path, bounds)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError) as error:
        raise ArchiveRefused("broken_archive", f"is a broken archive: {error}") from error
    try:
        _judge(archive.infolist(), path.stat().st_size, bounds)
    except BaseException:
        archive.close()
        raise
    return archive


def _directory(path: Path, bounds: Bounds) -> None:
    """The directory at the end is read whole by whoever opens an archive: its size is looked at first."""
    size = path.stat().st_size
    if size > bounds.archive:
        raise ArchiveRefused("too_large", f"has {size:,} bytes; at most {bounds.archive:,} are taken")
    with path.open("rb") as file:
        file.seek(max(0, size - (1 << 16) - 64))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 20:
        raise ArchiveRefused("broken_archive", "is a broken archive: its directory is missing")
    declared = int.from_bytes(tail[at + 12 : at + 16], "little")
    if declared > bounds.directory or tail[max(0, at - 20) : at].startswith(_END64):
        raise ArchiveRefused("bomb", "is an archive with far too many parts")


def _judge(parts: list[zipfile.ZipInfo], size: int, bounds: Bounds) -> None:
    if len(parts) > bounds.parts:
        raise ArchiveRefused("bomb", f"has {len(parts):,} parts")
    if sum(part.file_size for part in parts) > bounds.unpacked:
        raise ArchiveRefused("bomb", f"unpacks to more than {bounds.unpacked >> 20:,} MB")
    if sum(part.compress_size for part in parts) > size:
        raise ArchiveRefused("bomb", "has parts that lie over each other")
    if len({part.filename.casefold() for part in parts}) < len(parts):
        raise ArchiveRefused("twice", "has two parts of one name")
    for part in parts:
        _part(part, bounds)


def _part(part: zipfile.ZipInfo, bounds: Bounds) -> None:
    name = part.orig_filename
    if name.startswith(("/", "\\")) or {":", "\0"} & set(name) or ".." in name.replace("\\", "/").split("/"):
        raise ArchiveRefused("climbing_name", "has a part whose name climbs out of it")
    if part.flag_bits & 1:
        raise ArchiveRefused("encrypted", "is encrypted")
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArchiveRefused("broken_archive", "is packed in an unusual way")
    if part.file_size > bounds.small and part.file_size > bounds.ratio * max(part.compress_size, 1):
        raise ArchiveRefused("bomb", "unpacks to far more than its size")
    if part.create_system != _DOS and not part.is_dir() and stat.S_IFMT(part.external_attr >> 16) not in _FILES:
        raise ArchiveRefused("not_plain", "has a link or a device among its parts")
