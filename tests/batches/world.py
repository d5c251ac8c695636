"""A world of chance: a sender that crashes, a way that breaks, a bank that errs, people who tell the truth.

Every step is drawn from one seed. After each of them nobody may have been paid twice by the bank's own ledger; at the
end everybody's state is what the ledger says.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from gateway_core.engine.runtime import SECOND, AsyncioRuntime
from gateway_core.model.errors import GatewayCoreError

from .bank import Order, said, whole
from .shaky import Shaky, ShakyBank

if TYPE_CHECKING:
    from .conftest import Branch

POINTS = (
    "batch-planned", "batch-intents", "batch-staged", "batch-put-intent", "batch-put", "batch-after-put", "batch-told",
    "batch-probe", "batch-after-probe", "batch-answer-stored", "batch-answer-page", "batch-answer-applied",
)  # fmt: skip
PUTS = ("done", "done", "lost", "silence", "unsent", "raises")
# At the end: so often is looked what is due next; far more than anything needs.
ROUNDS = 40
SETTLED = {"paid", "refused", "cancelled"}


class Crash(BaseException):
    """The process is gone."""


@attrs.define
class World:
    """One world. `story` says what happened, for whoever looks for the fault."""

    branch: Branch
    chance: random.Random
    payrolls: list[str] = attrs.field(factory=list)
    story: list[str] = attrs.field(factory=list)
    rejected: set[str] = attrs.field(factory=set)
    lost: set[str] = attrs.field(factory=set)
    crashes: int = 0

    @property
    def way(self) -> Shaky:
        assert isinstance(self.branch.gateway, ShakyBank)
        return self.branch.gateway.way

    def live(self, steps: int) -> None:
        """So many steps, then in order to the end."""
        self.propose(self.chance.randint(3, 25))
        for _ in range(steps):
            name, step = self.chance.choice(STEPS)
            self.story.append(name)
            step(self)
            self.nobody_twice()
        self.end()

    def nobody_twice(self) -> None:
        """By the bank's own ledger."""
        twice = [account for account, times in self.branch.bank.times().items() if times > 1]
        assert not twice, (twice, self.story)

    # -- the sender ---------------------------------------------------------------------------------------------------

    def propose(self, count: int) -> None:
        number = len(self.payrolls)
        lines = self.branch.shop.invoices(count, account=f"w{number}" + "-{:04d}", cycle=f"2026-{number}")
        lines = [attrs.evolve(line, id=f"{number}-{line.id}") for line in lines]
        self.payrolls.append(self.branch.shop.approved(lines, f"payroll {number}"))

    def run(self, crash: bool = False) -> None:
        """A run that may crash: from that moment on nothing of it reaches the disk, or the bank."""
        self.way.script = [self.chance.choice(PUTS) for _ in range(3)]
        paymaster, left = self.branch.shop.paymaster, self.chance.randint(1, 2)
        point = self.chance.choice(POINTS) if crash else ""

        class Dies(AsyncioRuntime):
            @staticmethod
            def on_point(name: str) -> None:
                nonlocal left
                left -= name == point
                if name == point and not left:
                    paymaster._store.uncertain = True
                    raise Crash(name)

        paymaster._runtime = Dies
        try:
            self.branch.run(wait=self.chance.choice([0.0, 0.0, 0.1]))
        except (Crash, GatewayCoreError, BaseExceptionGroup) as error:
            assert paymaster._store.uncertain, (error, self.story)
            self.crashes += 1
            self.story.append(f"crash at {point}")
            self.branch.reopen()

    # -- the bank -----------------------------------------------------------------------------------------------------

    def unanswered(self) -> list[Order]:
        bank = self.branch.bank
        done = {order.key for order in bank.ledger} | self.rejected
        return [order for order in bank.everything() if order.key not in done]

    def some(self, orders: list[Order]) -> list[Order]:
        return self.chance.sample(orders, self.chance.randint(0, len(orders)))

    def book(self) -> None:
        self.branch.bank.book(self.some(self.unanswered()))

    def reject(self) -> None:
        orders = self.some(self.unanswered())[:3]
        self.rejected |= {order.key for order in orders}
        self.branch.bank.book(orders, "rejected", reason="AC04")

    def accept(self) -> None:
        self.branch.bank.book(self.some(self.unanswered()), "accepted")

    def mumble(self) -> None:
        """Repeats itself, errs, is cut off: of nothing that it says here was anything done."""
        bank, orders = self.branch.bank, self.some(self.branch.bank.everything())
        paid = {order.key for order in bank.ledger}
        repeats = [said(order) for order in orders if order.key in paid]
        repeats += [said(order, "rejected") for order in orders if order.key in self.rejected]
        what = self.chance.choice(["repeats", "duplicate", "unknown", "cut off"])
        rows = {
            "repeats": repeats,
            "duplicate": [said(order, "duplicate") for order in orders],
            "unknown": [said(order, key=f"X{order.key[1:]}") for order in orders[:2]],
            "cut off": [said(order) for order in orders],
        }[what]
        bank.answer(rows, count=len(rows) + 1 if what == "cut off" else None)

    def collect(self) -> None:
        self.branch.bank.collect()

    def take_twice(self) -> None:
        """It finds the file once more in its own folder."""
        for path in sorted((self.branch.bank.folder / "collected").iterdir())[:2]:
            self.branch.bank.read(path.name, path.read_bytes())
            orders = self.branch.bank.orders[path.name]
            self.branch.bank.answer([said(order, "duplicate") for order in orders[:3]])

    def lose(self) -> None:
        self.lost |= set(self.branch.bank.lose())

    def refuse_whole(self) -> None:
        """A file of which nothing was done yet."""
        for name, orders in self.branch.bank.orders.items():
            if {order.key for order in orders} <= {order.key for order in self.unanswered()}:
                self.rejected |= {order.key for order in orders}
                self.branch.bank.answer([whole(name, "rejected", "AM14")])
                return

    # -- people -------------------------------------------------------------------------------------------------------

    def decide(self) -> None:
        """They ask the bank about each held file, and say what is true."""
        bank = self.branch.bank
        for document in self.branch.shop.paymaster.documents():
            if document.state == "held":
                there = document.name in bank.taken or any(path.name == document.name for path in bank.waiting)
                self.agree(document.id, "handed_over" if there else "ready")

    def agree(self, subject: str, to: str) -> None:
        paymaster = self.branch.shop.paymaster
        try:
            for by in ("amina", "joseph"):
                paymaster.release(subject, to, by=by, reason="asked the bank")
        except GatewayCoreError as error:
            self.story.append(f"{subject} not released to {to}: {error}")

    def retry(self) -> None:
        """What the bank refused finally."""
        for payment in self.branch.shop.paymaster.payments(state="refused")[:2]:
            self.branch.shop.paymaster.retry(payment.id, by="amina", reason="mended")

    def cancel(self) -> None:
        payroll = self.chance.choice(self.payrolls)
        views = self.branch.shop.paymaster.payments(payroll)
        chosen = [view.id for view in self.chance.sample(views, 2)]
        try:
            self.branch.shop.paymaster.cancel(payroll, by="amina", reason="moved away", only=chosen)
        except GatewayCoreError as error:
            self.story.append(f"not cancelled: {error}")

    def pause(self) -> None:
        for status in self.branch.shop.paymaster.status():
            if status.state in ("approved", "ongoing"):
                paymaster = self.branch.shop.paymaster
                paymaster.resume(status.id, by="amina") if status.paused else paymaster.pause(
                    status.id, by="amina", reason="a look"
                )

    # -- the end ------------------------------------------------------------------------------------------------------

    def end(self) -> None:
        """Nothing breaks any more; the bank carries out all that it has; people decide what is left to them."""
        shop = self.branch.shop
        for status in shop.paymaster.status():
            if status.paused:
                shop.paymaster.resume(status.id, by="amina")
        self.retry()
        self.way.script, shop.paymaster._runtime = [], AsyncioRuntime
        later = 0.0
        for _ in range(ROUNDS):
            due = self.branch.run(wait=0.3, later=later).next_due
            # What waits for longer (what never left waits ever longer) is not waited for: the clock goes on.
            later = max(later, (due or 0) / SECOND - time.time())
            for case in shop.paymaster.cases():
                if case.kind in ("unknown_line", "unreadable_answer"):
                    shop.paymaster.close_case(case.id, by="joseph", reason="asked the bank")
            self.decide()
            self.lost_for_good()
            self.collect()
            self.branch.bank.book(self.unanswered())
            self.nobody_twice()
            if set(shop.states().values()) <= SETTLED and not self.unanswered():
                break
        self.all_is_explained()

    def lost_for_good(self) -> None:
        """The bank handed a file over to nobody: people know that it has none of it."""
        bank = self.branch.bank
        for document in self.branch.shop.paymaster.documents():
            gone = document.name in self.lost - set(bank.taken)
            under_way = any(path.name == document.name for path in bank.waiting)
            if document.state == "handed_over" and gone and not under_way:
                self.agree(document.id, "ready")

    def all_is_explained(self) -> None:
        shop, bank = self.branch.shop, self.branch.bank
        views = list(shop.paymaster.all_payments())
        times: Counter[str] = bank.times()
        seen = [(v.account, v.state, times[v.account]) for v in views]
        wrong = [one for one in seen if (one[1] == "paid") != (one[2] == 1)]
        assert not wrong, (wrong, self.story)
        assert {view.state for view in views} <= SETTLED, (shop.states(), self.story)
        assert shop.paymaster.cases() == [], self.story
        found = shop.paymaster.verify()
        assert found.ok, (found.findings, self.story)


Step = tuple[str, Callable[[World], None]]
STEPS: list[Step] = [
    *[("run", World.run)] * 3, *[("crash", lambda world: world.run(crash=True))] * 8, *[("collect", World.collect)] * 3,
    *[("book", World.book)] * 2, ("reject", World.reject), ("accept", World.accept), ("mumble", World.mumble),
    ("take twice", World.take_twice), ("lose", World.lose), ("refuse whole", World.refuse_whole),
    *[("decide", World.decide)] * 2, *[("retry", World.retry)] * 2, *[("cancel", World.cancel)] * 2,
    ("pause", World.pause), *[("propose", lambda world: world.propose(world.chance.randint(5, 25)))] * 4,
]  # fmt: skip
