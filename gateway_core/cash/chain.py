"""A device's chain of records, as it lies in the store: what is missing in it, and what was altered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from .record import FIRST, ProofRecord

MISSING, ALTERED, FORKED, UNLINKED, BEYOND = "missing", "altered", "forked", "unlinked", "beyond"


@attrs.frozen
class Link:
    """What the chain needs of a record. `intact`: its hash is over what it says."""

    number: int
    previous: str
    hash: str
    intact: bool = True


@attrs.frozen
class Break:
    """Where a chain does not hold: `first` to `last` are numbers of records."""

    code: str
    first: int
    last: int

    @property
    def message(self) -> str:
        """For people."""
        which = f"record {self.first:,}" if self.first == self.last else f"records {self.first:,} to {self.last:,}"
        return f"{which} {_MESSAGES[self.code]}"


_MESSAGES = {
    MISSING: "did not come: the device's sequence has a gap",
    ALTERED: "was altered: its hash is not over what it says",
    FORKED: "came twice with different content: the device's memory was reset, or someone rewrote it",
    UNLINKED: "does not follow the one before: it names another hash",
    BEYOND: "is beyond, or is not, what the device says is its last",
}


def link_of(record: ProofRecord) -> Link:
    """The link that a record is."""
    return Link(record.number, record.previous, record.hash, record.intact)


def breaks(links: Iterable[Link], last: int, head: str = "") -> Iterator[Break]:
    """Every break in a device's chain up to `last`, its newest record's number, whose hash is `head` ('': unknown).

    `links` are sorted by number and may hold a record many times. Nothing is yielded for a chain that is complete.
    """
    before, hashes = 0, {FIRST}
    for number, group in _numbered(links):
        if number > before + 1:
            yield Break(MISSING, before + 1, number - 1)
        yield from _of_one(number, group, hashes if number == before + 1 else set())
        before, hashes = number, {link.hash for link in group}
    if before < last:
        yield Break(MISSING, before + 1, last)
    elif before > last or (head and before and head not in hashes):
        yield Break(BEYOND, before, before)


def _numbered(links: Iterable[Link]) -> Iterator[tuple[int, set[Link]]]:
    number, group = 0, set[Link]()
    for link in links:
        if link.number != number:
            if group:
                yield number, group
            number, group = link.number, set()
        group.add(link)
    if group:
        yield number, group


def _of_one(number: int, group: set[Link], before: set[str]) -> Iterator[Break]:
    if not all(link.intact for link in group):
        yield Break(ALTERED, number, number)
    if len(group) > 1:
        yield Break(FORKED, number, number)
    if before and any(link.previous not in before for link in group):
        yield Break(UNLINKED, number, number)
