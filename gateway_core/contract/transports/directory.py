"""A drop directory: files appear whole, under their name, on the disk; nothing is ever overwritten.

    .NAME.part    being written: nothing was handed over
    .NAME.go      complete and synced; it is linked to its name now, and then removed
    NAME          handed over; the bank may collect it at once

A crash that leaves `.part` proves that nothing was handed over. One that leaves `.go` without the name does not: the
bank may have collected the file in between.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ..replies import Done, NotFound, Unknown
from .port import NotSent, Occupied, Parcel, Probed, Put, Ref, Transport

CHUNK = 1 << 18
UNFINISHED = (".part", ".tmp", ".filepart", ".go")
# File systems without hard links (FAT, some network shares).
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class DirectoryTransport(Transport):
    """Files are put into `outbox`, taken from `inbox`, and moved to `archive` (default: `inbox`/archive).

    `quiet`: a file in the inbox that changed in the last so many seconds is still being written by the bank. One whose
    time lies ahead of our clock is looked at twice, so many seconds apart.
    """

    def __init__(self, outbox: Path, inbox: Path, archived: Path | None = None, quiet: float = 5.0) -> None:
        self.outbox, self.inbox, self.archived, self.quiet = outbox, inbox, archived or inbox / "archive", quiet
        self.address = f"directory {outbox}"

    def _missing(self) -> str:
        return "" if self.outbox.is_dir() else f"there is no directory {self.outbox}; is it mounted?"

    def put(self, parcel: Parcel) -> Put:
        """See Transport.put."""
        part, go, final = self._places(parcel)
        try:
            if self._there(final):
                return self._in_place(parcel, final)
            go.unlink(missing_ok=True)
            _write(part, parcel)
            part.rename(go)
        except OSError as error:
            # What lies there of it says nothing any more; it would be taken for the trace of a later try.
            with suppress(OSError):
                part.unlink(missing_ok=True)
            return NotSent(self._missing() or f"{type(error).__name__}: {error.strerror or error}")
        try:
            _appear(go, final)
            go.unlink(missing_ok=True)
            _sync(self.outbox)
        except FileExistsError:
            return self._in_place(parcel, final)
        except OSError as error:
            return Unknown(f"{type(error).__name__}: {error.strerror or error}")
        return Done({"reference": ""})

    def probe(self, parcel: Parcel) -> Probed:
        """See Transport.probe."""
        part, _, final = self._places(parcel)
        try:
            return self._found(parcel, final)
        except FileNotFoundError:
            if missing := self._missing():
                return Unknown(missing)
            return NotSent("it was never written to its end") if part.exists() else NotFound()
        except OSError as error:
            return Unknown(f"{type(error).__name__}: {error.strerror or error}")

    def _found(self, parcel: Parcel, final: Path) -> Done | Occupied:
        if _digest(final) != parcel.sha256:
            return Occupied(f"another file lies at {final}")
        # Whoever put it may have died before this.
        _sync(final)
        _sync(self.outbox)
        return Done({"reference": ""})

    def _in_place(self, parcel: Parcel, final: Path) -> Done | Occupied | Unknown:
        """Somebody put a file under this name before."""
        try:
            return self._found(parcel, final)
        except OSError as error:
            return Unknown(f"a file of that name was there: {type(error).__name__}")

    def list(self) -> Iterator[Ref]:
        """See Transport.list."""
        now, ahead = time.time(), list[Ref]()
        for entry in sorted(os.scandir(self.inbox), key=lambda entry: entry.name):
            whole = not (entry.name.startswith(".") or entry.name.endswith(UNFINISHED))
            if not whole or not entry.is_file(follow_symlinks=False):
                continue
            ref, changed = Ref(entry.name, _mark(Path(entry.path))), entry.stat().st_mtime
            if now - changed >= self.quiet:
                yield ref
            elif changed > now:
                ahead.append(ref)
        if ahead:
            time.sleep(self.quiet)
        yield from (ref for ref in ahead if self._there(path := self.inbox / ref.name) and _mark(path) == ref.mark)

    def fetch(self, ref: Ref) -> Iterator[bytes]:
        """See Transport.fetch."""
        path = self.inbox / ref.name
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
        if _mark(path) != ref.mark:
            raise OSError(errno.EBUSY, "it changed while it was read", str(path))

    def archive(self, ref: Ref) -> None:
        """See Transport.archive."""
        path = self.inbox / ref.name
        if not self._there(path) or _mark(path) != ref.mark:
            return
        self.archived.mkdir(parents=True, exist_ok=True)
        place = self.archived / ref.name
        if self._there(place):
            place = self.archived / f"{ref.name}.{_digest(path)[:12]}"
        path.rename(place)
        _sync(self.archived)
        _sync(self.inbox)

    def _places(self, parcel: Parcel) -> tuple[Path, Path, Path]:
        name = parcel.name
        return self.outbox / f".{name}.part", self.outbox / f".{name}.go", self.outbox / name

    @staticmethod
    def _there(path: Path) -> bool:
        return os.path.lexists(path)


def _write(part: Path, parcel: Parcel) -> None:
    """The bytes, on the disk. They are counted and digested once more on their way."""
    part.unlink(missing_ok=True)
    digest, size = hashlib.sha256(), 0
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    with os.fdopen(handle, "wb", CHUNK) as file:
        for chunk in parcel.read():
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    if (digest.hexdigest(), size) != (parcel.sha256, parcel.size):
        raise OSError(errno.EIO, "the bytes changed on their way")


def _appear(go: Path, final: Path) -> None:
    """Give the complete file its name. A link fails where the name is taken, a rename would write over it."""
    try:
        os.link(go, final)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        if os.path.lexists(final):
            raise FileExistsError(errno.EEXIST, "exists", str(final)) from None
        go.rename(final)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _mark(path: Path) -> str:
    about = path.stat()
    return f"{about.st_size}:{about.st_mtime_ns}:{about.st_ino}"


def _sync(path: Path) -> None:
    """On the disk, a file or a name in a folder; gone meanwhile (the bank collected it) is no failure."""
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
