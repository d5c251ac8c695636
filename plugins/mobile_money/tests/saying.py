"""What an operator says, without a wire: gateways, payments, and replies to their asks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

from gateway_mobile_money import MobileMoneyGateway, MobileMoneySettings

from gateway_core.contract import Account, Ask, Ctx, Hidden, Money, Payment, Refused, Reply, Verdict

from .conftest import CURRENCY, NUMBERS, PASSWORD, PIN, PROFILES, SECRET, certificate, public_key

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
VALUES = {
    "MOBILE_MONEY_SECRET": SECRET, "MOBILE_MONEY_PIN": PIN, "MOBILE_MONEY_PASSWORD": PASSWORD,
    "MOBILE_MONEY_CERTIFICATE": certificate(), "MOBILE_MONEY_PUBLIC_KEY": public_key(),
}  # fmt: skip
BASE = "https://api.operator.example/v1.2/mm"
To = Literal["ask", "find_out", "callback"]


def gateway(profile: str, **more: Any) -> MobileMoneyGateway:
    """One of a profile, as a channel would make it."""
    known: dict[str, Any] = {**PROFILES[profile], "profile": profile, "base_url": BASE}
    known |= {
        "callback_url": "https://grants.example.org/callbacks/c",
        "callback_secret": {"env": "MOBILE_MONEY_SECRET"},
    }
    filled: dict[str, Any] = {
        k: Hidden(VALUES[v["env"]]) if isinstance(v, dict) else v for k, v in (known | more).items()
    }
    return MobileMoneyGateway(MobileMoneySettings(**filled))


def payment(profile: str, minor: int = 50_000, number: str = "", currency: str = "") -> Payment:
    """One payment to the profile's first number."""
    account = Account("msisdn", number or NUMBERS[profile].format(1))
    return Payment(
        id="5f0c2d5e-0000-4000-8000-000000000001", number=1, invoice="inv-1", entitlement="child/2026-11/b1/",
        beneficiary="b1", name="Amina Nakato", account=account, amount=Money(minor, currency or CURRENCY[profile]),
        programme="child", cycle="2026-11", instalment="", reference="", channel=profile, extra={},
    )  # fmt: skip


def ctx(attempt: int = 1, name: str = "") -> Ctx:
    return Ctx("test", "child/2026-11/b1/", 1, attempt, NOW, name)


def pay(profile: str, minor: int = 50_000, **more: Any) -> Ask:
    """The ask that moves the money."""
    said = next(gateway(profile, **more).execute_payment(payment(profile, minor), ctx()))
    assert isinstance(said, Ask)
    return said


def read(
    profile: str, ask: Ask, status: int, body: Any, to: To = "ask", path: str = "", headers: Any = None, **more: Any
) -> Verdict:  # fmt: skip
    """The verdict on a reply to `ask`."""
    asked = ask.find_out if to == "find_out" and ask.find_out is not None else ask.request
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway(profile, **more).parse_response(ask, Reply(status, headers or {}, raw, to, path or asked.path))


def stops(verdict: Verdict) -> tuple[str, bool, bool]:
    """(class name, stops the channel, ends the key)."""
    refused = isinstance(verdict, Refused)
    return type(verdict).__name__, refused and verdict.stops_channel, refused and verdict.final  # type: ignore[union-attr]
