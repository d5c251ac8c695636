"""A mock provider without a protocol: it takes payments into its ledger, misbehaves as told, and answers questions.

A rail's simulator gives it a protocol face: it turns requests into `Order`, and carries out on its own wire what the
`Turn` says (answer, silence, dropped connection, callbacks). All methods run inside one ledger transaction, which the
caller commits before anything is said (`grouped.GroupCommit` does it for many requests at once).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

from .behaviours import BEHAVIOURS, HONEST, Behaviour, Chaos, behaviour_of, magic
from .ledger import Entry, Ledger, Order

DECIDED = frozenset({"paid", "refused", "reversed"})


@attrs.frozen
class Turn:
    """What became of one copy of a payment request. `new`: this copy brought the payment into the ledger.

    `conflict`: the key belongs to another payment; nothing was done.
    """

    entry: Entry
    behaviour: Behaviour
    new: bool = False
    conflict: bool = False


class MockProvider:
    """The provider. `clock` gives seconds since 1970, so that a simulation can step it by hand.

    With `dedupe=False` a repeated key moves money again, as on rails without idempotency keys.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        dedupe: bool = True,
        chaos: Chaos | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.ledger, self.dedupe, self.chaos, self.clock = ledger, dedupe, chaos, clock
        self._asked: dict[str, int] = {}

    def take(self, order: Order) -> Turn:
        """One copy of a payment request has arrived."""
        now = self.clock()
        known = self.ledger.entry(order.key)
        if known and not known.order.same_money(order):
            return Turn(known, HONEST, conflict=True)
        before = known or Entry(order)
        copy = before.copies + 1
        behaviour = behaviour_of(
            account=order.account,
            amount=order.amount,
            key=order.key,
            copy=copy,
            booked_by=before.fault,
            chaos=self.chaos,
        )
        books = before.status == "absent" and behaviour.books != "nothing"
        counted = attrs.evolve(before, copies=copy, fault=behaviour.name if books else before.fault)
        if behaviour.lands_after:
            self.ledger.send_later(order.key, now + behaviour.lands_after)
            after = counted
        else:
            after = self._book(counted, behaviour, now)
        self.ledger.put(after, known)
        return Turn(after, behaviour, new=after.status != before.status)

    def find(self, key: str) -> tuple[Entry | None, Behaviour]:
        """The answer to a question about a key, and how chaos spoils it; None: never heard of it."""
        spoils = HONEST
        if self.chaos:
            self._asked[key] = asked = self._asked.get(key, 0) + 1
            spoils = self.chaos.for_ask(key, asked)
        return self.look(key), spoils

    def look(self, key: str) -> Entry | None:
        """What the provider admits to know about a key."""
        entry = self.ledger.entry(key)
        hidden = entry is None or entry.status == "absent" or self.clock() < entry.hidden_until
        return None if hidden else entry

    def exists(self, account_type: str, account: str) -> bool:
        """Account enquiry."""
        asked_for = magic(account, 0)
        missing = asked_for is not None and asked_for.code == "no_such_account"
        return not missing and self.ledger.exists(account_type, account)

    def reverse(self, key: str, times: int | None = None) -> Entry | None:
        """Bring money back until it has come back `times` times (default: all); a pending payment is cancelled.

        Saying it twice changes nothing more. None: nothing to reverse.
        """
        old = self.ledger.entry(key)
        if old is None or old.status not in ("paid", "pending", "reversed"):
            return None
        if old.status == "pending" and not old.moved:
            new = attrs.evolve(old, status="refused", code="cancelled", due=None, becomes="", decided_at=self.clock())
        else:
            back = old.moved if times is None else max(old.reversed, min(times, old.moved))
            status = "reversed" if back == old.moved else "paid"
            new = attrs.evolve(old, status=status, reversed=back, due=None, becomes="", decided_at=self.clock())
        self.ledger.put(new, old)
        return new

    def tick(self) -> list[Entry]:
        """Let happen what is due: late copies land, pending payments are decided. Returns what was decided."""
        now = self.clock()
        changed: list[Entry] = []
        if not self.ledger.anything_due(now):
            return changed
        for key in self.ledger.landed(now):
            old = self.ledger.entry(key)
            if old is not None and (landed := self._book(old, HONEST, now)) is not old:
                self.ledger.put(landed, old)
                changed.append(landed)
        for old in self.ledger.decided(now):
            decided = _MOVES[old.becomes](attrs.evolve(old, due=None, becomes="", decided_at=now))
            self.ledger.put(decided, old)
            changed.append(decided)
        self.ledger.look_ahead()
        return changed

    def _book(self, entry: Entry, behaviour: Behaviour, now: float) -> Entry:
        """What this copy writes into the ledger. A key that is known already writes nothing, if keys are honoured."""
        if behaviour.books == "nothing" or (self.dedupe and entry.status != "absent"):
            return entry
        objection = "" if behaviour.books == "refused" else self._objects(entry.order)
        if objection:
            return attrs.evolve(_refused(entry), code=objection, decided_at=now)
        if entry.moved and behaviour.books != "paid":
            return entry
        booked = _MOVES[behaviour.books](entry)
        if behaviour is HONEST:
            return attrs.evolve(booked, decided_at=now)
        return attrs.evolve(
            booked,
            code=behaviour.code,
            becomes=behaviour.becomes,
            due=now + behaviour.after if behaviour.becomes else None,
            hidden_until=now + behaviour.hidden_for,
            decided_at=now,
        )

    def _objects(self, order: Order) -> str:
        if not self.exists(order.account_type, order.account):
            return "no_such_account"
        return "insufficient_funds" if order.amount > self.ledger.available(order.currency) else ""


def _paid(entry: Entry) -> Entry:
    return attrs.evolve(entry, status="paid", code="", moved=entry.moved + 1)


def _refused(entry: Entry) -> Entry:
    """Where an earlier copy moved money, the refusal of another does not undo it."""
    return entry if entry.moved else attrs.evolve(entry, status="refused")


def _pending(entry: Entry) -> Entry:
    return attrs.evolve(entry, status="pending")


def _reversed(entry: Entry) -> Entry:
    return attrs.evolve(entry, status="reversed", reversed=entry.moved)


_MOVES: dict[str, Callable[[Entry], Entry]] = {
    "paid": _paid,
    "refused": _refused,
    "pending": _pending,
    "reversed": _reversed,
}


def booked_by(entry: Entry) -> Behaviour:
    """What the copy met that was booked: it says who is called back once the payment is decided."""
    return BEHAVIOURS.get(entry.fault, HONEST)
