"""MTN MoMo Disbursement: 202 for every transfer that is taken; the outcome by a callback, once, or by asking."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.contract import Money
from gateway_core.testing.ledger import Entry, Order

from .common import Route_, Simulator, account_of, body_of, digits_of, minor, reply

ROOT = "/disbursement/v1_0"
STATUS = {"paid": "SUCCESSFUL", "pending": "PENDING", "refused": "FAILED", "reversed": "SUCCESSFUL"}
REASONS = {
    "no_such_account": "PAYEE_NOT_FOUND", "insufficient_funds": "NOT_ENOUGH_FUNDS",
    "limit_exceeded": "PAYEE_NOT_ALLOWED_TO_RECEIVE", "cancelled": "TRANSACTION_CANCELED",
}  # fmt: skip
# The sandbox's numbers fail with reasons of their own; 453 and 454 are pending for a while.
SANDBOX = {
    "46733123450": "", "46733123451": "REJECTED", "46733123452": "EXPIRED", "46733123455": "NOT_ENOUGH_FUNDS",
    "46733123456": "PAYER_LIMIT_REACHED", "46733123457": "PAYEE_NOT_FOUND", "46733123458": "NOT_ALLOWED",
    "46733123459": "NOT_ALLOWED_TARGET_ENVIRONMENT", "46733123460": "INVALID_CALLBACK_URL_HOST",
    "46733123461": "INVALID_CURRENCY", "46733123462": "INTERNAL_PROCESSING_ERROR",
    "46733123463": "SERVICE_UNAVAILABLE", "46733123464": "TRANSFER_TYPE_UNKNOWN",
}  # fmt: skip
LATER = ("46733123453", "46733123454")
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class MtnSimulator(Simulator):
    """See the module."""

    def routes(self) -> list[Route_]:
        return [
            ("POST", "/disbursement/token/", self.token),
            ("POST", ROOT + "/transfer", self.transfer),
            ("GET", ROOT + "/transfer/{key}", self.found),
            ("GET", ROOT + "/accountholder/msisdn/{number}/active", self.active),
            ("GET", ROOT + "/accountholder/msisdn/{number}/basicuserinfo", self.whose),
            ("GET", ROOT + "/account/balance", self.balance),
        ]

    def stranger(self, request: Request) -> Response | None:
        if not request.headers.get("ocp-apim-subscription-key"):
            return reply({"statusCode": 401, "message": "Access denied due to missing subscription key."}, 401)
        if request.url.path.startswith("/disbursement/token"):
            return None if request.headers.get("authorization", "").startswith("Basic ") else reply({}, 401)
        if not self.doors.open(request.headers.get("authorization", "")):
            return reply({"error": "login_required"}, 401)
        return None

    async def token(self, request: Request) -> Response:
        if await request.body():
            return reply({"error": "a body"}, 400)
        return reply({"access_token": self.doors.give(), "token_type": "access_token", "expires_in": self.doors.life})

    async def transfer(self, request: Request) -> Response:
        said, key = await body_of(request), request.headers.get("x-reference-id", "")
        target = request.headers.get("x-target-environment")
        try:
            order = self._order(said, key, request.headers.get("x-callback-url", ""))
        except (ValueError, KeyError, TypeError):
            return reply({"code": "BAD_REQUEST", "message": "not to the specification"}, 400)
        if not target:
            return reply({"code": "NOT_ALLOWED_TARGET_ENVIRONMENT", "message": "no target environment"}, 500)
        return await self.take(request, order)

    def _order(self, said: dict[str, Any], key: str, callback: str) -> Order:
        notes = [said["payerMessage"], said["payeeNote"]]
        if not _UUID4.fullmatch(key) or not all(re.fullmatch(r"[A-Za-z0-9 .-]{1,160}", note) for note in notes):
            raise ValueError(key)
        number, currency = said["payee"]["partyId"], said["currency"]
        if said["payee"]["partyIdType"] != "MSISDN" or not re.fullmatch(r"[1-9]\d{7,14}", number):
            raise ValueError(number)
        account = account_of(number)
        if number in SANDBOX or number in LATER:
            account = f"fault-{'refused' if number in SANDBOX else 'pending-then-paid'}.{number}"
        reference = said["externalId"]
        return Order(
            key, reference, reference, "msisdn", account, minor(said["amount"], currency), currency,
            callback_url=callback,
        )  # fmt: skip

    def refuses_at_once(self, entry: Entry) -> bool:
        return False

    def sent(self, entry: Entry) -> Response:
        return reply(None, 202)

    def duplicate(self, entry: Entry) -> Response:
        return reply({"code": "RESOURCE_ALREADY_EXIST", "message": "Duplicated reference id."}, 409)

    def refusal(self, entry: Entry, code: str) -> Response:
        return reply({"code": REASONS.get(code, "PAYEE_NOT_FOUND"), "message": "refused"}, 500)

    def _json(self, entry: Entry, says: str = "") -> dict[str, Any]:
        order, status = entry.order, says or entry.status
        number = digits_of(order.account)
        said: dict[str, Any] = {
            "amount": Money(order.amount, order.currency).text, "currency": order.currency,
            "externalId": order.reference, "payee": {"partyIdType": "MSISDN", "partyId": number},
            "payerMessage": "x", "payeeNote": "x", "status": STATUS[status],
        }  # fmt: skip
        if status == "paid":
            said["financialTransactionId"] = entry.receipt
        reason = SANDBOX.get(number, REASONS.get(entry.code, "COULD_NOT_PERFORM_TRANSACTION"))
        return said | ({"reason": {"code": reason, "message": "x"}} if status == "refused" and reason else {})

    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        return "PUT", self._json(entry, says)

    async def found(self, request: Request) -> Response:
        entry = await self.find(request, request.path_params["key"])
        if entry is None:
            return reply({"code": "RESOURCE_NOT_FOUND", "message": "Requested resource was not found."}, 404)
        return reply(self._json(entry))

    async def active(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not await self.ledger.run(self.provider.exists, "msisdn", account_of(number)):
            return reply({"code": "RESOURCE_NOT_FOUND", "message": "no such account holder"}, 404)
        return reply({"result": True})

    async def whose(self, request: Request) -> Response:
        given, _, family = self.names.get(request.path_params["number"], "Amina Nakato").partition(" ")
        return reply({"given_name": given, "family_name": family, "status": "ACTIVE"})

    async def balance(self, request: Request) -> Response:
        available = await self.ledger.run(self.provider.ledger.available, "UGX")
        return reply({"availableBalance": Money(available, "UGX").text, "currency": "UGX"})
