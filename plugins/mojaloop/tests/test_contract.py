"""Mojaloop keeps every law of the contract, with the simulator in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import httpx
from gateway_mojaloop import MojaloopGateway
from gateway_mojaloop.simulator import create_app
from gateway_mojaloop.simulator.voices import public_pem

from gateway_core.contract import Account
from gateway_core.testing import GatewayContract
from gateway_core.testing.contract.bench import Bench

from .conftest import FSP, QUICK, payer_key, private_pem

TIMES = {name: QUICK[name] for name in ("callback_patience", "transfer_window", "send_margin", "grace")}


class TestMojaloop(GatewayContract):
    gateway = MojaloopGateway
    settings: ClassVar = {
        "fsp_id": FSP, "institution_account": "treasury", "jws_key": private_pem(payer_key()),
        "keys_dir": "{folder}/keys", **TIMES, "transfer_window": 8.0, "callback_patience": 0.5,
    }  # fmt: skip

    def simulator(self, ledger: str) -> Any:
        keys = Path(ledger).parent / "keys"
        app = create_app(ledger, keys=str(keys))
        (keys / f"{FSP}.pem").write_bytes(public_pem(payer_key()))
        return app

    def set_up(self) -> Bench:
        """The hub learns where we are called back, as operators tell it."""
        bench = super().set_up()
        value = {"type": "FSPIOP_CALLBACK_URL", "value": f"{bench.calls.url}/callbacks/kit"}
        httpx.post(f"{bench.proxy.url}/participants/{FSP}/endpoints", json=value, trust_env=False)
        return bench

    def account(self, n: int) -> Account:
        return Account("msisdn", f"2567721{n:05d}")
