"""Whatever a plugin raises or gives, wherever: the others are paid, the run ends, and nobody is called refused."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.engine.callbacks import CallbackApp
from gateway_core.store import inbox
from gateway_core.store.clock import now_us

from .conftest import OpenStreet
from .wild import CALLED, GIVEN, RAISED, made, misdoes

if TYPE_CHECKING:
    from tests.conftest import Dummy

# The rail paid, and only the plugin does not say so: people look.
OPEN = {"held", "pending", "unknown", "ready", "sending"}
CASES = {f"{kind} in {place}": gateway for kind, do in RAISED.items() for place, gateway in misdoes(do).items()} | GIVEN


@pytest.mark.deep
def test_the_others_are_paid_and_nobody_is_called_refused(open_street: OpenStreet, dummy: Dummy) -> None:
    """All misdeeds in one run: whatever one of them does to the run, it does to all."""
    street = open_street(CASES)
    for case in (*CASES, "good"):
        street.approve(case)
    report = street.run()
    assert street.states("good") == {"paid"}
    moved = dummy.moved()
    wrong = {}
    for case in CASES:
        states, times = street.states(case), [moved.get(payment, 0) for payment in street.payments(case)]
        if not states <= OPEN | {"paid"} or max(times) > 1 or ("paid" in states and 0 in times and len(states) == 1):
            wrong[case] = (states, times, street.reasons(case))
    assert not wrong
    # A payroll that could not be begun is named, with one sentence.
    assert all("\n" not in why and why for why in report.skipped.values())
    assert street.shop.paymaster.verify().ok


SAID = {
    "ValueError in parse_response": ("held", "asked 3 times without a definite answer"),
    "SystemExit in execute_payment": ("held", "SystemExit: 3"),
    "ValueError in its flow at once": ("held", "story"),
    "an ask with no request": ("held", "whose request or find_out is no Request"),
    # Nothing left, and that is proven: it goes on once the plugin is mended.
    "Boom in auth_flow": ("ready", "GatewayFault"),
}


@pytest.mark.parametrize("case", SAID)
@pytest.mark.few(2)
def test_a_person_reads_what_the_plugin_did(open_street: OpenStreet, case: str) -> None:
    street = open_street({case: CASES[case]})
    street.approve(case)
    street.run(wait=5.0)
    state, words = SAID[case]
    assert street.states(case) == {state}
    events = [event for payment in street.payments(case) for event in street.shop.paymaster.events(payment)]
    assert words in " ".join(f"{event.value} {event.details}" for event in events)


@pytest.mark.deep
def test_checking_says_what_could_not_be_checked(open_street: OpenStreet) -> None:
    places = ("check_balance", "validate_beneficiary", "auth_flow")
    cases = {case: gateway for case, gateway in CASES.items() if case.endswith(places) or "auth" in case}
    cases |= {case: gateway for case, gateway in CASES.items() if "objection" in case or "balance" in case}
    street = open_street(cases)
    for case in cases:
        report = street.shop.paymaster.check(street.approve(case))
        # Whoever cannot be understood objects.
        assert report.good == (case != "a strange objection")
        assert all(found.objection.code == "not_checked" for found in report.warnings)
        assert len({found.objection.message for found in report.warnings}) == bool(report.warnings), case


@pytest.mark.parametrize("kind", RAISED)
def test_a_plugin_that_cannot_be_made_keeps_its_own_payroll_back(open_street: OpenStreet, kind: str) -> None:
    def begin(self: Any, settings: Any) -> None:
        RAISED[kind]()

    def declared(self: Any) -> Any:
        RAISED[kind]()

    street = open_street({"init": made(), "auth": made(), "settings": made(), "capabilities": made()})
    for case in (*street.names, "good"):
        street.approve(case)
    street.shop.paymaster.configuration._opened.clear()
    street.plug("init", made(__init__=begin))
    street.plug("auth", made(auth=lambda self: RAISED[kind]()))
    street.plug("settings", made(__init__=lambda self, settings: None))
    street.plug("capabilities", made(__getattribute__=_hides("capabilities", RAISED[kind])))
    if kind == "KeyboardInterrupt":
        # A person's interruption, as far as anybody can tell: channels are opened on the main thread, too.
        return
    report = street.run()
    assert street.states("good") == {"paid"}
    for case, name in street.names.items():
        assert street.states(case) == {"ready"}, case
        assert name in report.skipped and name in report.skipped[name] and "\n" not in report.skipped[name]


def _hides(name: str, do: Any) -> Any:
    def get(self: Any, asked: str) -> Any:
        if asked == name:
            do()
        return object.__getattribute__(self, asked)

    return get


def scope(path: str) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": path, "headers": [(b"content-type", b"application/json")]}


async def post(app: CallbackApp, path: str) -> int:
    said: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"key": "k"}'}

    async def send(message: Any) -> None:
        said.extend([message["status"]] if "status" in message else [])

    await app(scope(path), receive, send)
    return said[0]


def test_a_callback_is_kept_whatever_the_plugin_makes_of_it(open_street: OpenStreet) -> None:
    import asyncio

    def calling(do: Any) -> Any:
        return made(parse_callback=lambda self: do())

    cases = {f"raises {kind}": calling(do) for kind, do in RAISED.items()}
    cases |= {f"gives {kind}": made(parse_callback=lambda self, said=said: said) for kind, said in CALLED.items()}
    street = open_street(cases)
    known = street.shop.paymaster.configuration
    channels = {name: known.channel(name) for name in street.names.values()}
    app = CallbackApp(street.shop.paymaster._store, channels, now_us)

    async def all_of_them() -> dict[str, int]:
        return {case: await post(app, f"/callbacks/{name}/x") for case, name in street.names.items()}

    assert set(asyncio.run(all_of_them()).values()) == {204}
    with street.shop.paymaster._store.read() as connection:
        assert len(inbox.new(connection, 100)) == len(cases)
    street.approve()
    street.run()
    assert street.states() == {"paid"}
    logging.getLogger(__name__).debug("the run acted on all of them")
