"""The dummy server on a real socket, and a plain client for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from gateway_dummy_server.server import create_app

from gateway_core.testing.serving import Beside

Start = Callable[..., "Client"]


class Client(httpx.Client):
    """Speaks to one server, each request on a connection of its own."""

    def __init__(self, server: Beside, app: Any) -> None:
        super().__init__(base_url=server.url, timeout=5, trust_env=False, headers={"connection": "close"})
        self.server, self.app = server, app

    def pay(self, key: str, account: str = "w-1", amount: int = 500, **more: Any) -> httpx.Response:
        """One copy of a payment request."""
        order = {
            "key": key, "reference": f"ref-{key}", "entitlement": "e", "amount": amount, "currency": "UGX",
            "account": {"type": "wallet", "value": account}, **more,
        }  # fmt: skip
        timeout = order.pop("timeout", 5)
        return self.post("/payments", json=order, headers={"Idempotency-Key": key}, timeout=timeout)

    def moved(self, key: str) -> tuple[str, int, int]:
        """What the ledger itself holds: status, times moved, times reversed."""
        ledger, queue = self.app.state.server.provider.ledger, self.app.state.server.ledger
        entry = asyncio.run_coroutine_threadsafe(queue.run(ledger.entry, key), self.server.loop).result(5)
        return (entry.status, entry.moved, entry.reversed) if entry else ("absent", 0, 0)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers; all are stopped at the end."""
    running: list[Client] = []

    def begin(ledger: str = ":memory:", **options: Any) -> Client:
        app = create_app(ledger, **options)
        client = Client(Beside(app), app)
        running.append(client)
        client.get("/openapi.json")
        return client

    yield begin
    for client in running:
        client.close()
        client.server.stop()
