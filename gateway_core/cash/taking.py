"""What was brought in from phones: archives of theirs, or folders with the same parts; and bare files of records.

Photographs are drawn anew and kept first, so that a record that is there has what it names. Then the records are kept,
as they came, and read.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from ..engine.batch.bench import pieces
from ..model.errors import GatewayCoreError, Mistake, WrongState
from ..model.identity import canonical, derived_uuid
from ..store import Store, cash, parcels
from .phone import Parcel, ParcelRefused, open_records
from .phone.limits import CHUNK, PARCEL
from .photos import PhotoRefused, Shelf
from .record import PhotoRef, as_json

MANIFEST = "manifest.json"
# Photographs that are named in one transaction.
PHOTOS = 500
# Characters of what is noted of an archive that is refused.
LONGEST = 500
# (its name, its bytes) -> the answer as which it is kept
Keeps: TypeAlias = Callable[[str, "bytes | Path"], object]


@attrs.define
class Submitted:
    """What came of a submission: `records` of phones in it, of which `new` said something new; `photos` kept.

    `arrivals` are the files' ids (`gateway answers`); `refused` photographs, each with why: nothing of them was kept.
    """

    records: int = 0
    new: int = 0
    strays: int = 0
    photos: int = 0
    arrivals: list[str] = attrs.field(factory=list)
    refused: list[Mistake] = attrs.field(factory=list)


@attrs.frozen
class Taking:
    """One submission, of which every part is taken once.

    `photos` says where photographs lie; `keep` stores a file of records and reads it.
    """

    store: Store
    channel: str
    photos: Callable[[], Path]
    keep: Keeps
    by: str
    done: Submitted = attrs.field(factory=Submitted)

    def take(self, source: Path) -> None:
        """An archive; a folder of archives, of unpacked ones, and of bare files of records; or one such file.

        Raises ParcelRefused, WrongState of the first that is refused, once all others are taken.
        """
        if source.is_dir() and not (source / MANIFEST).is_file():
            found = sorted(_within(source))
            if not found:
                raise WrongState(f"there is nothing of a phone in {source}: no archive, and no file of records")
        else:
            found = [source]
        if refused := [error for path in found if (error := self._one(path)) is not None]:
            raise refused[0]

    def _one(self, path: Path) -> GatewayCoreError | None:
        """Take it; or note why it is not taken."""
        if not (path.is_dir() or zipfile.is_zipfile(path)):
            # Bare records are kept as they are, also where they cannot be read: that is a case.
            try:
                self.keep(path.name, path)
            except WrongState as error:
                return error
            return None
        try:
            with open_records(path) as parcel:
                self._parcel(path, parcel)
        except (ParcelRefused, WrongState) as error:
            parcels.refuse(self.store, self.by, {**_shown(path), "reason": str(error)[:LONGEST]})
            return error if isinstance(error, WrongState) else _named(path.name, error)
        return None

    def _parcel(self, path: Path, parcel: Parcel) -> None:
        self._known(path, parcel)
        shelf = Shelf(self.photos())
        wanted = dict.fromkeys(filter(None, (record.photo for record in parcel.records())))
        for page in pieces(list(wanted), PHOTOS):
            self._photographs(shelf, parcel, page)
        records = b"".join(canonical(as_json(record)) + b"\n" for record in parcel.records())
        answer = derived_uuid("answer", self.channel, hashlib.sha256(records).hexdigest())
        said = parcels.Said(
            answer=answer, device=parcel.device, last=parcel.last, head=parcel.head, made_at=parcel.made_at,
            signer=parcel.signer,
        )  # fmt: skip
        with self.store.write() as connection:
            parcels.came(connection, self.store, said, self.by)
        self.keep(path.name, records)

    def _known(self, path: Path, parcel: Parcel) -> None:
        """Of our deployment; and of a device whose key we have, signed by it."""
        if parcel.deployment != self.store.deployment:
            raise WrongState(
                f"{path.name} is of the deployment {parcel.deployment!r}; this is {self.store.deployment!r}"
            )
        with self.store.read() as connection:
            device = cash.place(connection, cash.DEVICE, parcel.device)
        if device is not None and device.get("key") and device["key"] != parcel.signer:
            raise WrongState(f"{path.name} is not signed by the key of {parcel.device}")

    def _photographs(self, shelf: Shelf, parcel: Parcel, page: Sequence[PhotoRef]) -> None:
        """Those that are not kept yet: on the disk first, then named in one transaction."""
        with self.store.read() as connection:
            known = parcels.photos(connection, [photo.sha256 for photo in page])
        missing = [photo for photo in page if photo.sha256 not in known or known[photo.sha256].refused]
        about = {photo.sha256: said for photo in missing if (said := self._photo(shelf, parcel, photo))}
        shelf.settle()
        with self.store.write() as connection:
            parcels.keep_photos(connection, self.store, about, self.by)

    def _photo(self, shelf: Shelf, parcel: Parcel, photo: PhotoRef) -> dict[str, Any]:
        """What became of one; nothing where it was not sent."""
        try:
            data = parcel.photo(photo)
            if data is None:
                return {}
            picture = shelf.keep(data, photo.format)
        except PhotoRefused as error:
            self.done.refused.append(Mistake(0, photo.sha256[:12], str(error), "show the checker the paper"))
            return {"refused": str(error)[:LONGEST]}
        self.done.photos += 1
        said, where = picture.exif, picture.exif.position
        place = {"latitude": where.latitude, "longitude": where.longitude} if where else {}
        return {"kept": picture.sha256, "at": said.at, "local": said.local, **place}


def _named(name: str, error: ParcelRefused) -> ParcelRefused:
    """The same, which says of which archive."""
    return ParcelRefused([attrs.evolve(one, field=f"{name}: {one.field}") for one in error.mistakes], error.more)


def _shown(path: Path) -> dict[str, Any]:
    """What is noted of an archive that is not taken; of an unpacked one, of its manifest."""
    file = path / MANIFEST if path.is_dir() else path
    size, digest = file.stat().st_size, hashlib.sha256()
    if size <= PARCEL.archive:
        with file.open("rb") as opened:
            while chunk := opened.read(CHUNK):
                digest.update(chunk)
    return {"name": path.name[:LONGEST], "size": size, "sha256": digest.hexdigest() if size <= PARCEL.archive else ""}


def _within(folder: Path) -> Iterator[Path]:
    """Archives, files of records and unpacked archives that lie in it; links are not followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            plain = entry.is_file(follow_symlinks=False) and path.suffix.lower() in (".zip", ".jsonl")
            unpacked = entry.is_dir(follow_symlinks=False) and (path / MANIFEST).is_file()
            if not entry.name.startswith(".") and (plain or unpacked):
                yield path
