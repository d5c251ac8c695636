"""The dummy rail: one request per payment, one question about it. `docs/plugin-guide.md` writes one of its kind."""

# ruff: noqa: I001 - one name per line would make this page longer than what it teaches
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import httpx

from gateway_core.contract import (
    Account, Arrival, Ask, Balance, Balances, Callback, Capabilities, Checks, Ctx, Done, Gateway, Hidden, Money,
    Objection, Paid, Payment, PayFlow, Refused, Reply, Request, Settings, Verdict, path,
)  # fmt: skip

from . import manual
from .signing import BearerKey, is_authentic

if TYPE_CHECKING:
    from starlette.applications import Starlette


@attrs.frozen(kw_only=True)
class DummySettings(Settings):
    """`callback_url`: where the server shall call back. `currency`: that of the balance to ask for.

    `profile = "no-dedupe"` for a server that was started with --no-dedupe.
    """

    institution_account: str = "dummy-institution"
    currency: str = "UGX"
    callback_url: str = ""
    callback_secret: Hidden | None = None
    api_key: Hidden | None = None


class DummyGateway(Gateway[DummySettings]):
    """Pays over the dummy server's JSON API."""

    name = "dummy_server"
    contract = 1
    test_only = True
    capabilities = Capabilities(
        finds_out=True, callbacks=True, dedupes=True, dedupe_window=86_400, settle=0.5, ask_after=0.2, ask_at_most=2.0,
        ask_limit=30, patience=20, max_concurrency=16,
    )  # fmt: skip

    def __init__(self, settings: DummySettings) -> None:
        super().__init__(settings)
        if settings.profile == "no-dedupe":
            self.capabilities = attrs.evolve(self.capabilities, dedupes=False)

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """One request moves the money; its key finds out what became of it."""
        key = ctx.new_id("pay")
        order = {
            "key": key, "reference": payment.id, "entitlement": payment.entitlement, "name": payment.name,
            "account": {"type": payment.account.type, "value": payment.account.value},
            "amount": payment.amount.minor, "currency": payment.amount.currency,
        }  # fmt: skip
        if self.settings.callback_url:
            order["callback_url"] = self.settings.callback_url
        done = yield Ask(
            "pay",
            Request("POST", "/payments", json=order, key=key, headers={"Idempotency-Key": key}),
            moves_money=True,
            find_out=Request("GET", path("payments", key), key=key),
        )
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """Ask whether the account exists."""
        found = yield Ask("account", Request("GET", path("accounts", account.type, account.value)))
        return [Objection(found.code, found.reason)] if isinstance(found, Refused) else []

    def check_balance(self, ctx: Ctx) -> Balances:
        """Ask what the institution can pay out."""
        query = {"currency": self.settings.currency}
        found = yield Ask("balance", Request("GET", path("balances", self.settings.institution_account), query=query))
        if isinstance(found, Refused):
            return None
        return Balance(Money(int(found.body["available"]), str(found.body["currency"])))

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """What the manual's tables say about this reply, if it is about this payment."""
        return manual.about_payment(ask, reply) if ask.moves_money else manual.about_question(ask, reply)

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """The body names the key; the signature covers the body and the time it was sent."""
        key = manual.key_of(arrival.body)
        return Callback(key, is_authentic(arrival, self.settings.callback_secret)) if key else None

    def auth(self) -> httpx.Auth | None:
        """Brings the API key, if there is one."""
        return BearerKey(self.settings.api_key) if self.settings.api_key else None

    @classmethod
    def simulator(cls) -> Callable[..., Starlette]:
        """The dummy server's application, loaded only when somebody asks for it."""
        from .server import create_app

        return create_app
