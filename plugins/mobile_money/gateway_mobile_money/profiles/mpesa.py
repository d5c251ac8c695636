"""M-Pesa B2C v3 (Safaricom Daraja). The key is OriginatorConversationID; everything but the token is asynchronous.

A payment's outcome is posted to ResultURL, unsigned: it prompts a status query. The query is acknowledged, and answered
by a post to an address of its own, which serves one question for a few minutes; that answer counts (law 8).
"""

# ruff: noqa: I001 - one name per line would make this page longer than what it says
from __future__ import annotations

import re
from typing import Any

import attrs
import httpx

from gateway_core.contract import (
    Ask, Done, NotFound, NotTaken, Payment, Refused, Reply, Request, Secret, Unknown, Verdict, Waiting, path,
)  # fmt: skip

from ..addresses import Called
from ..amounts import plain_amount, same_amount
from ..codes import PERHAPS_A_PROXY, Code, meaning, retry_after, table
from ..profile import USUAL, Profile

CODES = table("mpesa_b2c_codes.csv", "code", "kind")
# What `TransactionStatus` in the answer to a query says.
STATUSES = {
    "completed": "paid", "failed": "refused", "cancelled": "refused", "declined": "refused", "expired": "refused",
    "pending": "waiting", "authorized": "waiting", "initiated": "waiting", "in progress": "waiting",
}  # fmt: skip
# A query's answer that comes later than this may describe an earlier moment: it only prompts another query.
FRESH = 300.0


def _code(code: str, kind: str) -> Code | None:
    return next((row for row in CODES if row.code == code and row.where == kind), None)


