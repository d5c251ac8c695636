"""The GSMA Mobile Money API 1.2 and 1.1.2: disbursements (the key is X-CorrelationID, a UUID).

A payment is found out by `GET /responses/{key}`, whose link leads to the transaction, or to the error that it came to.
"""

# ruff: noqa: I001 - one name per line would make this page longer than what it says
from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import attrs
import httpx

from gateway_core.contract import (
    Ask, Done, NotFound, NotTaken, Payment, Refused, Reply, Request, Returned, Secret, Unknown, Verdict, Waiting, path,
)  # fmt: skip

from ..amounts import plain_amount, same_amount
from ..codes import PERHAPS_A_PROXY, meaning, retry_after, table
from ..gsma_links import link, uuid
from ..gsma_more import read_page, read_reversal
from ..profile import USUAL, Profile, get

CODES = {
    (row.where.casefold(), row.code.casefold()): row for row in table("gsma_errors.csv", "errorCode", "errorCategory")
}
# `transactionStatus` is free text in the schema: what is not listed here decides nothing.
PAID = frozenset({"completed", "successful", "success"})
REFUSED = frozenset({"failed", "rejected", "declined", "cancelled", "canceled", "expired"})
RETURNED = frozenset({"reversed", "refunded"})
PENDING = frozenset({"pending", "accepted", "created", "initiated", "processing", "in progress", "inprogress"})


