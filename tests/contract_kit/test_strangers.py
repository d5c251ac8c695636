"""A busy and slow machine: what others do on it is not the plugin's doing, and how fast it is decides nothing."""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette

from gateway_core.testing.contract import GatewayContract, LawBroken, laws_of
from gateway_core.testing.contract.serving import PORTS, free_address
from gateway_core.testing.contract.traps import Slip, watched

from .broken import GivesUp
from .rail import TinyGateway
from .simulator import create_app
from .test_table import PromisesNothing, kit_of

LAWS = laws_of(GatewayContract)
PURE = ("test_ids_come_from_the_context", "test_time_comes_from_the_context", "test_a_hook_reaches_for_nothing")
SECRETS = {"api_key": "a-key-of-the-slow", "secret": "a-secret-of-the-slow"}


def misdeeds() -> None:
    """Everything that a hook must not do."""
    time.time()
    random.random()
    uuid.uuid4()
    socket.socket().close()


class Stranger:
    """Does it on a thread of its own all the time, and in whichever thread the collector begins and ends."""

    def __init__(self) -> None:
        self.over, self.collections = threading.Event(), 0
        self.thread = threading.Thread(target=self.always, daemon=True)

    def always(self) -> None:
        while not self.over.wait(0.001):
            misdeeds()

    def collected(self, phase: str, about: object) -> None:
        self.collections += 1
        misdeeds()


class Finalized:
    """In a cycle, so that only the collector ends it, in the middle of whatever allocates then."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        misdeeds()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    made, before = Stranger(), gc.get_threshold()
    gc.callbacks.append(made.collected)
    gc.set_threshold(50, 10, 1000)
    made.thread.start()
    yield made
    made.over.set()
    made.thread.join()
    gc.set_threshold(*before)
    gc.callbacks.remove(made.collected)


def test_what_strangers_do_while_a_hook_runs_is_not_the_hooks_doing(stranger: Stranger) -> None:
    slips: list[Slip] = []
    for _ in range(20):
        Finalized()
        with watched("a hook", slips):
            kept = [[number] for number in range(2000)]
        assert len(kept) == 2000
    assert slips == [] and stranger.collections and gc.isenabled()
    with watched("a hook", slips):
        misdeeds()
    assert {slip.kind for slip in slips} == {"clock", "chance", "world"}


def test_a_good_gateway_is_not_blamed_for_strangers(stranger: Stranger) -> None:
    kit = kit_of(TinyGateway)
    try:
        assert [kit.verdict(LAWS[name]) for name in PURE] == [None] * 3
    finally:
        kit.teardown_class()
    assert stranger.collections


def test_the_collector_works_again_after_hooks_that_ran_at_the_same_time() -> None:
    both = threading.Barrier(2)

    def hook() -> None:
        for _ in range(50):
            with watched("a hook", []):
                both.wait(30)

    threads = [threading.Thread(target=hook) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()


def slow(app: Starlette, how: Callable[[dict[str, Any]], float]) -> Any:
    """The application on a machine that needs so many seconds more before it reads a request."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(how(scope))
        await app(scope, receive, send)

    return serve


def test_a_rail_that_cannot_be_asked_may_be_slow() -> None:
    """Its answers are all that there is: one that is given up too early calls a good gateway bad."""
    first = iter([3.0] * 3)

    class Slow(GatewayContract):
        gateway = PromisesNothing
        settings: ClassVar = SECRETS

        def simulator(self, ledger: str) -> Any:
            return slow(create_app(ledger, **SECRETS), lambda asked: next(first, 0) if asked["method"] == "POST" else 0)

    kit = Slow()
    try:
        assert kit.verdict(LAWS["test_it_pays_exactly_what_was_approved"]) is None
    finally:
        kit.teardown_class()


@pytest.mark.deep
def test_who_gives_up_after_some_questions_is_caught_however_slowly_they_are_answered() -> None:
    class Slow(GatewayContract):
        gateway = GivesUp
        settings: ClassVar = {**SECRETS, "callback_url": "{callbacks}"}

        def simulator(self, ledger: str) -> Any:
            app = create_app(ledger, **SECRETS)
            return slow(app, lambda asked: 0.9 if asked["path"].startswith("/transfers/") else 0)

    kit = Slow()
    try:
        said = kit.verdict(LAWS["test_silence_is_never_refused"])
    finally:
        kit.teardown_class()
    assert isinstance(said, LawBroken) and "pending for ever" in str(said)


class Falters(GatewayContract):
    """Its machine fails once at the start, and once on the way."""

    gateway = TinyGateway
    settings: ClassVar = {**SECRETS, "callback_url": "{callbacks}"}
    starts, walks = 0, 0

    def simulator(self, ledger: str) -> Any:
        type(self).starts += 1
        if self.starts == 1:
            raise OSError("no memory just now")
        return create_app(ledger, **SECRETS)

    def walk(self) -> Any:
        type(self).walks += 1
        if self.walks == 1:
            assert self.bench
            raise OSError("no memory just now")
        return super().walk()


def test_one_failure_at_the_start_or_on_the_way_spoils_nothing() -> None:
    kit = Falters()
    try:
        assert [kit.verdict(LAWS[name]) for name in ("test_it_can_be_loaded", *PURE)] == [None] * 4
    finally:
        kit.teardown_class()
    assert (kit.walks, kit.starts) == (2, 3)


def test_the_address_for_callbacks_is_none_that_a_connection_gets_by_chance() -> None:
    assert all(int(free_address().rpartition(":")[2]) in PORTS for _ in range(20))
    assert max(PORTS) < 32_768
