"""Pays to Mkoba wallets: POST /credits pays, POST /credits/enquiry finds out, a signed notification tells it sooner."""

from __future__ import annotations

from collections.abc import Callable
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
    Objection,
    Paid,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Request,
    Settings,
    Verdict,
    path,
    read_money,
)

from . import manual
from .proof import InSession, Session, is_authentic

COUNTRY = "255"


@attrs.frozen(kw_only=True)
class MkobaSettings(Settings):
    """`partner_id` and `partner_secret`: from the agreement, and so is `callback_secret`, the notification key."""

    partner_id: str
    partner_secret: Hidden
    callback_url: str = ""
    callback_secret: Hidden | None = None


class MkobaGateway(Gateway[MkobaSettings]):
    """Release 3.4 of the Partner Disbursement Interface."""

    name = "mkoba"
    contract = 1
    capabilities = Capabilities(
        finds_out=True,
        callbacks=True,
        dedupes=True,
        # A reference is kept for 48 hours, by their clock.
        dedupe_window=47 * 3600,
        # The enquiry lags by up to two minutes.
        settle=180.0,
        ask_after=20.0,
        # "In exceptional cases on the next banking day."
        patience=5 * 86_400.0,
        max_concurrency=4,
    )

    def __init__(self, settings: MkobaSettings) -> None:
        super().__init__(settings)
        self._session = Session()

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Move the money."""
        number = national(payment.account)
        if not number:
            return Refused("not_tanzanian", "Mkoba pays to telephone numbers of Tanzania")
        key = ctx.new_id("credit", "short")
        credit: dict[str, Any] = {
            "reference": key,
            "number": number,
            "amount": payment.amount.text,
            "currency": payment.amount.currency,
            "memo": payment.id,
        }
        if self.settings.callback_url:
            credit["notify"] = self.settings.callback_url
        done = yield Ask(
            "credit",
            Request("POST", "/credits", json=credit, key=key),
            moves_money=True,
            find_out=Request("POST", "/credits/enquiry", json={"reference": key}, key=key),
        )
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """Is there a wallet, and is it active?"""
        number = national(account)
        if not number:
            return [Objection("not_tanzanian", "Mkoba pays to telephone numbers of Tanzania")]
        found = yield Ask("customer", Request("GET", path("customers", number)))
        return [Objection(found.code, found.reason)] if isinstance(found, Refused) else []

    def check_balance(self, ctx: Ctx) -> Balances:
        """The float."""
        found = yield Ask("float", Request("GET", "/float"))
        money = read_money(found.body["available"], found.body["currency"]) if isinstance(found, Done) else None
        return Balance(money) if money else None

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """What the manual's tables say."""
        return manual.about_credit(ask, reply) if ask.moves_money else manual.about_question(ask, reply)

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """The body is the credit; the headers prove it."""
        key = manual.key_of(arrival.body)
        return Callback(key, is_authentic(arrival, self.settings.callback_secret)) if key else None

    def auth(self) -> httpx.Auth:
        """In a session."""
        made = self.settings
        return InSession(made.base_url, made.partner_id, made.partner_secret, self._session)

    @classmethod
    def simulator(cls) -> Callable[..., Any]:
        """For `gateway simulator mkoba`."""
        from .simulator import create_app

        return create_app


def national(account: Account) -> str:
    """0712345678 for 255712345678; "" for what Mkoba cannot pay to."""
    fits = account.type == "msisdn" and account.value.startswith(COUNTRY)
    return "0" + account.value.removeprefix(COUNTRY) if fits else ""
