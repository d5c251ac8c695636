"""Whose word settles a payment: one ranked table (law 3). What ranks lower is kept, compared, and never settles alone.

| rank | source | alone it |
|---|---|---|
| RAIL | the rail's answer about this key, asked or authenticated; a batch rail's own file | settles |
| PEOPLE | two people, with a reason; one of them may have given a file | settles where the rail cannot be asked |
| FILE | a file that one person gave: a filled list, a provider's statement | is compared; the rail is asked |
| HEARSAY | an unauthenticated callback | only triggers a question |
"""

from __future__ import annotations

from enum import IntEnum


class Rank(IntEnum):
    """Higher outranks lower."""

    HEARSAY = 0
    FILE = 1
    PEOPLE = 2
    RAIL = 3


SOURCES: dict[str, Rank] = {
    "ask": Rank.RAIL, "find_out": Rank.RAIL, "reconcile": Rank.RAIL, "flow": Rank.RAIL, "callback": Rank.RAIL,
    "statement": Rank.RAIL, "document": Rank.RAIL, "confirmed": Rank.PEOPLE, "file": Rank.FILE, "heard": Rank.HEARSAY,
}  # fmt: skip


def rank(source: str) -> Rank:
    """The rank of a fact's source; an officer is one of the people."""
    return Rank.PEOPLE if source.startswith("officer ") else SOURCES.get(source, Rank.HEARSAY)


def settles(rank: Rank, asks: bool) -> bool:
    """Whether a word of this rank settles a payment. `asks`: the rail can be asked about it, and will be."""
    return rank is Rank.RAIL or (rank is Rank.PEOPLE and not asks)
