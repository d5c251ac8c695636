"""Each profile keeps every law of the contract, with its own simulator in between."""

from __future__ import annotations

from typing import Any, ClassVar

from gateway_mobile_money import MobileMoneyGateway
from gateway_mobile_money.simulators import create_app

from gateway_core.contract import Account
from gateway_core.testing import GatewayContract
from gateway_core.testing.behaviours import FAULTS
from gateway_core.testing.contract.rows import SAMPLES

from .conftest import NUMBERS, OPTIONS, PASSWORD, PIN, PROFILES, SECRET, certificate, public_key

PLAIN = {
    "MOBILE_MONEY_SECRET": SECRET, "MOBILE_MONEY_PIN": PIN, "MOBILE_MONEY_PASSWORD": PASSWORD,
    "MOBILE_MONEY_CERTIFICATE": certificate(), "MOBILE_MONEY_PUBLIC_KEY": public_key(),
}  # fmt: skip


def settings(profile: str, **more: Any) -> dict[str, Any]:
    """With secrets as plain text; the kit keeps them as secrets."""
    known = {**PROFILES[profile], "profile": profile, "dedupe_proven": True, **more}
    return {name: PLAIN[value["env"]] if isinstance(value, dict) else value for name, value in known.items()}


class TestGsma(GatewayContract):
    gateway = MobileMoneyGateway
    settings: ClassVar = settings("gsma")

    def simulator(self, ledger: str) -> Any:
        return create_app("gsma", ledger)

    def account(self, n: int) -> Account:
        return Account("msisdn", NUMBERS["gsma"].format(n))


class TestGsmaPolling(TestGsma):
    def simulator(self, ledger: str) -> Any:
        return create_app("gsma", ledger, mode="polling")


class TestGsmaAtOnceAndUnproven(TestGsma):
    settings: ClassVar = settings("gsma", dedupe_proven=False)

    def simulator(self, ledger: str) -> Any:
        return create_app("gsma", ledger, mode="sync", dedupe=False)


class TestMtn(GatewayContract):
    gateway = MobileMoneyGateway
    settings: ClassVar = settings("mtn")

    def simulator(self, ledger: str) -> Any:
        return create_app("mtn", ledger)

    def account(self, n: int) -> Account:
        return Account("msisdn", NUMBERS["mtn"].format(n))


class TestAirtel(GatewayContract):
    gateway = MobileMoneyGateway
    settings: ClassVar = settings("airtel")

    def simulator(self, ledger: str) -> Any:
        return create_app("airtel", ledger, **OPTIONS["airtel"])

    def account(self, n: int) -> Account:
        return Account("msisdn", NUMBERS["airtel"].format(n))


class TestMpesa(GatewayContract):
    gateway = MobileMoneyGateway
    currency = "KES"
    smallest = 100
    settings: ClassVar = settings("mpesa", callback_url="{callbacks}", callback_secret=SECRET)
    samples: ClassVar = {
        name: Account("msisdn", NUMBERS["mpesa"].format(99900 + number))
        for number, name in enumerate(FAULTS, 1)
        if name in SAMPLES
    }

    def simulator(self, ledger: str) -> Any:
        return create_app("mpesa", ledger, **OPTIONS["mpesa"])

    def account(self, n: int) -> Account:
        return Account("msisdn", NUMBERS["mpesa"].format(n))
