"""Airtel Money disbursements: HTTP 200 for everything that is understood, and a code that tells what it was."""

from __future__ import annotations

import base64
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.contract import Money
from gateway_core.testing.ledger import Entry, Order

from .common import Answer, Route_, Simulator, account_of, body_of, minor, reply

PREFIX = "DP00900001"
REFUSALS = {"no_such_account": "012", "insufficient_funds": "007", "limit_exceeded": "004", "cancelled": "005"}
STATUS = {"paid": "TS", "pending": "TIP", "refused": "TF", "reversed": "TS"}


class AirtelSimulator(Simulator):
    """`decrypt`: reads the PIN; what it returns must be `pin`."""

    def __init__(self, *args: Any, decrypt: Any = None, pin: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self._decrypt, self._pin = decrypt, pin

    def routes(self) -> list[Route_]:
        return [
            ("POST", "/auth/oauth2/token", self.token),
            ("POST", "/standard/{version}/disbursements/", self.pay),
            ("GET", "/standard/{version}/disbursements/{key}", self.found),
            ("GET", "/standard/v1/users/balance", self.balance),
            ("GET", "/standard/v1/users/{number}", self.user),
        ]

    def stranger(self, request: Request) -> Response | None:
        if request.url.path == "/auth/oauth2/token" or self.doors.open(request.headers.get("authorization", "")):
            return None
        return reply({"error": "unauthorized"}, 401)

    async def token(self, request: Request) -> Response:
        said = await body_of(request)
        if said.get("grant_type") != "client_credentials" or not said.get("client_secret"):
            return reply({"error": "invalid_client"}, 400)
        return reply(
            {"token_type": "bearer", "access_token": self.doors.give(), "expires_in": str(int(self.doors.life))}
        )

    async def pay(self, request: Request) -> Response:
        try:
            order = self._order(await body_of(request), request.headers.get("x-currency", ""))
        except (ValueError, KeyError, TypeError):
            raise Answer(200, _said("013")) from None
        if not request.headers.get("x-country"):
            raise Answer(200, _said("013"))
        return await self.take(request, order)

    def _order(self, said: dict[str, Any], currency: str) -> Order:
        payment, number = said["transaction"], said["payee"]["msisdn"]
        raw = base64.b64decode(said["pin"], validate=True)
        if not raw or (self._decrypt is not None and self._decrypt(raw) != self._pin):
            raise ValueError("pin")
        if not re.fullmatch(r"[A-Za-z0-9]{5,80}", payment["id"]) or not re.fullmatch(
            r"[A-Za-z0-9]{4,64}", said["reference"]
        ):
            raise ValueError(payment["id"])
        if not isinstance(payment["amount"], int | float) or not re.fullmatch(r"\d{9,10}", number):
            raise ValueError(number)
        # Our reference has lost its hyphens; the ledger speaks of payments by their ids.
        text = said["reference"]
        reference = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        account, amount = account_of(number), minor(payment["amount"], currency)
        return Order(payment["id"], reference, reference, "msisdn", account, amount, currency)

    def refuses_at_once(self, entry: Entry) -> bool:
        return True

    def sent(self, entry: Entry) -> Response:
        return reply(_said({"pending": "006"}.get(entry.status, "001"), entry))

    def duplicate(self, entry: Entry) -> Response:
        return reply(_said("017"))

    def refusal(self, entry: Entry, code: str) -> Response:
        return reply(_said(REFUSALS.get(code, "005"), entry))

    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        raise ValueError("nobody is called back about disbursements")

    async def found(self, request: Request) -> Response:
        entry = await self.find(request, request.path_params["key"])
        if entry is None:
            return reply(_said("015"))
        code = {"pending": "006", "refused": REFUSALS.get(entry.code, "005")}.get(entry.status, "001")
        return reply(_said(code, entry))

    async def user(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not await self.ledger.run(self.provider.exists, "msisdn", account_of(number)):
            return reply({"status": {"success": False, "code": "404", "message": "user not found"}})
        given, _, family = self.names.get(number, "Amina Nakato").partition(" ")
        data = {"msisdn": number, "first_name": given, "last_name": family, "is_barred": False}
        return reply({"data": data, "status": {"success": True, "code": "200"}})

    async def balance(self, request: Request) -> Response:
        available = await self.ledger.run(self.provider.ledger.available, "UGX")
        data = {"balance": Money(available, "UGX").text, "currency": "UGX", "account_status": "Active"}
        return reply({"data": data, "status": {"success": True, "code": "200"}})


def _said(code: str, entry: Entry | None = None) -> dict[str, Any]:
    success = code in ("001", "006")
    status = {"response_code": PREFIX + code, "code": "200", "success": success, "message": code}
    if entry is None:
        return {"data": {}, "status": status}
    state = STATUS.get(entry.status, "TF")
    transaction = {"id": entry.order.key, "reference_id": entry.receipt, "status": state}
    if entry.status == "paid":
        transaction["airtel_money_id"] = entry.receipt
    return {"data": {"transaction": transaction}, "status": status}
