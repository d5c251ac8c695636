"""A good gateway for the tiny provider: two asks per payment, everything that a rail can declare, every law kept."""

from __future__ import annotations

import hmac
from collections.abc import Generator
from typing import Any

import attrs
import httpx

from gateway_core.contract import (
    Account,
    Arrival,
    Ask,
    Balance,
    Balances,
    Callback,
    Capabilities,
    Checks,
    Ctx,
    Done,
    Gateway,
    Hidden,
    Money,
    NotFound,
    Objection,
    Paid,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Request,
    Settings,
    Unknown,
    Verdict,
    Waiting,
    path,
)  # fmt: skip

from .simulator import sign

REFUSALS = {"refused_by_provider": "the provider refused it", "insufficient_funds": "no cover"}


@attrs.frozen(kw_only=True)
class TinySettings(Settings):
    """`callback_url`: where the provider calls back; it signs with `secret`."""

    callback_url: str = ""
    api_key: Hidden
    secret: Hidden


class Key(httpx.Auth):
    """Brings the API key."""

    def __init__(self, key: Hidden) -> None:
        self.key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Key {self.key.reveal()}"
        yield request


class TinyGateway(Gateway[TinySettings]):
    """The good one. The broken ones override a piece of it each."""

    name = "tiny"
    test_only = True
    capabilities = Capabilities(
        finds_out=True, callbacks=True, dedupes=True, dedupe_window=3600, settle=0.2, ask_after=0.1, ask_at_most=0.5,
        patience=600.0,
    )  # fmt: skip

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        person = yield self.look_up(payment, ctx)
        if isinstance(person, Refused):
            return person
        done = yield self.pay(payment, ctx)
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def look_up(self, payment: Payment, ctx: Ctx) -> Ask:
        return Ask("look up", Request("GET", path("people", payment.account.value)))

    def pay(self, payment: Payment, ctx: Ctx) -> Ask:
        key = ctx.new_id("pay")
        request = Request("POST", "/transfers", json=self.order(payment), headers={"Tiny-Key": key}, key=key)
        find_out = Request("GET", path("transfers", key), key=key)
        return Ask("pay", request, moves_money=True, find_out=find_out)

    def order(self, payment: Payment) -> dict[str, Any]:
        said = {"to": payment.account.value, "minor": payment.amount.minor, "currency": payment.amount.currency}
        return {**said, "call": self.settings.callback_url}

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        found = yield Ask("look up", Request("GET", path("people", account.value)))
        return [Objection(found.code, found.reason)] if isinstance(found, Refused) else []

    def check_balance(self, ctx: Ctx) -> Balances:
        found = yield Ask("funds", Request("GET", "/funds"))
        if isinstance(found, Refused):
            return None
        return Balance(Money(int(found.body["minor"]), str(found.body["currency"])))

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        said = reply.json()
        if ask.name == "look up":
            asked = ask.request.path.rpartition("/")[2]
            known = reply.status == 200 and said.get("account") == asked and said.get("known") is True
            return Done({"known": True}) if known else Unknown("nobody was named")
        if ask.name == "funds":
            good = reply.status == 200 and type(said.get("minor")) is int and isinstance(said.get("currency"), str)
            return Done({"minor": said["minor"], "currency": said["currency"]}) if good else Unknown("no funds named")
        return self.transfer(ask, reply, said)

    def transfer(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        if said.get("id") != ask.request.key:
            return Unknown("about another transfer")
        if reply.to == "find_out" and (reply.status, said.get("status")) == (404, "not_found"):
            return NotFound()
        if any(said.get(part) != ask.request.json[part] for part in ("to", "minor", "currency")):
            return Unknown("about another amount or account")
        return self.decided(ask, reply, said)

    def decided(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        status, code = said.get("status"), said.get("code")
        if status == "paid" and reply.status in (200, 201):
            return Done({"receipt": ask.request.key[:8]})
        if status == "pending" and reply.status in (200, 202):
            return Waiting()
        if status == "refused" and reply.status in (200, 422) and isinstance(code, str) and code in REFUSALS:
            return Refused(code, REFUSALS[code])
        return Unknown(f"{reply.status} {status}")

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        key = Reply(200, {}, arrival.body).json().get("id")
        if not isinstance(key, str) or not key:
            return None
        proof = sign(self.settings.secret.reveal(), arrival.body).encode()
        return Callback(key, hmac.compare_digest(proof, arrival.headers.get("tiny-signature", "").encode()))

    def auth(self) -> httpx.Auth:
        return Key(self.settings.api_key)
