"""Attempts to make a run hang, spin, or leave the others behind."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from gateway_dummy_server import DummyGateway, DummySettings

from gateway_core.contract import Ask, Refused, Reply, Verdict
from gateway_core.engine.pace import Throttle
from gateway_core.model.errors import GatewayCoreError, SenderBusy
from gateway_core.paymaster import Paymaster
from tests.calling import rail_calls

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

Host = Callable[["Shop"], Paymaster]


@contextmanager
def beside(work: Callable[[], object], seconds: float = 10) -> Iterator[list[object]]:
    """`work` in a thread; it must end within `seconds`, and its result or error is in the list then."""
    done: list[object] = []

    def do() -> None:
        try:
            done.append(work())
        except BaseException as error:
            done.append(error)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    yield done
    thread.join(seconds)
    assert done, "it hangs"


def until(true: Callable[[], object], seconds: float = 8) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never comes"
        time.sleep(0.02)


def test_a_payroll_whose_channel_is_gone_does_not_stop_the_others(shop: Shop) -> None:
    old = shop.config["channels"]["dummy"]
    shop.reopen(channels={"dummy": old, "gone": old})
    first = shop.paymaster.propose("first", shop.invoices(1), channel="gone", by="amina")
    shop.paymaster.approve(first, by="joseph")
    second = shop.approved(shop.invoices(1, cycle="2026-12"), "second")
    shop.reopen(channels={"dummy": old})
    report = shop.run(wait=0)
    assert shop.states(second) == {"inv-0": "paid"}
    assert "gone" in report.skipped["first"]
    assert shop.states(first) == {"inv-0": "ready"}


def test_a_paused_payroll_is_not_asked_about_at_another_address(
    start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], quick: Mapping[str, Any]
) -> None:
    """The pause is a person's, and hides that the channel was changed since the approval."""
    old, new = start_dummy(), start_dummy()
    shop = open_shop(old.url, channel={**quick, "patience": 30, "ask_limit": 1000, "timeout": 0.2})
    payroll = shop.approved([shop.invoice(0, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    shop.paymaster.pause(payroll, by="joseph", reason="we move")
    shop.reopen(channels={"dummy": {**shop.config["channels"]["dummy"], "base_url": new.url}})
    facts = len(shop.paymaster.events(shop.payment(payroll)))
    shop.run(payroll, wait=0.5)
    assert len(shop.paymaster.events(shop.payment(payroll))) == facts


class Locked(DummyGateway):
    """Its rail refuses the credentials until they are mended."""

    name = "dummy_server"
    mended = False

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        if ask.moves_money and not self.mended:
            return Refused("unauthorised", "the key is wrong", stops_channel=True)
        return super().parse_response(ask, reply)


def test_a_lifted_stop_lets_a_serving_sender_go_on(shop: Shop, host: Host) -> None:
    old = shop.paymaster.configuration.channel("dummy")
    settings: DummySettings = old.gateway.settings
    gateway = Locked(settings)
    shop.speak(gateway, pace=attrs.evolve(old.pace, max_concurrency=1))
    payroll = shop.approved(shop.invoices(4))
    other = host(shop)
    with beside(lambda: shop.paymaster.run(serve=True)):
        until(lambda: shop.select("SELECT * FROM stops"))
        gateway.mended = True
        time.sleep(0.3)
        other.lift_stop("dummy", by="joseph")
        try:
            until(lambda: {view.state for view in other.payments(payroll)} == {"paid"})
        finally:
            assert shop.paymaster._driver is not None
            shop.paymaster._driver.stop()


def test_what_was_claimed_before_quiet_hours_waits_for_their_end(shop: Shop, monkeypatch: Any) -> None:
    """A page was claimed; quiet hours begin before its turn has come."""
    payroll = shop.approved(shop.invoices(3))
    opens = Throttle.opens
    asked: list[int] = []

    def quiet(self: Throttle, now: int) -> int:
        asked.append(now)
        return opens(self, now) if len(asked) == 1 else now + 3_600_000_000

    monkeypatch.setattr(Throttle, "opens", quiet)
    report = shop.run(payroll, wait=0)
    assert set(shop.states(payroll).values()) == {"ready"}
    assert report.next_due is not None and report.next_due > asked[-1] + 3_000_000_000


@pytest.mark.parametrize("account", ["w-0", "fault-pending-for-ever"])
def test_a_payment_whose_row_disagrees_with_its_facts_makes_nobody_spin(account: str, shop: Shop) -> None:
    payroll = shop.approved([shop.invoice(0, account), shop.invoice(1, "w-1")])
    if account != "w-0":
        shop.run(payroll, wait=0)
    shop.change_store("UPDATE payments SET facts = facts + 1 WHERE invoice = 'inv-0'")
    with beside(lambda: shop.paymaster.run(payroll, wait=1)):
        pass
    assert shop.states(payroll)["inv-1"] == "paid"


def test_an_arrival_that_cannot_be_acted_on_does_not_keep_the_sender_from_starting(shop: Shop, host: Host) -> None:
    payroll = shop.approved([shop.invoice(0, "fault-pending-for-ever"), shop.invoice(1, "w-1")])
    shop.paymaster.cancel(payroll, by="amina", reason="later", only=["inv-1"])
    shop.run(payroll, wait=0)
    shop.change_store("UPDATE payments SET facts = facts + 1 WHERE invoice = 'inv-0'")
    rail_calls(host(shop), shop.payment(payroll), "paid")
    with beside(lambda: shop.paymaster.run(payroll, wait=0)):
        pass


def test_an_address_that_is_in_use_is_an_error_and_not_the_end_of_the_host(open_shop: Callable[..., Shop]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shop = open_shop(channel={"listen": f"127.0.0.1:{taken.getsockname()[1]}"})
        payroll = shop.approved(shop.invoices(1))
        with beside(lambda: shop.paymaster.run(payroll, wait=0)) as done:
            pass
    assert isinstance(done[0], GatewayCoreError)
    assert "in use" in str(done[0])


@pytest.mark.sqlite("about links to the file")
def test_a_store_under_another_name_has_the_same_sender(shop: Shop, tmp_path: Path, meanwhile: Any) -> None:
    (tmp_path / "link.db").symlink_to(shop.store)
    other = Paymaster.open({**shop.config, "store": f"sqlite:///{tmp_path / 'link.db'}"})
    said: list[BaseException] = []

    def second() -> None:
        try:
            other.run()
        except BaseException as error:
            said.append(error)

    meanwhile(shop, second)
    shop.paid(shop.invoices(1))
    other.close_store()
    assert isinstance(said[0], SenderBusy)


def test_a_child_forked_during_a_run_does_not_keep_the_lock(shop: Shop, meanwhile: Any) -> None:
    """A pre-forking web server forks whenever it likes."""
    children: list[int] = []

    def fork() -> None:
        children.append(os.fork())
        if not children[0]:
            time.sleep(30)
            os._exit(0)

    meanwhile(shop, fork)
    try:
        shop.paid(shop.invoices(1), "first")
        assert shop.state(shop.paid(shop.invoices(1, cycle="2026-12"), "second")) == "paid"
    finally:
        os.kill(children[0], signal.SIGKILL)
        os.waitpid(children[0], 0)