class Gsma(Profile):
    """`institution_account` is `key@value` (up to three, joined with $), or an accountid."""

    capabilities = attrs.evolve(USUAL, ask_after=5.0, ask_at_most=600.0)
    needs = ("institution_account",)
    number = "+e164"

    def headers(self, **more: str) -> dict[str, Any]:
        """On every request; the date comes when it is sent."""
        found: dict[str, Any] = {"Accept-Charset": "utf-8"}
        if self.settings.client_id:
            found["X-Client-Id"] = self.settings.client_id
        if self.settings.api_key:
            found["X-API-Key"] = Secret("api_key")
        return found | more

    def ours(self) -> list[dict[str, str]]:
        """The institution's account, as a party."""
        pairs = [part.rpartition("@") for part in self.settings.institution_account.split("$")]
        return [{"key": key or "accountid", "value": value} for key, _, value in pairs]

    def pay(self, payment: Payment, number: str, key: str) -> Ask:
        """201: a transaction; 202: its outcome comes by callback or by polling, as the provider chooses."""
        headers = self.headers(**{"X-CorrelationID": key})
        if self.settings.callback_url:
            headers["X-Callback-URL"] = self.called_at(key)
        transaction = {
            "amount": plain_amount(payment.amount), "currency": payment.amount.currency,
            "debitParty": self.ours(), "creditParty": [{"key": "msisdn", "value": number}],
            "requestingOrganisationTransactionReference": payment.id, "descriptionText": self.settings.note[:160],
        }  # fmt: skip
        return Ask(
            "pay",
            Request("POST", "/transactions/type/disbursement", json=transaction, headers=headers, key=key),
            moves_money=True,
            find_out=self._responses(key),
        )

    def _responses(self, key: str) -> Request:
        return get(path("responses", key), self.headers(), key)

    def read_payment(self, ask: Ask, reply: Reply) -> Verdict:
        """Which of the answers it is, the path tells: of the payment itself, /responses, /requeststates, or a link."""
        said, place = reply.json(), reply.path.split("/")[1:2]
        if reply.headers.get("x-correlationid", ask.request.key).lower() != ask.request.key:
            return Unknown("the answer is about another request")
        if reply.to == "ask":
            return self._sent(ask, reply, said)
        if place == ["responses"]:
            return self._response(reply, said)
        if place == ["requeststates"]:
            return self._state(ask, reply, said)
        if reply.status != 200:
            return Unknown(f"status {reply.status}")
        return self.error(said, reply, of_key=True) if "errorCategory" in said else self._transaction(ask, said)

    def _sent(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        if reply.status in (200, 201) and "transactionStatus" in said:
            return self._transaction(ask, said)
        if reply.status == 202:
            return self._accepted(ask, said)
        return self.refusal(reply)

    def refusal(self, reply: Reply) -> Verdict:
        """What an answer to a request that changes something means, when it is none of those that take it."""
        said = reply.json()
        if reply.status == 429:
            return NotTaken(retry_after(reply))
        if reply.status == 401 and "errorCategory" not in said:
            return Refused("unauthorised", "the credentials are refused, also fresh ones", stops_channel=True)
        if reply.status < 400:
            return Unknown(f"status {reply.status}")
        return self.error(said, reply, of_key=False)

    def _accepted(self, ask: Ask, said: dict[str, Any]) -> Verdict:
        if str(said.get("status")).casefold() not in ("pending", "completed", "failed"):
            return Unknown("202 without a request state")
        polls = said.get("notificationMethod") == "polling" and uuid(said.get("serverCorrelationId"))
        if not polls:
            return Waiting()
        limit = said.get("pollLimit")
        there = get(path("requeststates", polls), self.headers(), ask.request.key)
        return Waiting(there, ask_next_limit=limit if isinstance(limit, int) and limit > 0 else 0)

    def _response(self, reply: Reply, said: dict[str, Any]) -> Verdict:
        if reply.status == 404 and str(said.get("errorCategory")).casefold() == "identification":
            return NotFound()
        if reply.status != 200 or not said.get("link"):
            return Unknown(f"status {reply.status} to the question for a response")
        found = link(self.settings.base_url, said["link"])
        return Waiting(get(found, self.headers())) if found else Unknown(f"refused to follow {said['link']!r}"[:200])

    def _state(self, ask: Ask, reply: Reply, said: dict[str, Any]) -> Verdict:
        """A state that is gone proves nothing: back to /responses."""
        if reply.status == 404:
            return Waiting(self._responses(ask.request.key))
        if reply.status != 200 or not reply.path.endswith(f"/{said.get('serverCorrelationId')}"):
            return Unknown(f"status {reply.status} to the question for a state, or another state")
        status = str(said.get("status")).casefold()
        error = said.get("error") or said.get("errorReference")
        if status == "failed" and isinstance(error, dict):
            return self.error(error, reply, of_key=True)
        if status == "pending":
            return Waiting()
        if status not in ("completed", "failed"):
            return Unknown(f"request state {status!r}")
        # It has no amount and no account: only the transaction proves a payment.
        found = link(self.settings.base_url, said.get("objectReference"), "transactions")
        return Waiting(get(found, self.headers())) if found else Waiting(self._responses(ask.request.key))

    def _transaction(self, ask: Ask, said: dict[str, Any]) -> Verdict:
        if ask.name == "reverse":
            return read_reversal(said)
        order = ask.request.json
        if str(said.get("type") or "disbursement").casefold() != "disbursement":
            return Unknown(f"a transaction of another type: {said['type']!r}"[:200])
        reference = said.get("requestingOrganisationTransactionReference")
        if reference not in (None, "", order["requestingOrganisationTransactionReference"]):
            return Unknown("the transaction has another reference")
        about = same_amount(said.get("amount"), order["amount"]) and said.get("currency") == order["currency"]
        if not about or not _credited(said.get("creditParty"), order["creditParty"][0]):
            return Unknown("the transaction has another amount or account")
        status, number = str(said.get("transactionStatus")).casefold(), str(said.get("transactionReference") or "")
        if status in PAID:
            return Done({"reference": number}) if number else Unknown("completed, without a reference")
        if status in REFUSED:
            return Refused(status, f"the operator says {status}")
        if status in RETURNED:
            return Returned(number, f"the operator says {status}")
        return Waiting() if status in PENDING else Unknown(f"transactionStatus {status!r}")

    def error(self, said: dict[str, Any], reply: Reply, *, of_key: bool) -> Verdict:
        """By its category first: a refusal may come with status 500."""
        pair = str(said.get("errorCategory")).casefold(), str(said.get("errorCode")).casefold()
        row, text = CODES.get(pair), str(said.get("errordescription") or said.get("errorDescription") or "")
        if row is not None and row.money_class == "context" and (of_key or reply.status not in PERHAPS_A_PROXY):
            return Refused(row.code, f"payee or payer unknown: {text}")
        if (
            row is not None
            and row.code == "clientAuthorisationError"
            and not of_key
            and reply.status not in PERHAPS_A_PROXY
        ):
            return Refused(row.code, "the credentials are refused, also fresh ones", stops_channel=True)
        return meaning(row, f"{reply.status} {'/'.join(pair)} {text}".strip(), reply, of_key=of_key)

    def status(self, number: str) -> Ask:
        return Ask("account", get(path("accounts", "msisdn", number, "status"), self.headers()))

    def name(self, number: str) -> Ask:
        return Ask("name", get(path("accounts", "msisdn", number, "accountname"), self.headers()))

    def balance(self) -> Ask:
        ours = self.ours()
        one = (ours[0]["key"], ours[0]["value"]) if len(ours) == 1 else (self.settings.institution_account,)
        return Ask("balance", get(path("accounts", *one, "balance"), self.headers()))

    def read_question(self, ask: Ask, reply: Reply) -> Verdict:
        said = reply.json()
        if ask.name.startswith("statement"):
            return read_page(reply)
        if ask.name == "account" and reply.status == 404 and said.get("errorCategory"):
            return Refused("no_such_account", "the operator knows no account with this number")
        if reply.status != 200:
            return Unknown(f"status {reply.status}")
        if ask.name == "account":
            return _active(str(said.get("accountStatus")).casefold())
        if ask.name == "name":
            return Done({"name": _name(said.get("name"))})
        available, currency = said.get("availableBalance") or said.get("currentBalance"), said.get("currency")
        return Done({"available": available, "currency": currency}) if available and currency else Unknown("no balance")

    def token_request(self) -> httpx.Request | None:
        """OAuth 2 client credentials, where a `token_url` is configured; otherwise HTTP Basic."""
        if not self.settings.token_url:
            return None
        headers = {"Authorization": self.basic(), "Content-Type": "application/x-www-form-urlencoded"}
        return httpx.Request("POST", self.settings.token_url, headers=headers, content=b"grant_type=client_credentials")

    def sign(self, request: httpx.Request) -> None:
        """The date; Basic credentials where there is no token."""
        now = datetime.now(UTC)
        http = self.settings.date_header == "http"
        request.headers["X-Date"] = (
            format_datetime(now, usegmt=True) if http else now.isoformat(timespec="milliseconds")
        )
        if self.settings.client_secret and not self.settings.token_url:
            request.headers["Authorization"] = self.basic()


def _credited(said: object, wanted: dict[str, str]) -> bool:
    """Whether the payee is among the parties; with or without the plus sign, it is the same number."""
    parties = [party for party in said if isinstance(party, dict)] if isinstance(said, list) else []
    value = wanted["value"].lstrip("+")
    return any(party.get("key") == wanted["key"] and str(party.get("value")).lstrip("+") == value for party in parties)


def _active(status: str) -> Verdict:
    if status == "unregistered":
        return Refused("no_such_account", "nobody is registered with this number")
    known = {"available": True, "unavailable": False}
    return Done({"active": known[status]}) if status in known else Unknown(f"accountStatus {status!r}")


def _name(name: object) -> str:
    said = name if isinstance(name, dict) else {}
    parts = [str(said.get(part) or "") for part in ("firstName", "middleName", "lastName")]
    return str(said.get("fullName") or " ".join(filter(None, parts)))
