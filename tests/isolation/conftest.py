"""A shop with many channels: one is good, and each other one has a plugin that misbehaves in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from gateway_dummy_server import DummyGateway

from gateway_core.lifecycle.running import Report

if TYPE_CHECKING:
    from tests.conftest import Dummy, Shop

GOOD = "dummy"
# Seconds: those that are broken for good are held before that.
WAIT = 25.0


@attrs.define
class Street:
    """`payrolls`: by the name of the case; the good channel's is "good"."""

    shop: Shop
    names: dict[str, str]
    payrolls: dict[str, str] = attrs.field(factory=dict)

    def plug(self, case: str, gateway: type[DummyGateway]) -> None:
        """Put a plugin behind a channel, as the configuration would have."""
        known = self.shop.paymaster.configuration
        name = self.names[case]
        known._plans[name] = attrs.evolve(known._plans[name], gateway=gateway)  # type: ignore[index]

    def approve(self, case: str = "good", count: int = 2) -> str:
        """Two payments over the channel of a case."""
        name = self.names.get(case, GOOD)
        first = len(self.payrolls) * 10
        lines = [self.shop.invoice(first + n, f"w-{first + n:04d}") for n in range(count)]
        payroll = self.shop.paymaster.propose(name, lines, channel=name, by="amina")
        self.shop.paymaster.approve(payroll, by="joseph")
        self.payrolls[case] = payroll
        return payroll

    def run(self, wait: float = WAIT) -> Report:
        return self.shop.paymaster.run(wait=wait)

    def states(self, case: str = "good") -> set[str]:
        return {view.state for view in self.shop.paymaster.payments(self.payrolls[case])}

    def payments(self, case: str) -> list[str]:
        return [view.id for view in self.shop.paymaster.payments(self.payrolls[case])]

    def reasons(self, case: str) -> str:
        return " ".join(view.reason for view in self.shop.paymaster.payments(self.payrolls[case]))


OpenStreet = Callable[[Mapping[str, type[DummyGateway]]], Street]


@pytest.fixture
def open_street(open_shop: Callable[..., Shop], dummy: Dummy) -> OpenStreet:
    """Open a shop in which each of the plugins has a channel."""

    def open_(plugins: Mapping[str, type[DummyGateway]]) -> Street:
        names = {case: f"wild-{number}" for number, case in enumerate(plugins)}
        short: dict[str, Any] = {
            "gateway": "dummy_server", "base_url": dummy.url, "timeout": 1.0, "ask_limit": 3, "max_concurrency": 2,
            "ask_after": 0.05, "ask_at_most": 0.2, "patience": 1.0,
        }  # fmt: skip
        street = Street(open_shop(channels={name: dict(short) for name in (GOOD, *names.values())}), names)
        for case, plugin in plugins.items():
            street.plug(case, plugin)
        return street

    return open_
