"""The gateway for cash keeps every law of the contract for batch rails: its bank are officers with phones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from gateway_core.cash.gateway import CashGateway, Outbox
from gateway_core.cash.stations import Manager, Point
from gateway_core.contract import Account
from gateway_core.contract.transports import Transport
from gateway_core.testing import BatchContract
from gateway_core.testing.contract import Movement

from .phones import Phone, papers


class Officers:
    """They pay every line of every list that they find, once, and send what they recorded into a folder."""

    def __init__(self, folder: Path) -> None:
        self.out, self.back = folder / "out", folder / "in"
        for place in (self.out, self.back):
            place.mkdir(exist_ok=True)
        self.phone, self.known = Phone(), set[str]()
        self.paid: list[Movement] = []

    def work(self) -> None:
        for paper in papers(self.out):
            if paper["id"] in self.known:
                continue
            self.known.add(paper["id"])
            before = len(self.phone.records)
            for line in paper["lines"]:
                made = self.phone.pay(paper, line["number"])
                key = f"{paper['id']}.{line['number']}.{line['payment'][-8:]}"
                self.paid.append(Movement(key, paper["point"], made.amount, made.currency))
            (self.back / f"records-{paper['id']}.jsonl").write_bytes(self.phone.sends(before + 1))

    def books(self) -> Iterable[Movement]:
        return list(self.paid)


class AtOnce(CashGateway):
    """Records are whole as soon as they lie there."""

    def transport(self) -> Transport:
        made = Outbox(Path(self.settings.outbox), self.settings.inbox)
        made.quiet = 0.0
        return made


class TestCash(BatchContract):
    gateway = AtOnce
    settings: ClassVar = {"outbox": "{folder}/out", "inbox": "{folder}/in", "lines": 10}

    def bank(self, folder: Path) -> Officers:
        return Officers(folder)

    def account(self, n: int) -> Account:
        return Account("payment_point", f"POINT-{n % 4}")

    def office(self, paymaster: Any) -> None:
        paymaster.set_manager(Manager(code="M1", name="Grace Akello"), by="amina")
        for n in range(4):
            paymaster.set_point(Point(code=f"POINT-{n}", name=f"Market {n}", manager="M1"), by="amina")

    def people(self, paymaster: Any) -> None:
        for one in paymaster.lists():
            # Their photographs are not in this story.
            only = [proof.id for proof in paymaster.proofs(one.name, undecided=True)]
            if only:
                paymaster.accept_proofs(one.name, by="joseph", only=only, reason="seen")
