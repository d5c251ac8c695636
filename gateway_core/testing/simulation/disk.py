"""A disk of ours under SQLite: it remembers every write and sync, and can fail at one of them.

What a machine finds after the power failed is built from that (`images`): everything that was synced, and of what was
written since, nothing, all, a part, or torn halves.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import apsw
import attrs

Kind = Literal["write", "sync", "truncate", "delete", "note"]
FAULTS = ("a write fails", "the disk is full", "a sync fails")
SECTOR = 512


@attrs.frozen
class Event:
    """One thing that happened. `note`: what somebody outside was told at this time (a request that left, a 2xx)."""

    kind: Kind
    file: str = ""
    at: int = 0
    data: bytes = b""
    note: Any = None


@attrs.define
class Disk:
    """All events, in order. `fails`: one of FAULTS, at the `countdown`-th write or sync from now."""

    events: list[Event] = attrs.field(factory=list)
    fails: str = ""
    countdown: int = 0
    failed: int = 0

    def note(self, what: Any) -> None:
        """Somebody outside knows something now."""
        self.events.append(Event("note", note=what))

    def does(self, kind: Kind) -> None:
        """Raises what SQLite is told when the disk fails here."""
        concerned = "sync" if self.fails == FAULTS[2] else "write"
        if not self.fails or kind != concerned:
            return
        self.countdown -= 1
        if self.countdown == 0:
            self.failed += 1
            raise apsw.FullError("full") if self.fails == FAULTS[1] else apsw.IOError("failed")


class Recorder(apsw.VFS):
    """SQLite's files, through `disk`."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.name, self.disk = name, disk
        super().__init__(name, "", iVersion=1)

    def xOpen(self, name: Any, flags: list[int]) -> File:
        """A file is opened."""
        return File(self.disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """A file is removed."""
        self.disk.events.append(Event("delete", Path(filename).name))
        super().xDelete(filename, syncdir)


class File(apsw.VFSFile):
    """One of SQLite's files."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary").name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        """Some bytes are written: not yet on the disk."""
        self._disk.does("write")
        self._disk.events.append(Event("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        """The file is cut."""
        self._disk.events.append(Event("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        """What was written is on the disk when this returns. (It is not told to the real one: that takes long.)"""
        self._disk.does("sync")
        self._disk.events.append(Event("sync", self._name))


@attrs.frozen
class Image:
    """What is found after the power failed before event `cut`. `notes`: what people outside knew by then."""

    cut: int
    how: str
    files: dict[str, bytes]
    notes: list[Any]


def images(base: dict[str, bytes], events: list[Event], rng: random.Random, every: int = 1) -> Iterator[Image]:
    """Images for each `every`-th cut: all that was synced, and of each file's writes since then a part.

    `base`: what was on the disk before the first event.
    """
    synced = {name: bytearray(content) for name, content in base.items()}
    since: dict[str, list[Event]] = {}
    notes: list[Any] = []
    for cut, event in enumerate([*events, Event("note")]):
        if cut % every == 0:
            for how in ("nothing", "all", "a prefix", "some", "a torn end") if any(since.values()) else ("all",):
                files = {name: bytes(content) for name, content in _found(synced, since, how, rng).items()}
                yield Image(cut, how, files, list(notes))
        _happens(event, synced, since, notes)


def _happens(event: Event, synced: dict[str, bytearray], since: dict[str, list[Event]], notes: list[Any]) -> None:
    if event.kind == "note":
        notes.append(event.note)
    elif event.kind == "delete":
        synced.pop(event.file, None)
        since.pop(event.file, None)
    elif event.kind == "sync":
        _apply(synced.setdefault(event.file, bytearray()), since.pop(event.file, []))
    else:
        since.setdefault(event.file, []).append(event)


def _found(
    synced: dict[str, bytearray], since: dict[str, list[Event]], how: str, rng: random.Random
) -> dict[str, bytearray]:
    files = {name: bytearray(content) for name, content in synced.items()}
    for name, events in since.items():
        _apply(files.setdefault(name, bytearray()), _part(events, how, rng))
    return files


def _part(events: list[Event], how: str, rng: random.Random) -> list[Event]:
    match how:
        case "nothing":
            return []
        case "a prefix":
            return events[: rng.randrange(len(events) + 1)]
        case "some":
            return [event for event in events if rng.random() < 0.5]
        case "a torn end":
            last = events[-1]
            torn = attrs.evolve(last, data=last.data[: rng.randrange(len(last.data) // SECTOR + 1) * SECTOR])
            return [*events[:-1], torn]
    return events


def _apply(content: bytearray, events: list[Event]) -> None:
    for event in events:
        if event.kind == "truncate":
            del content[event.at :]
            continue
        if len(content) < event.at:
            content.extend(bytes(event.at - len(content)))
        content[event.at : event.at + len(event.data)] = event.data
