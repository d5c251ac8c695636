"""The operator that the documentation adds: its code is what the page shows, and it keeps every law of the contract."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from gateway_mobile_money import simulators
from gateway_mobile_money.simulators.common import Route_, Simulator, account_of, body_of, digits_of, minor, reply
from starlette.requests import Request
from starlette.responses import Response

from gateway_core.channels import load
from gateway_core.contract import Account, Money
from gateway_core.model.errors import ConfigurationError
from gateway_core.testing import GatewayContract
from gateway_core.testing.ledger import Entry, Order

from .conftest import SECRET, certificate, public_key

ROOT = Path(__file__).parents[3]
FILE = ROOT / "examples" / "orange_like.py"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("orange_like", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["orange_like"] = module
    spec.loader.exec_module(module)
    return module


EXAMPLE = _loaded()
STATUS = {"paid": "SUCCESS", "pending": "PENDING", "refused": "FAILED", "reversed": "SUCCESS"}


class OrangeSimulator(Simulator):
    """The invented wire, from the other side."""

    def routes(self) -> list[Route_]:
        return [
            ("POST", "/oauth/token", self.token),
            ("POST", "/cashins", self.pay),
            ("GET", "/cashins/{key}", self.found),
            ("GET", "/partners/{partner}/balance", self.balance),
        ]

    def stranger(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        return None if given.startswith("Basic ") or self.doors.open(given) else reply({"code": "40"}, 401)

    async def token(self, request: Request) -> Response:
        return reply({"access_token": self.doors.give(), "expires_in": self.doors.life})

    async def pay(self, request: Request) -> Response:
        said = await body_of(request)
        account, unit = account_of("221" + said["customer"]["id"]), said["amount"]["unit"]
        units = minor(said["amount"]["value"], unit)
        return await self.take(
            request, Order(said["id"], said["reference"], said["reference"], "msisdn", account, units, unit)
        )

    def _json(self, entry: Entry) -> dict[str, Any]:
        order = entry.order
        reason = {"reason": "2020"} if entry.code == "no_such_account" else {}
        return reason | {
            "id": order.key, "customer": {"idType": "MSISDN", "id": digits_of(order.account)[3:]},
            "amount": {"value": Money(order.amount, order.currency).text, "unit": order.currency},
            "status": STATUS[entry.status], "txnId": entry.receipt,
        }  # fmt: skip

    def sent(self, entry: Entry) -> Response:
        return reply(self._json(entry), 202 if entry.status == "pending" else 201)

    def duplicate(self, entry: Entry) -> Response:
        return reply({"code": "2000", "message": "duplicate"}, 409)

    def refusal(self, entry: Entry, code: str) -> Response:
        return reply({**self._json(entry), "status": "FAILED"}, 200)

    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        raise ValueError("nobody is called back")

    async def found(self, request: Request) -> Response:
        entry = await self.find(request, request.path_params["key"])
        return reply({"code": "4404"}, 404) if entry is None else reply(self._json(entry))

    async def balance(self, request: Request) -> Response:
        available = await self.ledger.run(self.provider.ledger.available, "XOF")
        return reply({"value": Money(available, "XOF").text, "unit": "XOF"})


simulators.SIMULATORS = {**simulators.SIMULATORS, "orange": OrangeSimulator}


class TestOrangeLike(GatewayContract):
    gateway = EXAMPLE.OrangeLikeGateway
    currency = "XOF"
    settings: ClassVar = {
        "profile": "orange", "country": "SN", "client_id": "grants", "client_secret": SECRET,
        "institution_account": "P-1", "dedupe_proven": True,
    }  # fmt: skip

    def simulator(self, ledger: str) -> Any:
        return simulators.create_app("orange", ledger)

    def account(self, n: int) -> Account:
        return Account("msisdn", f"2217712{n:05d}")


def test_the_page_shows_the_file_as_it_is() -> None:
    page = (ROOT / "docs" / "mobile-money.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- examples/orange_like.py -->\n```python\n(.*?)```", page, re.DOTALL)
    assert shown is not None and shown[1] == FILE.read_text(encoding="utf-8")


def test_an_operator_is_one_short_file() -> None:
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 150


def test_every_class_of_the_example_is_one_that_the_plugin_knows() -> None:
    known: dict[str, Callable[..., Any]] = {**sys.modules["gateway_mobile_money.codes"].SENT}
    assert {row.money_class for row in EXAMPLE.CODES.values()} <= {*known, "success"}


def test_the_example_of_a_configuration_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"SECRET": SECRET, "CALLBACK_SECRET": SECRET, "CERTIFICATE": certificate(), "PUBLIC_KEY": public_key()}
    for name, value in values.items():
        monkeypatch.setenv(f"WALLETS_{name}", value)
    known = load(ROOT / "examples" / "mobile-money.toml")
    opened = {name: known.channel(name).settings.profile for name in known.channel_names}
    assert sorted(opened.values()) == ["airtel", "gsma", "mpesa", "mtn"]


def test_settings_that_do_not_agree_are_said_in_plain_words_though_there_are_secrets() -> None:
    channel = {
        "gateway": "mobile_money", "profile": "mtn", "base_url": "http://127.0.0.1:1", "country": "UG",
        "client_secret": {"env": "MOBILE_MONEY_SECRET"},
    }  # fmt: skip
    known = load({"deployment": "d-1", "environment": "test", "store": "sqlite:///x.db", "channels": {"m": channel}})
    with pytest.raises(ConfigurationError, match="needs client_id, subscription_key, target_environment"):
        known.channel("m")
