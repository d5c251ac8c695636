"""The dummy gateway keeps every law of the contract, with its own server in between."""

from __future__ import annotations

from typing import ClassVar

from gateway_dummy_server import DummyGateway
from gateway_dummy_server.server import create_app
from starlette.applications import Starlette

from gateway_core.testing import GatewayContract

API_KEY, SECRET = "a-key-for-the-api", "a-secret-for-callbacks"


class TestDummyGateway(GatewayContract):
    gateway = DummyGateway
    settings: ClassVar = {"api_key": API_KEY, "callback_secret": SECRET, "callback_url": "{callbacks}"}

    def simulator(self, ledger: str) -> Starlette:
        return create_app(ledger, api_key=API_KEY, secret=SECRET)
