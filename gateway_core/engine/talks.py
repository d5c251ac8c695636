"""Conversations of payments that wait for an answer: it is told there, where a replay would tell all of them again.

Only what this process itself said and wrote down is kept, and only while it heard what is on record. Whatever is not
here is rebuilt from the facts, as after a crash.
"""

from __future__ import annotations

import attrs

from ..model.compact import compact
from ..model.life import Life
from ..model.payment import Payment
from .conversation import Conversation

# Each holds a flow that stands still, some ten kilobytes; one that was told more than so many bytes is not kept.
MOST, LARGEST = 256, 32_768


@attrs.define
class Talks:
    """Of one channel, by payment; the oldest one goes first."""

    _kept: dict[str, Conversation] = attrs.field(factory=dict)

    def keep(self, talk: Conversation | None, life: Life) -> None:
        """The payment was given back, with everything written that the conversation said."""
        answers = [step.answer.body for step in life.steps.values() if step.answer is not None]
        if talk is None or sum(len(compact(body)) for body in answers) > LARGEST:
            return
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[talk.payment.id] = talk

    def take(self, payment: Payment, life: Life) -> Conversation | None:
        """The one about this very payment and attempt, if it heard what the journal has; it is gone from here."""
        talk = self._kept.pop(payment.id, None)
        if talk is None or talk.payment != payment or talk.attempt != life.attempt or not talk.heard(life):
            return None
        return talk