class Mpesa(Profile):
    """`institution_account` is the B2C short code; money leaves its Utility account."""

    capabilities = attrs.evolve(USUAL, ask_after=120.0, ask_limit=24)
    needs = (
        "institution_account", "client_id", "client_secret", "initiator", "initiator_password", "certificate",
        "callback_url",
    )  # fmt: skip
    currencies = frozenset({"KES"})
    whole_units = True
    # No number plan tells: in Kenya numbers move between operators.
    operator = "Safaricom"
    token_ends_others = True

    def stale(self, status: int, body: bytes) -> bool:
        """Invalid tokens come with 400, 401 and 404, and a code of their own. Another refusal sends nothing again."""
        row = _code(str(Reply(status, {}, body, "ask", "").json().get("errorCode") or ""), "sync errorCode")
        return status == 401 or (status in (400, 404) and row is not None and "token" in row.meaning)

    def pay(self, payment: Payment, number: str, key: str) -> Ask:
        """Acknowledged with ResponseCode 0: queued, nothing more."""
        order = {
            "OriginatorConversationID": key, "InitiatorName": self.settings.initiator,
            "SecurityCredential": Secret("security_credential"), "CommandID": self.settings.command,
            "Amount": int(plain_amount(payment.amount)), "PartyA": self.settings.institution_account, "PartyB": number,
            "Remarks": self._remarks(), "QueueTimeOutURL": self.called_at(key, "late"),
            "ResultURL": self.called_at(key), "Occassion": payment.id,
        }  # fmt: skip
        return Ask(
            "pay",
            Request("POST", path("mpesa", "b2c", "v3", "paymentrequest"), json=order, key=key),
            moves_money=True,
            find_out=self._query(key),
        )

    def _query(self, key: str) -> Request:
        answer_to = self.called_at(key, "answer", asked=True)
        query = {
            "Initiator": self.settings.initiator, "SecurityCredential": Secret("security_credential"),
            "CommandID": "TransactionStatusQuery", "OriginalConversationID": key,
            "PartyA": self.settings.institution_account, "IdentifierType": "4", "ResultURL": answer_to,
            "QueueTimeOutURL": self.called_at(key, "late"), "Remarks": self._remarks(), "Occasion": "status",
        }  # fmt: skip
        return Request("POST", path("mpesa", "transactionstatus", "v1", "query"), json=query, key=key)

    def _remarks(self) -> str:
        return re.sub(r"[^A-Za-z0-9 .-]", "", self.settings.note)[:100].ljust(2, ".")

    def authentic(self, called: Called, received_at: float) -> bool:
        """Only the answer to our own query, soon after it was asked."""
        return called.purpose == "answer" and -FRESH < received_at - called.asked_at < FRESH

    def read_payment(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.to == "callback":
            return self._answer(ask, reply.json().get("Result"), reply)
        said = reply.json()
        taken = str(said.get("ResponseCode") or "").strip("0") == "" and bool(said.get("ResponseCode"))
        if reply.to == "find_out":
            acknowledged = reply.status == 200 and taken
            return Waiting(by_callback=True) if acknowledged else Unknown(f"{reply.status} {said.get('errorCode', '')}")
        if reply.status == 200 and taken:
            same = said.get("OriginatorConversationID") == ask.request.key
            return Waiting() if same else Unknown("the acknowledgement is about another payment")
        return self._refusal(said, reply)

    def _refusal(self, said: dict[str, Any], reply: Reply) -> Verdict:
        """Errors come with any status, 200 too."""
        code, text = str(said.get("errorCode") or ""), str(said.get("errorMessage") or "")
        row = _code(code, "sync errorCode")
        if reply.status == 429:
            return NotTaken(retry_after(reply))
        if row is not None and "token" in row.meaning and reply.status not in PERHAPS_A_PROXY:
            return Refused(code, f"also a fresh token is refused: {text}", stops_channel=True)
        return meaning(row, f"{reply.status} {code} {text}".strip(), reply, of_key=False)

    def _answer(self, ask: Ask, result: object, reply: Reply) -> Verdict:
        """The outer ResultCode is about the query; what became of the payment stands inside."""
        if not isinstance(result, dict):
            return Unknown("no result")
        if str(result.get("ResultCode")) != "0":
            code = str(result.get("ResultCode"))
            known = code in self.settings.not_found_codes
            return NotFound() if known else Unknown(f"the query failed: {code} {result.get('ResultDesc', '')}"[:200])
        said, order = parameters(result), ask.request.json
        if not same_amount(_first(said, "Amount"), order["Amount"]) or not _paid_to(said, order["PartyB"]):
            return Unknown("the answer is about another amount or account")
        if _first(said, "OriginatorConversationID") not in ("", ask.request.key):
            return Unknown("the answer is about another payment")
        status = STATUSES.get(_first(said, "TransactionStatus").casefold(), "")
        if status == "paid":
            receipt = _first(said, "ReceiptNo")
            return Done({"reference": receipt}) if receipt else Unknown("completed, without a receipt")
        if status == "refused":
            return self._failed(said, reply)
        return Waiting() if status else Unknown(f"TransactionStatus {_first(said, 'TransactionStatus')!r}")

    def _failed(self, said: dict[str, list[str]], reply: Reply) -> Verdict:
        """Why, by the code of the payment's own result where the answer has it."""
        text, code = _first(said, "TransactionStatus"), _first(said, "TransactionResultCode")
        row = _code(code, "ResultCode")
        if code:
            return meaning(row, f"{text}: {code}", reply, of_key=True)
        return Refused(text, " ".join(filter(None, (text, _first(said, "ReasonType")))))

    def token_request(self) -> httpx.Request:
        url = self.at("/oauth/v1/generate?grant_type=client_credentials")
        return httpx.Request("GET", url, headers={"Authorization": self.basic()})


def parameters(result: dict[str, Any]) -> dict[str, list[str]]:
    """Key/Value pairs; a key may come twice (DebitPartyName does), and one pair may come without a list."""
    listed = (result.get("ResultParameters") or {}).get("ResultParameter") or []
    found: dict[str, list[str]] = {}
    for pair in listed if isinstance(listed, list) else [listed]:
        if isinstance(pair, dict) and pair.get("Value") is not None:
            found.setdefault(str(pair.get("Key")), []).append(str(pair["Value"]))
    return found


def _first(said: dict[str, list[str]], key: str) -> str:
    return said.get(key, [""])[0].strip()


def _paid_to(said: dict[str, list[str]], number: str) -> bool:
    """Whether one of the parties ("2547… - NAME") is the payee; digits that are masked with * agree with any."""
    parties = [value for key in ("CreditPartyName", "DebitPartyName") for value in said.get(key, [])]
    shown = [re.split(r"[ -]", party.strip())[0] for party in parties]
    return any(
        len(one) == len(number) and all(a in (b, "*") for a, b in zip(one, number, strict=True)) for one in shown
    )
