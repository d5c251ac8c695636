"""MTN MoMo Disbursement, as momodeveloper.mtn.com describes it (v1_0 transfer; the key is X-Reference-Id, a UUID)."""

# ruff: noqa: I001 - one name per line would make this page longer than what it says
from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import attrs
import httpx

from gateway_core.contract import (
    Ask, Done, NotTaken, Payment, Refused, Reply, Request, Secret, Unfit, Unknown, Verdict, Waiting, path,
)  # fmt: skip

from ..amounts import plain_amount, same_amount
from ..codes import Code, meaning, retry_after, table
from ..profile import USUAL, Profile, get
from ..settings import MobileMoneySettings

ROOT = ("disbursement", "v1_0")
CODES = table("mtn_reasons.csv", "code", "where")
# Refusals that are told by the status alone.
BY_STATUS = {400: "(bad request)", 401: "(invalid subscription key)", 403: "(forbidden IP)"}


def _code(code: str, *places: str) -> Code | None:
    """One code may mean one thing in the answer to a transfer and another as the reason of a failed one."""
    return next((row for place in places for row in CODES if row.code == code and place in row.where), None)


class Mtn(Profile):
    """`institution_account` is not sent: the API user decides which wallet pays."""

    capabilities = attrs.evolve(USUAL, ask_after=30.0)
    needs = ("client_id", "client_secret", "subscription_key", "target_environment")
    operator = "MTN"

    def __init__(self, settings: MobileMoneySettings) -> None:
        super().__init__(settings)
        sandbox = "sandbox" in (urlsplit(settings.base_url).hostname or "")
        if sandbox != (settings.target_environment == "sandbox") and settings.base_url.startswith("https"):
            raise Unfit("base_url and target_environment disagree: one of them is the sandbox")

    def _headers(self) -> dict[str, Any]:
        return {
            "Ocp-Apim-Subscription-Key": Secret("subscription_key"),
            "X-Target-Environment": self.settings.target_environment,
        }

    def pay(self, payment: Payment, number: str, key: str) -> Ask:
        """202 with an empty body; the outcome comes by callback (once, unsigned) or by asking."""
        note = re.sub(r"[^A-Za-z0-9 .-]", "", self.settings.note)[:160] or "payment"
        headers = {**self._headers(), "X-Reference-Id": key}
        if self.settings.callback_url:
            headers["X-Callback-Url"] = self.called_at(key)
        transfer = {
            "amount": plain_amount(payment.amount), "currency": payment.amount.currency, "externalId": payment.id,
            "payee": {"partyIdType": "MSISDN", "partyId": number}, "payerMessage": note, "payeeNote": note,
        }  # fmt: skip
        return Ask(
            "pay",
            Request("POST", path(*ROOT, "transfer"), json=transfer, headers=headers, key=key),
            moves_money=True,
            find_out=get(path(*ROOT, "transfer", key), self._headers(), key),
        )

    def read_payment(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.to == "ask":
            return self._sent(reply)
        said = reply.json()
        if reply.status == 404 and _code_of(said) == "RESOURCE_NOT_FOUND":
            return meaning(_code("RESOURCE_NOT_FOUND", "GET"), "", reply, of_key=True)
        if reply.status != 200:
            return Unknown(f"status {reply.status} {_code_of(said)}")
        order = ask.request.json
        about = said.get("externalId") == order["externalId"] and same_amount(said.get("amount"), order["amount"])
        if not about or said.get("currency") != order["currency"] or said.get("payee") != order["payee"]:
            return Unknown("the answer is about another payment, amount or account")
        return self._status(said, reply)

    def _sent(self, reply: Reply) -> Verdict:
        if reply.status == 202:
            return Waiting()
        if reply.status == 429:
            return NotTaken(retry_after(reply))
        if reply.status == 401:
            return Refused("unauthorised", "also a fresh token is refused: is the subscription key right?", True)
        said = _code_of(reply.json())
        places = ("POST", "any", "status reason") if reply.status in (400, 403, 409, 500, 503) else ()
        # A code comes before the status: "duplicate" is one with any status, and a code that no table lists is unknown.
        code = said if said not in ("", "BAD_REQUEST") else BY_STATUS.get(reply.status, said)
        return meaning(_code(code, *places), f"{reply.status} {said}", reply, of_key=False)

    def _status(self, said: dict[str, Any], reply: Reply) -> Verdict:
        match said.get("status"):
            case "SUCCESSFUL":
                return Done({"reference": str(said.get("financialTransactionId") or said["externalId"])})
            case "PENDING":
                return Waiting()
            case "FAILED":
                code = _reason(said)
                if not code:
                    return Refused("FAILED", "failed, without a reason")
                return meaning(_code(code, "status reason"), f"FAILED: {code}", reply, of_key=True)
        return Unknown(f"status {said.get('status')!r}")

    def status(self, number: str) -> Ask:
        return Ask("account", get(path(*ROOT, "accountholder", "msisdn", number, "active"), self._headers()))

    def name(self, number: str) -> Ask:
        return Ask("name", get(path(*ROOT, "accountholder", "msisdn", number, "basicuserinfo"), self._headers()))

    def balance(self) -> Ask:
        return Ask("balance", get(path(*ROOT, "account", "balance"), self._headers()))

    def read_question(self, ask: Ask, reply: Reply) -> Verdict:
        # Some environments say no more than `true`.
        said = reply.json() or {"result": {b"true": True, b"false": False}.get(reply.body.strip())}
        if reply.status == 404 and ask.name == "account":
            return Refused("no_such_account", "the operator knows no account with this number")
        if reply.status != 200:
            return Unknown(f"status {reply.status}")
        if ask.name == "account":
            active = said.get("result")
            return Done({"active": active}) if isinstance(active, bool) else Unknown("neither true nor false")
        if ask.name == "name":
            return Done({"name": " ".join(str(said.get(part) or "") for part in ("given_name", "family_name")).strip()})
        available, currency = said.get("availableBalance"), said.get("currency")
        return Done({"available": available, "currency": currency}) if available and currency else Unknown("no balance")

    def token_request(self) -> httpx.Request:
        """A body in it has been a cause of 400, so there is none."""
        key = self.settings.subscription_key
        headers = {"Authorization": self.basic(), "Ocp-Apim-Subscription-Key": key.reveal() if key else ""}
        return httpx.Request("POST", self.at("/disbursement/token/"), headers={**headers, "Content-Length": "0"})


def _code_of(said: dict[str, Any]) -> str:
    return str(said.get("code") or "")


def _reason(said: dict[str, Any]) -> str:
    """A word in some environments, {code, message} in others."""
    reason = said.get("reason")
    return str(reason.get("code") or "") if isinstance(reason, dict) else str(reason or "")
