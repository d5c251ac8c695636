"""Airtel Money disbursements v1 and v2, as three independent clients agree on them; the portal's text is not public.

The key is transaction.id, 32 hexadecimal digits. Everything is answered with HTTP 200: `response_code` decides, then
the transaction's own status, never the HTTP status or `success`.
"""

# ruff: noqa: I001 - one name per line would make this page longer than what it says
from __future__ import annotations

import re
from typing import Any

import attrs
import httpx

from gateway_core.contract import (
    Ask, Done, NotTaken, Payment, Refused, Reply, Request, Secret, Unfit, Unknown, Verdict, path,
)  # fmt: skip

from ..amounts import plain_amount
from ..codes import Code, meaning, retry_after, table
from ..profile import USUAL, Profile, get
from ..settings import MobileMoneySettings

CODES = {row.code: row for row in table("airtel_disbursement_codes.csv", "response_code")}


class Airtel(Profile):
    """`institution_account` is not sent: the client decides which wallet pays. `country` and currency are headers."""

    capabilities = attrs.evolve(USUAL, ask_after=20.0)
    needs = ("client_id", "client_secret", "pin", "public_key", "api_version")
    number = "national"
    key_form = "hex"
    operator = "Airtel"

    def __init__(self, settings: MobileMoneySettings) -> None:
        super().__init__(settings)
        if settings.api_version not in ("v1", "v2"):
            raise Unfit("api_version is neither v1 nor v2")

    def _headers(self, currency: str = "") -> dict[str, str]:
        return {"X-Country": self.settings.country} | ({"X-Currency": currency} if currency else {})

    def _root(self, *more: str) -> str:
        return path("standard", self.settings.api_version, "disbursements", *more)

    def pay(self, payment: Payment, number: str, key: str) -> Ask:
        """The amount is a number; the PIN goes encrypted."""
        second, currency = self.settings.api_version == "v2", payment.amount.currency
        amount = plain_amount(payment.amount)
        order = {
            "payee": {"msisdn": number, **({"currency": currency} if second else {})},
            "reference": re.sub(r"[^A-Za-z0-9]", "", payment.id)[:64],
            "pin": Secret("encrypted_pin"),
            "transaction": {
                "amount": float(amount) if "." in amount else int(amount), "id": key,
                **({"type": "B2C"} if second else {}),
            },
        }  # fmt: skip
        headers = self._headers(currency)
        asked = {"transactionType": "B2C"} if second else {}
        return Ask(
            "pay",
            Request("POST", self._root() + "/", json=order, headers=headers, key=key),
            moves_money=True,
            find_out=get(self._root(key), headers, key, **asked),
        )

    def read_payment(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.status == 429 and reply.to == "ask":
            return NotTaken(retry_after(reply))
        if reply.status == 401 and reply.to == "ask":
            return Refused("unauthorised", "also a fresh token is refused", stops_channel=True)
        said = reply.json()
        status, transaction = _object(said, "status"), _object(_object(said, "data"), "transaction")
        code, state = str(status.get("response_code") or ""), str(transaction.get("status") or "")
        text = f"{reply.status} {code} {state} {status.get('message') or ''}".strip()
        if reply.status != 200 or transaction.get("id") not in (None, "", ask.request.key):
            return Unknown(f"no answer about this payment: {text}"[:200])
        row, found = CODES.get(code) if code.startswith("DP") else None, reply.to != "ask"
        if row is not None and row.money_class == "success":
            return self._succeeded(transaction, text, reply, found)
        absent = row is not None and row.money_class == "not_found_recheck"
        # Without our id it may be the question that was refused.
        nameless = found and not absent and not transaction.get("id")
        if state == "TS" or nameless or _doubted(row, state):
            return Unknown(f"contradicts itself, or says not of what: {text}"[:200])
        return meaning(row, text, reply, of_key=found)

    def _succeeded(self, transaction: dict[str, Any], text: str, reply: Reply, found: bool) -> Verdict:
        """Success, read with the transaction's own status; an enquiry may succeed in finding a payment that failed."""
        beside = CODES.get(str(transaction.get("status")))
        if not transaction.get("id") or beside is None:
            return Unknown(f"success, but of what? {text}"[:200])
        if beside.money_class == "success":
            return Done({"reference": str(transaction.get("airtel_money_id") or transaction["id"])})
        if beside.money_class == "final_fail" and not found:
            return Unknown(f"contradicts itself: {text}"[:200])
        return meaning(beside, text, reply, of_key=found)

    def name(self, number: str) -> Ask:
        return Ask("name", get(path("standard", "v1", "users", number), self._headers()))

    def status(self, number: str) -> Ask:
        return Ask("account", get(path("standard", "v1", "users", number), self._headers()))

    def balance(self) -> Ask:
        return Ask("balance", get(path("standard", "v1", "users", "balance"), self._headers()))

    def read_question(self, ask: Ask, reply: Reply) -> Verdict:
        said = reply.json()
        status, data = _object(said, "status"), _object(said, "data")
        if ask.name == "account" and reply.status in (200, 404) and status.get("success") is False:
            return Refused("no_such_account", f"the operator says: {status.get('message') or 'no such user'}"[:200])
        if reply.status != 200 or status.get("success") is not True:
            return Unknown(f"status {reply.status}")
        if ask.name == "account":
            return Done({"active": data.get("is_barred") is not True})
        if ask.name == "name":
            return Done({"name": " ".join(str(data.get(part) or "") for part in ("first_name", "last_name")).strip()})
        if not data.get("balance") or not data.get("currency"):
            return Unknown("no balance")
        return Done({"available": str(data["balance"]), "currency": str(data["currency"])})

    def token_request(self) -> httpx.Request:
        secret = self.settings.client_secret
        asked = {
            "client_id": self.settings.client_id, "client_secret": secret.reveal() if secret else "",
            "grant_type": "client_credentials",
        }  # fmt: skip
        return httpx.Request("POST", self.at("/auth/oauth2/token"), json=asked)


def _doubted(row: Code | None, state: str) -> bool:
    """Whether a refusal by the code is none by the transaction's own status."""
    beside = CODES.get(state)
    refused = row is not None and row.money_class.startswith("final")
    return refused and beside is not None and beside.money_class != "final_fail"


def _object(said: dict[str, Any], key: str) -> dict[str, Any]:
    found = said.get(key)
    return found if isinstance(found, dict) else {}
