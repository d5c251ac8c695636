"""Lanes and gateways that watch, or break rules, for the tests of the laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from gateway_dummy_server import DummyGateway, DummySettings

from gateway_core.contract.channel import Channel
from gateway_core.engine.runtime import Lane, http_lane
from gateway_core.engine.wire import Wire

if TYPE_CHECKING:
    from tests.conftest import Shop

Reply = tuple[int, dict[str, str], bytes]
# Doubts come to an end in a moment.
QUICK = {"ask_after": 0.02, "ask_at_most": 0.05, "ask_limit": 3, "settle": 0.05, "patience": 0.6}


class Watched:
    """A real lane; `seen` is called with each request before a byte of it leaves."""

    def __init__(self, lane: Lane, seen: Callable[[Wire], object]) -> None:
        self._lane, self._seen = lane, seen

    async def send(self, wire: Wire, timeout: float, limit: int) -> Reply:
        self._seen(wire)
        return await self._lane.send(wire, timeout, limit)

    async def close(self) -> None:
        await self._lane.close()


class Says:
    """A lane to a rail that always answers the same; `sent` counts money requests."""

    def __init__(self, answer: Callable[[Wire], Reply], sent: list[Wire]) -> None:
        self._answer, self._sent = answer, sent

    async def send(self, wire: Wire, timeout: float, limit: int) -> Reply:
        if wire.method == "POST":
            self._sent.append(wire)
        return self._answer(wire)

    async def close(self) -> None:
        """Nothing to drop."""


@pytest.fixture
def watch() -> Callable[[Shop, Callable[[Wire], object]], None]:
    """watch(shop, seen): look over the shoulder of every lane."""

    def do(shop: Shop, seen: Callable[[Wire], object]) -> None:
        def lane(channel: Channel) -> Lane:
            return Watched(http_lane(channel.settings.base_url, channel.auth()), seen)

        shop.paymaster._lane = lane

    return do


@pytest.fixture
def rail_says() -> Callable[[Shop, Callable[[Wire], Reply]], list[Wire]]:
    """rail_says(shop, answer): a rail that answers so; the list fills with the money requests it got."""

    def do(shop: Shop, answer: Callable[[Wire], Reply]) -> list[Wire]:
        sent: list[Wire] = []
        shop.paymaster._lane = lambda channel: Says(answer, sent)
        return sent

    return do


@pytest.fixture
def quick() -> Mapping[str, Any]:
    """A channel's settings with which doubts end in a moment."""
    return QUICK


@pytest.fixture
def variant() -> Callable[..., DummyGateway]:
    """variant(shop, execute_payment=..., capabilities=...): the dummy gateway with parts of it replaced."""

    def make(shop: Shop, **changes: Any) -> DummyGateway:
        kind = type("Variant", (DummyGateway,), {"name": "dummy_server", **changes})
        old = shop.paymaster.configuration.channel("dummy")
        settings: DummySettings = old.gateway.settings
        gateway: DummyGateway = kind(settings)
        gateway.capabilities = changes.get("capabilities", old.capabilities)
        shop.speak(gateway, pace=old.pace)
        return gateway

    return make
