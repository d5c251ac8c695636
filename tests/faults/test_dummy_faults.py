"""Every fault of the dummy server's README, asked for by account and by amount, paid through a Paymaster.

All lines of a server go in one payroll, so that waiting is shared; then each is judged by our state, by the times that
money moved in the server's own ledger, and by the cases that people were given.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.model.payment import Invoice
from gateway_core.testing.behaviours import FAULTS, MAGIC_ACCOUNT, MAGIC_AMOUNTS

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop


@attrs.frozen
class Fate:
    """What becomes of a payment: its state, how often money is away at the end, and the case that people get."""

    state: str
    moved: int = 0
    reason: str = ""
    case: str = ""


PAID = Fate("paid", 1)
FATES = {
    "refused": Fate("refused", reason="the provider refused the payment"),
    "no-such-account": Fate("refused", reason="nobody has this account"),
    "insufficient-funds": Fate("refused", reason="the institution's account does not cover it"),
    "pending-then-paid": PAID,
    "pending-then-refused": Fate("refused", reason="the provider refused the payment"),
    "pending-for-ever": Fate("held", reason="pending for longer than the rail's patience"),
    "silent": PAID,
    "late": PAID,
    "lands-after-not-found": PAID,
    "paid-then-500": PAID,
    "paid-then-drop": PAID,
    "refused-although-paid": PAID,
    "duplicate-callback": PAID,
    "callback-before-answer": PAID,
    "contradicting-callback": Fate("paid", 1, case="contradiction"),
    "callback-never": PAID,
    "forged-callback": Fate("refused", reason="the provider refused the payment"),
    "429": PAID,
    "503": PAID,
    "slow": PAID,
    "garbage": PAID,
    "redirect": PAID,
    "wrong-signature": PAID,
    "paid-then-returned": Fate("returned", 0, reason="reversed by the provider"),
}
# Where a repeated key pays again, a doubt that asking does not clear in time is for people. Never a second payment.
DOUBT = "the rail does not know this payment, and a second copy might pay twice"
HELD_IN_DOUBT = {
    "late": Fate("held", 1, DOUBT),
    "lands-after-not-found": Fate("held", 1, DOUBT),
    "refused-although-paid": Fate("held", 1, DOUBT),
}
# Where the two answers come before anybody reads the first (a slow machine), neither is believed: people decide.
READ_TOGETHER = Fate("held", 1, "the rail gave two answers that contradict each other", "contradiction")
NEVER_TAKEN = {"redirect": Fate("held", 0, DOUBT)}
# Nobody tells us of these but a callback; reconciling asks, and finds the one that the server remembers.
ONLY_BY_CALLBACK = {"contradicting-callback": PAID, "paid-then-returned": Fate("paid", 0)}


@attrs.frozen
class Setting:
    """A kind of server and of channel, and what then becomes of every fault."""

    no_dedupe: bool
    callbacks: bool
    fates: dict[str, Fate]


SETTINGS = [
    Setting(False, True, FATES),
    Setting(False, False, FATES | ONLY_BY_CALLBACK),
    Setting(True, True, FATES | NEVER_TAKEN),
    Setting(True, False, FATES | NEVER_TAKEN | ONLY_BY_CALLBACK),
]


def lines(shop: Shop) -> Iterator[tuple[str, Invoice]]:
    """(fault, invoice): each fault by its account, and each by its amount."""
    for n, fault in enumerate(FAULTS):
        yield fault, shop.invoice(n, MAGIC_ACCOUNT + fault)
    for n, (fault, amount) in enumerate(MAGIC_AMOUNTS.items(), 100):
        yield fault, shop.invoice(n, f"w-{n}", amount)


def test_the_table_is_about_every_fault() -> None:
    assert set(FATES) == set(FAULTS) == set(MAGIC_AMOUNTS)


def test_what_becomes_of_every_fault(
    start_dummy: Callable[..., Dummy], open_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mostly waiting: all settings at the same time, each with a server and a store of its own."""
    monkeypatch.setenv("DUMMY_CALLBACK_SECRET", "the-callback-secret")
    opened = []
    for setting in SETTINGS:
        server = start_dummy(no_dedupe=setting.no_dedupe)
        opened.append((setting, server, open_shop(server.url, channel=_channel(setting))))
    with ThreadPoolExecutor(len(opened)) as pool:
        for done in [pool.submit(_one_setting, *each) for each in opened]:
            done.result()


def _one_setting(setting: Setting, server: Dummy, shop: Shop) -> None:
    faults = {invoice.id: fault for fault, invoice in lines(shop)}
    payroll = shop.paid([invoice for _, invoice in lines(shop)])

    moved, cases = server.moved(), {case.payment: case.kind for case in shop.paymaster.cases(payroll)}
    for view in shop.paymaster.payments(payroll):
        fault = faults[view.invoice]
        fate = Fate(view.state, moved.get(view.id, 0), view.reason, cases.get(view.id, ""))
        allowed = [setting.fates[fault]]
        if setting.no_dedupe and fault in HELD_IN_DOUBT:
            allowed.append(HELD_IN_DOUBT[fault])
        if setting.callbacks and fault == "contradicting-callback":
            allowed.append(READ_TOGETHER)
        assert fate in allowed, (setting.no_dedupe, setting.callbacks, fault, shop.paymaster.events(view.id))
    assert {name for name, times in server.moved_by_entitlement().items() if times > 1} == set()

    before = shop.states(payroll)
    agreement = shop.paymaster.reconcile(payroll, by="amina")
    found_returned = {invoice: "returned" for invoice, fault in faults.items() if fault == "paid-then-returned"}
    assert shop.states(payroll) == before | found_returned
    assert (agreement.differing, agreement.silent) == ([], 0)


def _channel(setting: Setting) -> dict[str, Any]:
    channel: dict[str, Any] = {"patience": 4}
    if setting.no_dedupe:
        channel["profile"] = "no-dedupe"
    if setting.callbacks:
        address = _free_address()
        channel |= {
            "listen": address, "callback_url": f"http://{address}/callbacks/dummy",
            "callback_secret": {"env": "DUMMY_CALLBACK_SECRET"},
        }  # fmt: skip
    return channel


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
