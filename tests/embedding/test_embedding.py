"""A host embeds the framework: in a running loop, in threads, after a fork, with its own policies."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.store import Store
from gateway_core.store.opening import close_store, open_store
from tests.stores import address

if TYPE_CHECKING:
    from tests.conftest import Shop

OpenShop = Callable[..., "Shop"]

HOST = '''
import asyncio, threading
from gateway_core import Objection

class Registry:
    """Says who may not be paid; hears of facts, and stumbles the first time."""
    heard, pages, threads, stumbled, dead, raises = [], [], set(), False, set(), False

    def before_sending(self, payments):
        self.pages.append([payment.beneficiary for payment in payments])
        self.threads.add(threading.current_thread().name)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise AssertionError("Django's ORM refuses a running loop")
        if self.raises:
            raise ValueError("the registry is down")
        return [(p.id, Objection("dead", "died in May")) for p in payments if p.beneficiary in self.dead]

    def fact_recorded(self, facts):
        if not type(self).stumbled:
            type(self).stumbled = True
            raise ValueError("not yet")
        self.heard.extend((payment, fact.no, fact.kind) for payment, fact in facts)

registry = Registry()
'''


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> tuple[str, Any]:
    """The host's module, importable under a name of its own; its import path and its object."""
    import importlib

    name = "host_" + str(abs(hash(request.node.nodeid)))
    (tmp_path / f"{name}.py").write_text(HOST)
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{name}:registry", importlib.import_module(name).registry


def test_inside_a_running_event_loop(shop: Shop) -> None:
    async def view() -> None:
        payroll = shop.approved(shop.invoices(3))
        shop.run(payroll)
        assert set(shop.states(payroll).values()) == {"paid"}

    asyncio.run(view())


def test_from_several_threads(shop: Shop) -> None:
    """Each thread proposes and approves its own; one run pays all."""
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            shop.approved(shop.invoices(5, cycle=f"cycle-{number}"), f"payroll {number}")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    shop.run()
    assert [row.counts for row in shop.paymaster.status()] == [{"paid": 5}] * 4


def test_after_a_fork_the_child_opens_its_own_connections(shop: Shop) -> None:
    payroll = shop.proposed(shop.invoices(2))
    child = os.fork()
    if child == 0:
        try:
            shop.paymaster.approve(payroll, by="joseph")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}
    assert len(set(shop.select("SELECT DISTINCT session FROM facts"))) == 2


def test_observers_hear_every_fact_at_least_once_and_in_order(open_shop: OpenShop, registry: tuple[str, Any]) -> None:
    where, policy = registry
    shop = open_shop(policies=[where])
    payroll = shop.paid(shop.invoices(4))
    shop.run(payroll, wait=0)
    assert type(policy).stumbled
    for payment in shop.paymaster.payments(payroll):
        numbers = [no for said, no, _ in policy.heard if said == payment.id]
        assert numbers == list(range(1, len(shop.paymaster.events(payment.id)) + 1))
    before = len(policy.heard)
    shop.run(wait=0)
    assert len(policy.heard) == before


def test_what_a_policy_says_before_sending_holds_the_payment(open_shop: OpenShop, registry: tuple[str, Any]) -> None:
    where, policy = registry
    policy.dead.add("ben-2")
    shop = open_shop(policies=[where])
    payroll = shop.paid(shop.invoices(4))
    assert shop.states(payroll) == {"inv-0": "paid", "inv-1": "paid", "inv-2": "held", "inv-3": "paid"}
    (held,) = shop.paymaster.holds()
    assert "died in May" in held.reason and not held.sent
    assert policy.threads and all(name.startswith("gateway-helper") for name in policy.threads)


def test_a_policy_that_raises_is_an_objection(open_shop: OpenShop, registry: tuple[str, Any]) -> None:
    where, policy = registry
    policy.raises = True
    shop = open_shop(policies=[where])
    payroll = shop.paid(shop.invoices(2))
    assert set(shop.states(payroll).values()) == {"held"}
    assert "the registry is down" in shop.paymaster.holds()[0].reason


def test_policies_are_asked_again_when_their_word_is_old(open_shop: OpenShop, registry: tuple[str, Any]) -> None:
    """recheck_ttl 0: each payment is asked about once with its page and once when its turn comes."""
    where, policy = registry
    shop = open_shop(policies=[where], channel={"recheck_ttl": 0.0})
    shop.paid(shop.invoices(3))
    assert sorted(len(page) for page in policy.pages) == [1, 1, 1, 3]


def test_a_waiting_writer_gets_its_turn(stores: None, tmp_path: Path) -> None:
    """One process that writes page after page does not starve another (here: two stores, two locks, two threads)."""
    url = address(tmp_path / "store.db")
    busy, other = open_store(url, "turns", "test", create=True), open_store(url, "turns", "test")
    pages, stop, waited = [0], threading.Event(), []

    def proposer(store: Store) -> None:
        from gateway_core.lifecycle.cycles.staging import let_others_write

        while not stop.is_set():
            with store.write() as connection:
                connection.exec_driver_sql("UPDATE meta SET value = value")
                stop.wait(0.02)
                pages[0] += 1
            let_others_write()

    thread = threading.Thread(target=proposer, args=(busy,))
    thread.start()
    try:
        for _ in range(20):
            came = pages[0]
            with other.write() as connection:
                connection.exec_driver_sql("UPDATE meta SET value = value")
                waited.append(pages[0] - came)
    finally:
        stop.set()
        thread.join()
        close_store(busy)
        close_store(other)
    assert max(waited) <= 3
