"""Schedules drawn by a seed: officers pay, phones sync late, twice, out of order; lists are lost and come up again.

The world knows what really happened: who got cash in hand, and how much lies where. The oracle holds the store
against it: nobody has it twice unless people were told, and nobody is called refused who has it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from gateway_core.cash import stating
from gateway_core.cash.record import ProofRecord
from gateway_core.model.errors import GatewayCoreError
from gateway_core.model.states import UNPAID

from .phones import Phone

if TYPE_CHECKING:
    from .conftest import Till

DAY = 86_400.0
PEOPLE = 6
STEPS = 40


class Killed(BaseException):
    """The process ends here."""


@attrs.define
class World:
    """One schedule. `handed` counts what each person got in hand; `sent` are the records that came.

    `frozen`: {invoice: on how many lists it was when a proof came that cannot be true beside what was decided}.
    """

    till: Till
    chance: random.Random
    payroll: str = ""
    handed: Counter[str] = attrs.field(factory=Counter)
    lost: set[str] = attrs.field(factory=set)
    over: set[str] = attrs.field(factory=set)
    sent: dict[str, ProofRecord] = attrs.field(factory=dict)
    frozen: dict[str, int] = attrs.field(factory=dict)
    cash: Counter[str] = attrs.field(factory=Counter)
    phones: list[Phone] = attrs.field(factory=list)
    later: float = 0.0
    done: Counter[str] = attrs.field(factory=Counter)
    fuse: int = 0

    def begin(self) -> None:
        self.payroll = self.till.issued(PEOPLE)
        self.phones = [Phone("phone-1", "grace"), Phone("phone-2", "okot")]

    @contextmanager
    def mortal(self) -> Iterator[None]:
        """Within it the process may end in the middle of what people decide."""
        real = stating.state

        def state(*given: Any) -> None:
            self.fuse -= 1
            if self.fuse == 0:
                raise Killed
            real(*given)

        stating.state = state  # type: ignore[assignment]
        try:
            yield
        finally:
            stating.state = real

    def step(self) -> None:
        """Something happens; what the store refuses has no effect in it."""
        deed = self.chance.choice([
            self.pay, self.pay, self.pay, self.sync, self.sync, self.again, self.check, self.days, self.seal,
            self.lose, self.retry, self.dig_up,
        ])  # fmt: skip
        self.fuse = self.chance.choice([0, 0, 0, 1, 2])
        try:
            deed()
            self.done[deed.__name__] += 1
        except Killed:
            self.done["killed"] += 1
        except GatewayCoreError:
            self.done["refused " + deed.__name__] += 1
        self.look()

    # -- what people do in the field -----------------------------------------------------------------------------------

    def pay(self) -> None:
        """An officer pays a line of a list that he has in his hands: each line of one list once, as the law is."""
        papers = [paper for paper in self._papers() if paper["id"] not in self.over]
        if not papers:
            return
        paper = self.chance.choice(papers)
        phone = self.phones[int(paper["number"]) % 2]
        known = {(one.list, one.line) for phone in self.phones for one in phone.records}
        free = [line for line in paper["lines"] if (paper["id"], line["number"]) not in known]
        if free:
            line = self.chance.choice(free)
            phone.pay(paper, line["number"])
            self.done["a lost list pays"] += paper["id"] in self.lost
            self.handed[line["invoice"]] += 1
            self.cash[paper["id"]] += line["amount"]

    def sync(self) -> None:
        """A phone sends some of what it has, in an order of its own."""
        phone = self.chance.choice(self.phones)
        if phone.records:
            first = self.chance.randint(1, len(phone.records))
            self._send(phone, first, self.chance.randint(first, len(phone.records)))

    def again(self) -> None:
        """A phone sends everything."""
        phone = self.chance.choice(self.phones)
        if phone.records:
            self._send(phone)

    def _send(self, phone: Phone, first: int = 1, last: int | None = None) -> None:
        """What comes is told apart: again, out of order, late, after its list was sealed."""
        records = phone.records[first - 1 : last]
        states = {view.invoice: view.state for view in self.till.paymaster.payments(self.payroll)}
        newest = max((one.number for one in self.sent.values() if one.device == phone.device), default=0)
        fresh = [one for one in records if one.hash not in self.sent]
        self.done["comes twice"] += len(records) - len(fresh)
        for one in fresh:
            self.done["comes out of order"] += one.number < newest
            self.done["comes late"] += states[one.invoice] == "unknown"
            lists = self._lists(one.invoice)
            if states[one.invoice] in UNPAID or one.list != lists[-1]:
                self.done["comes after sealing"] += 1
                self.frozen.setdefault(one.invoice, len(lists))
        self.sent |= {one.hash: one for one in records}
        self.till.submit(phone.sends(first, last))

    def _lists(self, invoice: str) -> list[str]:
        """The lists on which it was, in their order."""
        return [one["id"] for one in self._papers() for line in one["lines"] if line["invoice"] == invoice]

    def _papers(self) -> list[dict[str, Any]]:
        """All lists, as they were issued: their ids differ from store to store, and a seed is to draw one story."""
        return sorted(self.till.papers(), key=lambda one: int(one["number"]))

    def _any_list(self) -> Any:
        order = [paper["id"] for paper in self._papers()]
        return self.chance.choice(sorted(self.till.paymaster.lists(), key=lambda one: order.index(one.name)))

    def days(self) -> None:
        """Time goes by, and the sender works."""
        self.later += self.chance.choice([0.5, 3, 9]) * DAY
        self.till.run(later=self.later)

    # -- what people do at the desk ------------------------------------------------------------------------------------

    def check(self) -> None:
        """The checker accepts what no flag speaks against, then looks at the rest: these records are true."""
        paymaster = self.till.paymaster
        for one in paymaster.lists():
            paymaster.accept_proofs(one.name, by="joseph")
            for proof in paymaster.proofs(one.name, undecided=True):
                paymaster.accept_proofs(one.name, by="joseph", only=[proof.id], reason="seen on the paper")

    def seal(self) -> None:
        """The list comes back with what is left of its cash, and whoever counts it tells the truth."""
        one = self._any_list()
        whole = {phone.device: len(phone.records) for phone in self.phones}
        ways: list[dict[str, Any]] = [{"how": "paper"}, {"how": "devices", "devices": whole}]
        self._count(one, **self.chance.choice(ways))

    def lose(self) -> None:
        """A list is called lost. Sometimes it is not, and is paid by after all."""
        one = self._any_list()
        if one.name not in self.lost and len(self.lost) < 2:
            self.lost.add(one.name)
            try:
                self._count(one, how="lost", reason="the car burnt out")
            except GatewayCoreError:
                self.lost.discard(one.name)
                raise

    def _count(self, one: Any, **how: Any) -> None:
        paymaster = self.till.paymaster
        left = one.total - self.cash[one.name]
        paymaster.count_list(one.name, by="amina", handed_out=one.total, returned=left, **how)
        # Its paper and its cash are back, while it is looked at: nobody can pay by it. A lost one is somewhere.
        back = {one.name} if how["how"] != "lost" else set()
        self.over |= back
        try:
            paymaster.seal_list(one.name, by="joseph")
        except GatewayCoreError:
            self.over -= back
            raise

    def dig_up(self) -> None:
        """A lost list comes up: it is in somebody's hands again, and is paid by."""
        self.pay()

    def retry(self) -> None:
        refused = [view for view in self.till.paymaster.payments(self.payroll) if view.state == "refused"]
        if refused:
            self.till.paymaster.retry(self.chance.choice(refused).id, by="amina", reason="comes again")
            self.till.run(later=self.later)

    # -- the oracle ----------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """What holds after every step."""
        views = {view.invoice: view for view in self.till.paymaster.payments(self.payroll)}
        for invoice, view in views.items():
            lists = set(self._lists(invoice))
            # What people must look at first is frozen: it goes on no other list.
            assert len(lists) <= self.frozen.get(invoice, len(lists)), f"{invoice} has a case, and went out again"
            # Twice in hand only by a list that two people had called lost.
            assert self.handed[invoice] <= 1 or lists & self.lost, f"{invoice} was paid {self.handed[invoice]} times"
            # Refused, and has it: only what a lost list hides.
            if view.state == "refused" and self.handed[invoice]:
                assert lists & self.lost, f"{invoice} is refused, and has its money"
            if view.state == "paid":
                assert self.handed[invoice], f"{invoice} is paid, and nobody gave it anything"

    def end(self) -> None:
        """All phones come home. Then everything is known: whoever has it twice has a case, nobody's money is lost."""
        self.fuse = 0
        for phone in self.phones:
            if phone.records:
                self._send(phone)
        self.check()
        self.look()
        cases = {case.payment for case in self.till.paymaster.cases()}
        for view in self.till.paymaster.payments(self.payroll):
            if view.invoice in self.frozen:
                assert view.id in cases, f"a proof of {view.invoice} came after it was decided, and nobody is told"
            elif self.handed[view.invoice] < 2 and not set(self._lists(view.invoice)) & self.lost:
                assert view.id not in cases, f"{view.invoice} is as it should be, and people are alarmed"
            if self.handed[view.invoice] > 1:
                assert view.id in cases, f"{view.invoice} has it twice, and nobody is told"
            if self.handed[view.invoice]:
                assert view.state == "paid" or view.id in cases, f"{view.invoice} has it, and is {view.state}"
        self.till.whole()
