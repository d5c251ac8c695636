"""Conversations of payments that wait for an answer: it is told there, where a replay would tell all of them again.

Only what this process itself said and wrote down is kept, and only while it heard what is on record. Whatever is not
here is rebuilt from the facts, as after a crash.
"""

from __future__ import annotations

import attrs

from ..model.life import Life
from .conversation import Conversation

# Each holds a flow that stands still, some ten kilobytes.
MOST = 256


@attrs.define
class Talks:
    """Of one channel, by payment; the oldest one goes first."""

    _kept: dict[str, Conversation] = attrs.field(factory=dict)

    def keep(self, payment: str, talk: Conversation | None) -> None:
        """The payment was given back, with everything written that the conversation said."""
        if talk is None:
            return
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[payment] = talk

    def take(self, payment: str, life: Life) -> Conversation | None:
        """The one about this attempt, if it heard what the journal has; it is gone from here."""
        talk = self._kept.pop(payment, None)
        return talk if talk is not None and talk.attempt == life.attempt and talk.heard(life) else None
