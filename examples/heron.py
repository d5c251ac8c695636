"""Heron Pay, an invented wallet: the gateway that docs/plugin-guide.md writes step by step."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import attrs
import httpx

from gateway_core.contract import (
    Account,
    Ask,
    Balance,
    Balances,
    Capabilities,
    Checks,
    Ctx,
    Done,
    Gateway,
    Hidden,
    NotFound,
    NotTaken,
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
    read_money,
)

# Final, by the manual's table: not paid, and never will be. E99 ("internal error") is not here, so it decides nothing.
REFUSALS = {"E21": "this number has no wallet", "E22": "above the wallet's limit"}
# Also final, but no fault of the payee's: the channel stops before the same befalls everybody else.
OURS = {"E30": "the programme's float is too low"}


@attrs.frozen(kw_only=True)
class HeronSettings(Settings):
    """`api_key`: from the provider's portal."""

    api_key: Hidden


class HeronGateway(Gateway[HeronSettings]):
    """Pays to Heron's wallets, by telephone number."""

    name = "heron"
    contract = 1
    capabilities = Capabilities(
        finds_out=True,
        dedupes=True,
        dedupe_window=7 * 86_400 - 3600,
        settle=60.0,
        ask_after=10.0,
        patience=2 * 86_400.0,
        max_concurrency=4,
    )

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """PUT /orders/{order_id}; GET asks what became of it."""
        if payment.account.type != "msisdn":
            return Refused("not_a_number", "Heron pays to telephone numbers")
        key = ctx.new_id("order")
        order = {
            "msisdn": payment.account.value,
            "amount": payment.amount.text,
            "currency": payment.amount.currency,
            "purpose": payment.id,
        }
        done = yield Ask(
            "order",
            Request("PUT", path("orders", key), json=order, key=key),
            moves_money=True,
            find_out=Request("GET", path("orders", key), key=key),
        )
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """GET /subscribers/{msisdn}"""
        found = yield Ask("subscriber", Request("GET", path("subscribers", account.value)))
        return [Objection(found.code, found.reason)] if isinstance(found, Refused) else []

    def check_balance(self, ctx: Ctx) -> Balances:
        """GET /float"""
        found = yield Ask("float", Request("GET", "/float"))
        money = read_money(found.body["balance"], found.body["currency"]) if isinstance(found, Done) else None
        return Balance(money) if money else None

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """What the manual's tables say of this reply."""
        return about_order(ask, reply) if ask.moves_money else about_question(ask, reply)

    def auth(self) -> httpx.Auth:
        """Brings the key."""
        return ApiKey(self.settings.api_key)


def about_order(ask: Ask, reply: Reply) -> Verdict:
    """Was the request let in? Whose answer is it? Was it taken? Only then: what does it say?"""
    said = reply.json()
    if reply.to == "ask" and (reply.status, said.get("error")) == (401, "E01"):
        return Refused("E01", "the API key is wrong", stops_channel=True)
    if said.get("order_id") != ask.request.key:
        return Unknown(f"{reply.status}, not about this order")
    if reply.to == "ask" and (reply.status, said.get("error")) == (429, "SLOW_DOWN"):
        return NotTaken(retry_after=1.0)
    if reply.to == "find_out" and (reply.status, said.get("error")) == (404, "NO_ORDER"):
        return NotFound()
    return _decided(said) if _same_money(said, ask.request.json) else Unknown("about another amount or account")


def _same_money(said: Mapping[str, Any], order: Mapping[str, Any]) -> bool:
    ours, theirs = (read_money(one.get("amount"), one.get("currency")) for one in (order, said))
    return theirs is not None and ours == theirs and said.get("msisdn") == order["msisdn"]


def _decided(said: Mapping[str, Any]) -> Verdict:
    state, receipt, error = said.get("state"), said.get("receipt"), str(said.get("error"))
    if state == "COMPLETED" and isinstance(receipt, str) and receipt:
        return Done({"receipt": receipt})
    if state == "QUEUED":
        return Waiting()
    if state == "REJECTED" and error in REFUSALS:
        return Refused(error, REFUSALS[error])
    if state == "REJECTED" and error in OURS:
        return Refused(error, OURS[error], stops_channel=True, final=True)
    return Unknown(f"state {state}, error {error}")


def about_question(ask: Ask, reply: Reply) -> Verdict:
    """Nothing moves here, so a listed code or a whole answer is enough."""
    said = reply.json()
    if ask.name == "subscriber" and (reply.status, said.get("error")) == (404, "E21"):
        return Refused("E21", REFUSALS["E21"])
    if ask.name == "subscriber" and reply.status == 200 and said.get("active") is True:
        return Done()
    if ask.name == "float" and reply.status == 200 and read_money(said.get("balance"), said.get("currency")):
        return Done({"balance": said["balance"], "currency": said["currency"]})
    return Unknown(f"status {reply.status}")


class ApiKey(httpx.Auth):
    """Heron's X-Api-Key."""

    def __init__(self, key: Hidden) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put it on, at the time of sending."""
        request.headers["X-Api-Key"] = self._key.reveal()
        yield request
