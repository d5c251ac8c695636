"""Two senders at once on one store (PostgreSQL): one of them plans a payroll's next file, each line goes once."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core.contract.channel import Channel
from gateway_core.paymaster import Paymaster
from gateway_core.testing.postgresql import Missing, Schemas, find
from tests.conftest import invoices

from .bank import Bank
from .gateway import CsvBank, CsvSettings

NUMBERS = itertools.count(1)


@pytest.fixture
def url() -> Iterator[str]:
    try:
        made = Schemas(find(), f"gateway_core_batches_{os.getpid()}_{next(NUMBERS)}")
    except Missing as error:
        pytest.skip(f"no PostgreSQL server: {error}")
    yield made.store("store")
    made.remove()


def opened(config: dict[str, Any], bank: Bank, *, create: bool = False) -> Paymaster:
    paymaster = Paymaster.open(config, create=create)
    places: dict[str, Any] = {"outbox": str(bank.folder / "out"), "inbox": str(bank.folder / "in")}
    paymaster.configuration._opened["bank"] = Channel("bank", CsvBank(CsvSettings(**places, lines=5)))
    return paymaster


def test_two_senders_make_each_file_once(url: str, tmp_path: Path) -> None:
    bank = Bank(tmp_path / "bank")
    channel = {"gateway": "dummy_server", "base_url": "http://127.0.0.1:9"}
    config = {
        "deployment": "two", "environment": "test", "store": url, "mark_dir": str(tmp_path / "marks"),
        "channels": {"bank": channel},
    }  # fmt: skip
    first = opened(config, bank, create=True)
    payrolls = [first.propose(f"payroll {n}", lines(n), channel="bank", by="amina") for n in range(3)]
    for payroll in payrolls:
        first.approve(payroll, by="joseph")
    senders = [first, opened(config, bank)]
    failed: list[BaseException] = []

    def run(paymaster: Paymaster) -> None:
        try:
            paymaster.run(wait=1.5)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    senders[0].run()
    bank.collect()
    orders = bank.everything()
    assert len(orders) == len({order.account for order in orders}) == 60
    assert len(bank.taken) == 12
    bank.book(orders)
    senders[1].run(wait=0.2)
    assert {view.state for view in first.payments()} == {"paid"}
    assert all(document.state == "handed_over" for document in first.documents())
    said = first.verify()
    assert said.ok, said.findings
    for sender in senders:
        sender.close_store()


def lines(n: int) -> Any:
    """Twenty people of a cycle of their own."""
    found = invoices(20, account=f"w{n}" + "-{:04d}", cycle=f"2026-{n}")
    return [attrs.evolve(line, id=f"{n}-{line.id}") for line in found]
