"""People: an officer who cancels, pauses, retries what was refused; two who release what is held.

They look at the rail's own books first, as a bank's portal shows them, and release only what is plain there. In some
worlds they are careless once: what comes of that is theirs, and the oracles know it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

import attrs

from ...lifecycle import approval, officers
from ...model.errors import GatewayCoreError, StoreError
from ...store import Store, opening
from .chance import Tape
from .cron import Cron
from .home import PAYROLL
from .lanes import Net
from .marking import SimMark
from .steps import SECOND, Stage

EDITS = "someone edits the store"
ACTS = ("nothing", "cancel one", "pause", "retry refused", "release held", EDITS, "end what was sent")
TIMES = (0.06, 0.01, 0.3, 5.0, 60.0, 400.0, 1_200.0, 3_000.0)
# What was not sent yet is what is worth editing.
EDITED = (0.001, 0.06, 5.0)
# Nobody decides about a payment that moved just now: a stopped process or a late request may still be under way.
SETTLED_FOR = 400 * SECOND
_SENT_AND_HELD = (
    "SELECT id, entitlement FROM payments WHERE state = 'held' AND EXISTS (SELECT 1 FROM facts"
    " WHERE payment = payments.id AND kind = 'intent' AND key <> '') ORDER BY payroll, line"
)
_KEPT_FROM_IT = "SELECT id FROM payments WHERE state = 'held' AND facts = 1 AND entitlement = ? ORDER BY payroll, line"


@attrs.define
class Office:
    """`careless`: payments that two people released without looking."""

    stage: Stage
    net: Net
    raw: sqlite3.Connection
    open_store: Callable[[], Store]
    cron: Cron
    careless: set[str] = attrs.field(factory=set)
    store: Store = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.store = self.open_store()

    @property
    def tape(self) -> Tape:
        """Their moods."""
        return self.stage.tape

    def reopen(self) -> None:
        """Their tool opens the store anew."""
        self.store = self.open_store()

    def begin_again(self) -> None:
        """The store is an older one: that somebody resumed the payroll may be lost, too."""
        self.reopen()
        self.stage.after(60 * SECOND, self._resume)

    def open(self, busy: float) -> None:
        """Draw what will be done, and when."""
        for number in range(2):
            act = self.tape.pick(ACTS, f"officer's act {number + 1}", busy)
            if act != "nothing":
                times = EDITED if act == EDITS else TIMES
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
            EDITS: self._tamper,
            "end what was sent": self._end_sent,
        }[act]()
        self.cron.wake()

    def _ids(self, state: str = "") -> list[str]:
        found = "SELECT id FROM payments WHERE ? IN ('', state) ORDER BY payroll, line"
        return [payment for (payment,) in self.raw.execute(found, (state,))]

    def _cancel(self) -> None:
        ids = self._ids()
        chosen = ids[self.tape.choose(len(ids), "cancels which", 0.8)]
        self._tried(officers.cancel, PAYROLL, "maker", "moved away", [chosen])

    def _tamper(self) -> None:
        """Not an officer: somebody with the file in an editor."""
        ids = self._ids()
        chosen = ids[self.tape.choose(len(ids), "edits which", 0.8)]
        self.raw.execute("UPDATE payments SET account = 'thief' WHERE id = ?", (chosen,))

    def _pause(self) -> None:
        self._tried(approval.pause, PAYROLL, "maker", "a question came up")
        again = self.tape.pick((5, 1, 40, 300), "resumed after seconds", 0.7)
        self.stage.after(again * SECOND, self._resume)

    def _resume(self) -> None:
        self._tried(approval.resume, PAYROLL, "checker")
        if self.raw.execute("SELECT 1 FROM payrolls WHERE paused <> ''").fetchone() and not self.net.provider.calm():
            self.stage.after(40 * SECOND, self._resume)
        self.cron.wake()

    def _retry(self) -> None:
        for payment in self._ids("refused"):
            self._tried(officers.retry, payment, "maker", "the account was mended")

    def _release(self) -> None:
        for payment in self._ids("held"):
            to = self._seen(payment)
            if self.tape.chance("careless", 0.03):
                self.careless.add(payment)
                to = self.tape.pick(("ready", "paid", "refused", "cancelled"), "says", 0.7)
            if to:
                self._agree(payment, to)

    def _end_sent(self) -> None:
        """What was sent and came to nothing is over; the person is paid by another payroll that was kept from it."""
        for payment, entitlement in self.raw.execute(_SENT_AND_HELD).fetchall():
            if self._moved(payment) == 0:
                self._agree(payment, "cancelled")
                for (other,) in self.raw.execute(_KEPT_FROM_IT, (entitlement,)).fetchall():
                    self._agree(other, "ready")

    def _agree(self, payment: str, to: str) -> None:
        for person in ("checker", "director"):
            self._tried(officers.release, payment, to, person, "seen in the rail's books")

    def say_restored(self, mark: SimMark) -> None:
        """Two people say that the store is an older one; later, now and then, that what was lost is known again."""

        def said(store: Store) -> None:
            opening.note_restored(store, "checker, director")
            opening.restored(store, "checker", "director")
            mark.of(store).reset(*opening.newest(store))

        self._tried(said)
        if self.tape.chance("one is cancelled at once", 0.2):
            self._cancel()
        if self.tape.chance("all is known again after 5,000 s", 0.5):
            self.stage.after(5_000 * SECOND, lambda: self._tried(opening.note_restored, ""))

    def _seen(self, payment: str) -> str:
        """What the rail's books say that it is to be; '' while they do not show enough."""
        moved = self._moved(payment)
        if moved:
            return "paid"
        return "" if moved is None else self.tape.pick(("refused", "ready", "cancelled"), "not paid, so", 0.6)

    def _moved(self, payment: str) -> int | None:
        """How often money left, by the rail's books; None while they do not show enough."""
        mine = [transfer for transfer in self.net.provider.ledger.values() if transfer.order.reference == payment]
        (last,) = self.raw.execute("SELECT max(at) FROM facts WHERE payment = ?", (payment,)).fetchone()
        quiet = self.stage.clock() - int(last or 0) > SETTLED_FOR and not self.cron.frozen() and not self.stage.skew
        moved = sum(transfer.moved for transfer in mine)
        undecided = any(transfer.status == "pending" for transfer in mine) or any(self.net.under_way.values())
        return None if not quiet or undecided or moved > 1 else moved

    def _tried(self, act: Callable[..., object], *given: object) -> None:
        """People are told when something cannot be done now; they go on."""
        try:
            act(self.store, *given)
        except StoreError:
            self.reopen()
        except GatewayCoreError:
            return
