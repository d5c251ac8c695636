"""One ask of an attempt, as its facts tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .facts import Fact


@attrs.define
class Step:
    """One ask of the current attempt, with what is known of its copies.

    `closed` counts copies that provably cannot move money any more: never left, refused, or not taken.
    Times are UTC microseconds, taken from facts. `channel` is the fingerprint of the channel that it went over; people
    who release it to go on say that it may go on over the channel as it is now.
    """

    name: str
    key: str
    moves_money: bool
    body: Mapping[str, Any]
    first_at: int
    copies: int = 1
    closed: int = 0
    # The number of the last copy that was closed as such.
    closed_copy: int = 0
    verdict: str = ""
    answer: Fact | None = None
    refused_in_doubt: Fact | None = None
    # The rail said first, after the request's expiry, that it does not know it; and still says so.
    gone_since: int = 0
    # What the rail last said by callback that decided nothing; it may be the reason of what is decided later.
    said: str = ""
    asks: int = 0
    waits: int = 0
    not_found: int = 0
    first_not_found: int = 0
    last: str = "sent"
    last_at: int = 0
    copied_at: int = 0
    not_before: int = 0
    waiting_since: int = 0
    ask_next: Mapping[str, Any] | None = None
    # So often that link may still be asked; -1: as often as one likes.
    link_left: int = -1
    # The rail once said that it had this payment; a link that an answer brought and that was not followed; how many.
    taken: bool = False
    follow: bool = False
    links: int = 0
    channel: str = ""
    # The file of which it is a line; '' for a payment that goes alone.
    document: str = ""
    # Records of a pay-out by hand that nobody rejected, in the order in which they came.
    proofs: list[str] = attrs.field(factory=list)

    @property
    def expires(self) -> int:
        """From then on the rail refuses what it does not have yet; 0: no such promise."""
        return int(self.body.get("expires", 0))

    def too_late(self, now: int) -> bool:
        """No further copy may leave."""
        return now >= int(self.body.get("send_before", now + 1))

    @property
    def proof(self) -> str:
        """The record of a pay-out that stands; '' while there is none."""
        return self.proofs[0] if self.proofs else ""

    @property
    def in_doubt(self) -> int:
        """Copies that may still move money."""
        return self.copies - self.closed

    def refer(self, fact: Fact) -> None:
        """A link to ask from now on. What an answer to a question refers to is its answer, and is followed at once."""
        link = fact.body.get("ask_next")
        self.follow = bool(link) and link != self.ask_next and fact.source in ("find_out", "reconcile")
        self.links += self.follow
        if link and link != self.ask_next:
            self.ask_next, self.link_left = link, int(fact.body.get("ask_next_limit", -1))

    def polled(self) -> None:
        """A link was asked once more. Where the rail permits it no more, the question is the first one again."""
        if self.ask_next is not None and self.link_left > 0:
            self.link_left -= 1
            if not self.link_left:
                self.ask_next, self.link_left = None, -1
