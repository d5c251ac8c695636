"""People: an officer who cancels, pauses, retries what was refused; two who release what is held.

They look at the rail's own books first, as a bank's portal shows them, and release only what is plain there. In some
worlds they are careless once: what comes of that is theirs, and the oracles know it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
import sqlalchemy as sa

from ...lifecycle import approval, officers
from ...model.errors import GatewayCoreError
from ...store import Store
from ...store import tables as t
from .chance import Tape
from .home import PAYROLL
from .lanes import Net
from .steps import SECOND, Stage

ACTS = ("nothing", "cancel one", "pause", "retry refused", "release held", "someone edits the store")
TIMES = (0.06, 0.01, 0.3, 5.0, 60.0, 400.0, 1_200.0, 3_000.0)
# What was not sent yet is what is worth editing.
EDITED = (0.001, 0.06, 5.0)
# Nobody decides about a payment that moved just now: a stopped process or a late request may still be under way.
SETTLED_FOR = 400 * SECOND


@attrs.define
class Office:
    """`wake`: something changed, senders may look. `careless`: payments that two people released without looking."""

    stage: Stage
    tape: Tape
    net: Net
    store: Store
    epoch: int
    wake: Callable[[], None]
    careless: set[str] = attrs.field(factory=set)

    def open(self, busy: float) -> None:
        """Draw what will be done, and when."""
        for number in range(2):
            act = self.tape.pick(ACTS, f"officer's act {number + 1}", busy)
            if act != "nothing":
                times = EDITED if act == ACTS[-1] else TIMES
                when = self.tape.pick(times, f"{act}, at seconds", 0.8)
                self.stage.after(int(when * SECOND), partial(self._do, act))
        if self.tape.chance("held ones are released in the end", busy):
            self.stage.after(9_000 * SECOND, partial(self._do, "release held"))

    def _do(self, act: str) -> None:
        {
            "cancel one": self._cancel,
            "pause": self._pause,
            "retry refused": self._retry,
            "release held": self._release,
            "someone edits the store": self._tamper,
        }[act]()
        self.wake()

    def _ids(self, state: str = "") -> list[str]:
        query = sa.select(t.payments.c.id).order_by(t.payments.c.line)
        with self.store.read() as connection:
            return list(connection.execute(query.where(t.payments.c.state == state) if state else query).scalars())

    def _cancel(self) -> None:
        ids = self._ids()
        chosen = ids[self.tape.choose(len(ids), "cancels which", 0.8)]
        _tried(lambda: officers.cancel(self.store, PAYROLL, "maker", "moved away", [chosen]))

    def _tamper(self) -> None:
        """Not an officer: somebody with the file in an editor."""
        ids = self._ids()
        chosen = ids[self.tape.choose(len(ids), "edits which", 0.8)]
        with self.store.write() as connection:
            connection.execute(sa.update(t.payments).where(t.payments.c.id == chosen).values(account="thief"))

    def _pause(self) -> None:
        _tried(lambda: approval.pause(self.store, PAYROLL, "maker", "a question came up"))
        again = self.tape.pick((5, 1, 40, 300), "resumed after seconds", 0.7)
        self.stage.after(again * SECOND, self._resume)

    def _resume(self) -> None:
        _tried(lambda: approval.resume(self.store, PAYROLL, "checker"))
        self.wake()

    def _retry(self) -> None:
        for payment in self._ids("refused"):
            _tried(partial(officers.retry, self.store, payment, "maker", "the account was mended"))

    def _release(self) -> None:
        for payment in self._ids("held"):
            to = self._seen(payment)
            if self.tape.chance("careless", 0.03):
                self.careless.add(payment)
                to = self.tape.pick(("ready", "paid", "refused", "cancelled"), "says", 0.7)
            if to:
                for person in ("checker", "director"):
                    _tried(partial(officers.release, self.store, payment, to, person, "seen in the rail's books"))

    def _seen(self, payment: str) -> str:
        """What the rail's books show; '' while they do not show enough."""
        mine = [transfer for transfer in self.net.provider.ledger.values() if transfer.order["reference"] == payment]
        last = sa.select(sa.func.max(t.facts.c.at)).where(t.facts.c.payment == payment)
        with self.store.read() as connection:
            quiet = self.epoch + self.stage.now - int(connection.execute(last).scalar() or 0) > SETTLED_FOR
        moved = sum(transfer.moved for transfer in mine)
        undecided = any(transfer.status == "pending" for transfer in mine) or any(self.net.under_way.values())
        if not quiet or undecided or moved > 1:
            return ""
        if moved:
            return "paid"
        return self.tape.pick(("refused", "ready", "cancelled"), "not paid, so", 0.6)


def _tried(act: Callable[[], object]) -> None:
    """People are told when something cannot be done now; they go on."""
    try:
        act()
    except GatewayCoreError:
        return
