"""A new operator for the mobile money gateway: one profile and one table.

Orange Money has no public document for paying out, and each country's differs. So THE WIRE BELOW IS INVENTED: paths,
fields and codes stand for what your operator's document says. Everything else is as it would be.
"""

from __future__ import annotations

from typing import ClassVar

import httpx
from gateway_mobile_money import MobileMoneyGateway, Profile
from gateway_mobile_money.amounts import plain_amount, same_amount
from gateway_mobile_money.codes import Code, meaning, retry_after
from gateway_mobile_money.profile import get

from gateway_core.contract import Ask, Done, NotTaken, Payment, Refused, Reply, Request, Unknown, Verdict, path

# The table: the operator's code, what it means for the money, and the words for people. A code is listed as
# `final_fail` only where the document says that the payment was not made and never will be.
CODES = {
    row.code: row
    for row in (
        Code("SUCCESS", "success", "paid"),
        Code("PENDING", "pending", "in process"),
        Code("FAILED", "final_fail", "not paid"),
        Code("2000", "duplicate_lookup", "this id came before: ask what became of it"),
        Code("2020", "final_fail", "the customer has no wallet"),
        Code("2041", "final_fail_pause_batch", "the partner's wallet is empty"),
        Code("2060", "final_fail_config", "the partner may not pay out"),
        Code("4404", "not_found_recheck", "no cash-in with this id"),
    )
}


class OrangeLike(Profile):
    """What differs from other operators; `docs/mobile-money.md` goes through it."""

    needs = ("client_id", "client_secret", "institution_account")
    currencies = frozenset({"XOF"})
    number = "national"
    operator = "Orange"

    def pay(self, payment: Payment, number: str, key: str) -> Ask:
        cash_in = {
            "id": key, "partner": self.settings.institution_account, "reference": payment.id,
            "customer": {"idType": "MSISDN", "id": number},
            "amount": {"value": plain_amount(payment.amount), "unit": payment.amount.currency},
        }  # fmt: skip
        return Ask(
            "pay",
            Request("POST", path("cashins"), json=cash_in, key=key),
            moves_money=True,
            find_out=get(path("cashins", key), {}, key),
        )

    def read_payment(self, ask: Ask, reply: Reply) -> Verdict:
        said, order, found = reply.json(), ask.request.json, reply.to != "ask"
        if reply.status == 429 and not found:
            return NotTaken(retry_after(reply))
        if reply.status == 401 and not found:
            return Refused("unauthorised", "also a fresh token is refused", stops_channel=True)
        if "status" not in said:
            # Not about a cash-in: about the request, or the question. Of a question only "not found" is evidence.
            row = CODES.get(str(said.get("code")))
            absent = row is not None and row.money_class == "not_found_recheck"
            return meaning(row if absent or not found else None, f"{reply.status} {said}"[:200], reply, of_key=found)
        about = said.get("id") == ask.request.key and said.get("customer") == order["customer"]
        amount = said["amount"] if isinstance(said.get("amount"), dict) else {}
        sums = same_amount(amount.get("value"), order["amount"]["value"])
        if not about or not sums or amount.get("unit") != order["amount"]["unit"]:
            return Unknown("the answer is about another payment, amount or account")
        if reply.status in (200, 201) and said["status"] == "SUCCESS":
            return Done({"reference": str(said.get("txnId") or ask.request.key)})
        listed = CODES.get(str(said.get("reason") or said["status"])) if reply.status in (200, 201, 202) else None
        return meaning(listed, f"{reply.status} {said['status']}", reply, of_key=found)

    def balance(self) -> Ask:
        return Ask("balance", get(path("partners", self.settings.institution_account, "balance"), {}))

    def read_question(self, ask: Ask, reply: Reply) -> Verdict:
        said = reply.json()
        if reply.status != 200 or not said.get("value") or not said.get("unit"):
            return Unknown(f"status {reply.status}")
        return Done({"available": str(said["value"]), "currency": str(said["unit"])})

    def token_request(self) -> httpx.Request:
        headers = {"Authorization": self.basic(), "Content-Type": "application/x-www-form-urlencoded"}
        return httpx.Request("POST", self.at("/oauth/token"), headers=headers, content=b"grant_type=client_credentials")


class OrangeLikeGateway(MobileMoneyGateway):
    """The gateway with this operator among its profiles; your package's entry point names it."""

    name = "orange_like"
    profiles: ClassVar = {"orange": OrangeLike}
