"""The laws that are judged at the instant a money request leaves, with eyes of their own on the durable store."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping

import attrs

from ...engine.wire import Wire, wire
from ...model.compact import parsed
from .faces import Face, Order

_INTENT = "SELECT payment, step, attempt, body FROM facts WHERE kind = 'intent' AND key = ?"
_COPIES = "SELECT count(*) FROM facts WHERE payment = ? AND step = ? AND attempt = ? AND kind = 'copy'"


class Violation(AssertionError):
    """A law does not hold. `law` is its number or name."""

    def __init__(self, law: str, what: str) -> None:
        super().__init__(f"law {law}: {what}")
        self.law, self.what = law, what

    def __reduce__(self) -> tuple[type[Violation], tuple[str, str]]:
        return Violation, (self.law, self.what)


@attrs.define
class Watch:
    """Stands at the wire. `approved`: {payment: (account, amount)}, read before anybody touched anything.

    `left`: how many copies of each key have left since the store was begun, or put in place again.
    """

    raw: sqlite3.Connection
    approved: Mapping[str, tuple[str, int]]
    face: Face
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    left: Counter[str] = attrs.field(factory=Counter)

    def leaves(self, sent: Wire) -> None:
        """Every law about what leaves."""
        order = self.face.read(sent)
        if isinstance(order, Order):
            self.law_5_as_approved(order)
            payment, step, attempt = self.law_1_and_4_as_written(order, sent)
            self.law_1_each_copy_written(order, payment, step, attempt)

    def law_5_as_approved(self, order: Order) -> None:
        """Only what was approved is paid."""
        if self.approved.get(order.reference) != (order.account, order.amount):
            raise Violation("5", "money left for another account or amount than was approved")

    def law_1_and_4_as_written(self, order: Order, sent: Wire) -> tuple[str, str, int]:
        """The intent is durable before a byte leaves (law 1), and these are its bytes (law 4)."""
        intent = self.raw.execute(_INTENT, (order.key,)).fetchone()
        if intent is None:
            raise Violation("1", "a money request left without a durable intent")
        payment, step, attempt, body = intent
        if wire(parsed(body)["request"], self.secrets) != sent:
            raise Violation("4", "other bytes left than those journaled under this key")
        return payment, step, attempt

    def law_1_each_copy_written(self, order: Order, payment: str, step: str, attempt: int) -> None:
        """Every copy is written down before it goes, resends too."""
        self.left[order.key] += 1
        if self.left[order.key] > 1 + int(self.raw.execute(_COPIES, (payment, step, attempt)).fetchone()[0]):
            raise Violation("1", "a copy left that was not written down before")

    def outran(self) -> bool:
        """Whether a copy has left that the store, as it is now, does not know of."""
        return any(copies > self._written(key) for key, copies in self.left.items())

    def _written(self, key: str) -> int:
        intent = self.raw.execute(_INTENT, (key,)).fetchone()
        return 1 + int(self.raw.execute(_COPIES, intent[:3]).fetchone()[0]) if intent else 0
