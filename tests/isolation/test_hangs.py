"""A hook that does not return: it is named and interrupted, its channel stops, the others are paid, nobody is refused.

What blocks outside Python cannot be interrupted; then the run ends, and the next one leaves that channel alone.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from gateway_dummy_server import DummyGateway

from gateway_core.contract import Callback, guard
from gateway_core.engine import callbacks
from gateway_core.engine.callbacks import CallbackApp
from gateway_core.lifecycle import hanging, running
from gateway_core.model.errors import GatewayHangs
from gateway_core.store import inbox, journal
from gateway_core.store.clock import now_us

from .conftest import OpenStreet
from .test_misdeeds import post
from .wild import made

if TYPE_CHECKING:
    from tests.conftest import Dummy

# In place of the ten seconds of a real run.
LOOKS, EVERY = 8, 0.05


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hanging, "LOOKS", LOOKS)
    monkeypatch.setattr(running, "EVERY", EVERY)
    monkeypatch.setattr(callbacks, "PARSING", LOOKS * EVERY)
    yield
    assert not guard.running()


def spins() -> None:
    """For ever, in Python."""
    while True:
        sum(range(1000))


def stubborn() -> None:
    """For ever, and whatever is raised in it."""
    for _ in range(2):
        with suppress(Exception):
            spins()


def paying(do: Callable[[], None]) -> dict[str, type[DummyGateway]]:
    """It does this at one place each, once there is money in it."""

    def flow(self: Any, payment: Any, ctx: Any) -> Any:
        do()
        yield from DummyGateway.execute_payment(self, payment, ctx)

    def after(self: Any, payment: Any, ctx: Any) -> Any:
        end = yield from DummyGateway.execute_payment(self, payment, ctx)
        do()
        return end

    def read(self: Any, ask: Any, reply: Any) -> Any:
        if ask.moves_money:
            do()
        return DummyGateway.parse_response(self, ask, reply)

    class Auth(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
            if request.method == "POST":
                do()
            yield request

    def balance(self: Any, ctx: Any) -> Any:
        do()
        yield

    return {
        "its flow": made(execute_payment=flow), "its flow after paying": made(execute_payment=after),
        "parse_response": made(parse_response=read), "auth_flow": made(auth=lambda self: Auth()),
        "check_balance": made(check_balance=balance),
    }  # fmt: skip


@pytest.mark.parametrize("place", paying(spins))
@pytest.mark.parametrize("do", [spins, stubborn])
@pytest.mark.few(3)
def test_a_hook_in_python_is_interrupted_and_the_others_are_paid(
    open_street: OpenStreet, dummy: Dummy, place: str, do: Callable[[], None]
) -> None:
    street = open_street({place: paying(do)[place]})
    street.approve(place, 3)
    street.approve("good", 20)
    report = street.run(wait=10.0)
    assert street.states() == {"paid"}
    name = street.names[place]
    assert "dummy_server." in report.stopped_channels[name] and "did not return" in report.stopped_channels[name]
    assert street.states(place) <= {"ready", "held", "unknown", "pending", "sending", "paid"}
    assert max(dummy.moved().get(payment, 0) for payment in street.payments(place)) <= 1
    again = street.run(wait=5.0)
    assert name in again.skipped and "is stopped" in again.skipped[name]


def test_once_it_is_mended_and_the_stop_is_lifted_all_are_paid_once(open_street: OpenStreet, dummy: Dummy) -> None:
    street = open_street({"flow": paying(spins)["its flow"]})
    street.approve("flow", 3)
    street.run(wait=5.0)
    known = street.shop.paymaster.configuration
    known._opened.clear()
    street.plug("flow", DummyGateway)
    street.shop.paymaster.lift_stop(street.names["flow"], by="amina")
    street.run(wait=10.0)
    for payment in street.payments("flow"):
        state = next(view.state for view in street.shop.paymaster.payments() if view.id == payment)
        assert (state, dummy.moved().get(payment, 0)) in {("paid", 1), ("held", 0)}


class Gate:
    """Blocks outside Python until it is opened."""

    def __init__(self) -> None:
        self.open, self.reached = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        self.open.wait(60)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()
    until = time.monotonic() + 10
    while guard.running() and time.monotonic() < until:
        time.sleep(0.01)


def left_behind_has_ended() -> None:
    """The run that was given up is over: nothing writes to its store any more."""
    for thread in threading.enumerate():
        if thread.name == "gateway-run":
            thread.join(120)
            assert not thread.is_alive()


@pytest.mark.parametrize("place", ["its flow", "parse_response"])
def test_what_cannot_be_interrupted_ends_the_run_and_the_next_one_pays_the_others(
    open_street: OpenStreet, dummy: Dummy, gate: Gate, place: str
) -> None:
    street = open_street({place: paying(gate)[place]})
    street.approve(place)
    street.approve("good", 20)
    with pytest.raises(GatewayHangs, match=f"does not return .* its channel {street.names[place]} is stopped"):
        street.run()
    street.shop.reopen()
    report = street.run()
    assert street.states() == {"paid"} and street.names[place] in report.skipped
    # What hung wakes up one day, and finds that nobody waits for it.
    gate.open.set()
    left_behind_has_ended()
    moved = dummy.moved()
    assert all(moved[payment] == 1 for payment in street.payments("good"))
    assert all(moved.get(payment, 0) <= 1 for payment in street.payments(place))
    assert street.states(place) <= {"ready", "sending", "unknown", "pending", "held"}
    assert street.shop.paymaster.verify().ok


def test_a_callback_that_is_never_understood_is_kept_and_the_others_are_heard(
    open_street: OpenStreet, gate: Gate
) -> None:
    cases = {"spins": made(parse_callback=lambda self: spins()), "blocks": made(parse_callback=lambda self: gate())}
    street = open_street(cases)
    known = street.shop.paymaster.configuration
    channels = {name: known.channel(name) for name in (*street.names.values(), "dummy")}
    app = CallbackApp(street.shop.paymaster._store, channels, now_us)

    async def calls() -> list[int]:
        names = [*street.names.values(), *street.names.values(), "dummy"]
        said = [await post(app, f"/callbacks/{name}/{number}") for number, name in enumerate(names)]
        # The loop waits at its end for the threads that it lent.
        gate.open.set()
        return said

    assert asyncio.run(calls()) == [204] * 5
    with street.shop.paymaster._store.read() as connection:
        assert {row.channel: row.key for row in inbox.new(connection, 9)} == {
            "wild-0": "", "wild-1": "", "dummy": "k"}  # fmt: skip


def test_a_callback_that_is_never_read_does_not_keep_the_writer(open_street: OpenStreet, dummy: Dummy) -> None:
    """What a callback says is read inside the store's transaction, where everybody would wait for it."""

    def read(self: Any, ask: Any, reply: Any) -> Any:
        if reply.to == "callback":
            spins()
        return DummyGateway.parse_response(self, ask, reply)

    trusting = made(parse_response=read, parse_callback=lambda self, arrival: Callback(arrival.path[1:], True))
    street = open_street({"reading": trusting})
    name, shop = street.names["reading"], street.shop
    payroll = shop.paymaster.propose("p", [shop.invoice(1, "fault-pending-for-ever.1")], channel=name, by="amina")
    shop.paymaster.approve(payroll, by="joseph")
    street.payrolls["reading"] = payroll
    street.run(wait=0.2)
    (payment,) = street.payments("reading")
    with shop.paymaster._store.read() as connection:
        (key,) = [fact.key for fact in journal.facts_of(connection, payment) if fact.kind == "intent"]
    app = CallbackApp(shop.paymaster._store, {name: shop.paymaster.configuration.channel(name)}, now_us)
    assert asyncio.run(post(app, f"/callbacks/{name}/{key}")) == 204
    street.approve("good", 10)
    report = street.run(wait=10.0)
    assert street.states() == {"paid"} and "parse_response did not return" in report.stopped_channels[name]
    assert street.states("reading") <= {"pending", "unknown", "held"}


RUN = """
import sys, threading
from gateway_core.cli import app
from gateway_core.lifecycle import hanging, running
from gateway_dummy_server import manual
hanging.LOOKS = 8
running.EVERY = 0.05
manual.about_payment = lambda ask, reply: threading.Event().wait()
sys.argv = ["gateway", "--config", sys.argv[1], "run"]
app.main()
"""


def test_the_command_line_ends_with_one_sentence(open_street: OpenStreet, dummy: Dummy, tmp_path: Path) -> None:
    street = open_street({})
    street.approve()
    file = tmp_path / "gateway.toml"
    shop = street.shop
    channel = f'[channels.dummy]\ngateway = "dummy_server"\nbase_url = "{dummy.url}"\n'
    file.write_text(
        f'deployment = "{shop.config["deployment"]}"\nenvironment = "test"\nstore = "{shop.config["store"]}"\n'
        f'mark_dir = "{shop.config["mark_dir"]}"\n{channel}'
    )
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "gateway: dummy_server.parse_response does not return" in done.stderr and "Traceback" not in done.stderr
