"""The GSMA Mobile Money API 1.2: payments answered at once, by callback, or by polling; responses, states, links."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.contract import Money
from gateway_core.testing.ledger import Entry, Order

from .common import Answer, Answered, Route_, Simulator, account_of, body_of, digits_of, minor, reply

STATUS = {"paid": "completed", "pending": "pending", "refused": "failed", "reversed": "reversed"}
# (category, code, HTTP status) of what the provider refuses.
ERRORS = {
    "no_such_account": ("identification", "identifierError", 404),
    "insufficient_funds": ("businessRule", "insufficientFunds", 400),
    "limit_exceeded": ("businessRule", "dailyValueLimitExceeded", 400),
}
REFUSED = ("businessRule", "incorrectState", 400)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_AMOUNT = re.compile(r"(0|[1-9]\d{0,17})(\.\d{0,3}[1-9])?")


def error(category: str, code: str, text: str = "") -> dict[str, Any]:
    """An Error object."""
    said = {"errorCategory": category, "errorCode": code, "errorDateTime": _now()}
    return said | ({"errordescription": text} if text else {})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _turned(key: str) -> str:
    """A server's id from a client's, and back."""
    text = key.replace("-", "")[::-1]
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _key_of(reference: str) -> str:
    text = reference[1:].lower()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class GsmaSimulator(Simulator):
    """`mode`: sync, callback or polling. `links`: relative, absolute, or foreign (to another origin)."""

    def __init__(self, *args: Any, mode: str = "callback", links: str = "relative", **more: Any) -> None:
        super().__init__(*args, **more)
        self.mode, self.links = mode, links

    def routes(self) -> list[Route_]:
        return [
            ("POST", "/oauth/token", self.token),
            ("POST", "/transactions/type/disbursement", self.pay),
            ("GET", "/transactions/{reference}", self.transaction),
            ("POST", "/transactions/{reference}/reversals", self.reverse),
            ("GET", "/responses/{key}", self.responses),
            ("GET", "/requeststates/{state}", self.state),
            ("GET", "/errors/{reference}", self.failure),
            ("GET", "/accounts/msisdn/{number}/status", self.status),
            ("GET", "/accounts/msisdn/{number}/accountname", self.whose),
            ("GET", "/accounts/{kind}/{value}/balance", self.balance),
            ("GET", "/accounts/{kind}/{value}/transactions", self.statement),
            ("GET", "/heartbeat", self.heartbeat),
        ]

    def stranger(self, request: Request) -> Response | None:
        path, given = request.url.path, request.headers.get("authorization", "")
        if path == "/oauth/token" or given.startswith("Basic ") or request.headers.get("x-api-key"):
            return None
        return None if self.doors.open(given) else reply(error("authorisation", "clientAuthorisationError"), 401)

    async def token(self, request: Request) -> Response:
        if await request.body() != b"grant_type=client_credentials":
            return reply({"error": "unsupported_grant_type"}, 400)
        return reply({"access_token": self.doors.give(), "token_type": "Bearer", "expires_in": self.doors.life})

    # Paying.

    async def pay(self, request: Request) -> Response:
        said, key = await body_of(request), request.headers.get("x-correlationid", "")
        if not _UUID.fullmatch(key):
            raise Answer(400, error("validation", "mandatoryValueNotSupplied", "X-CorrelationID"))
        try:
            order = _order(said, key.lower(), request.headers.get("x-callback-url", ""))
        except (ValueError, KeyError, TypeError, IndexError):
            raise Answer(400, error("validation", "formatError")) from None
        return await self.take(request, order)

    def refuses_at_once(self, entry: Entry) -> bool:
        return self.mode == "sync"

    def sent(self, entry: Entry) -> Response:
        if self.mode == "sync":
            return _about(entry, _transaction(entry), 201)
        return _about(entry, self._state(entry, "pending"), 202)

    def duplicate(self, entry: Entry) -> Response:
        return reply(error("businessRule", "duplicateRequest"), 400)

    def refusal(self, entry: Entry, code: str) -> Response:
        category, name, status = ERRORS.get(code, REFUSED)
        return _about(entry, error(category, name), status)

    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        if (says or entry.status) == "refused":
            return "PUT", error(*ERRORS.get(entry.code, REFUSED)[:2])
        return "PUT", _transaction(entry, says)

    async def reverse(self, request: Request) -> Response:
        said = await body_of(request)
        if said.get("type") not in ("reversal", "adjustment"):
            raise Answer(400, error("validation", "formatError", "type"))
        entry = await self.ledger.run(self.provider.reverse, _key_of(request.path_params["reference"]))
        if entry is None:
            raise Answer(400, error("businessRule", "incorrectState"))
        return reply({**_transaction(entry), "type": said["type"], "transactionStatus": "completed"}, 201)

    # Questions.

    def _link(self, request: Request, entry: Entry) -> str:
        there = f"/{'errors' if entry.status == 'refused' else 'transactions'}/{_reference(entry)}"
        origin = {"absolute": str(request.base_url).rstrip("/"), "foreign": "https://elsewhere.invalid"}
        return origin.get(self.links, "") + there

    def _state(self, entry: Entry, status: str) -> dict[str, Any]:
        way = "polling" if self.mode == "polling" else "callback"
        return {"serverCorrelationId": _turned(entry.order.key), "status": status, "notificationMethod": way}

    async def responses(self, request: Request) -> Response:
        entry = await self.find(request, request.path_params["key"].lower())
        if entry is None:
            return reply(error("identification", "identifierError"), 404)
        return _about(entry, {"link": self._link(request, entry)})

    async def state(self, request: Request) -> Response:
        entry = await self.find(request, _turned(request.path_params["state"]))
        if entry is None:
            return reply(error("identification", "identifierError"), 404)
        if entry.status == "refused":
            failed = self._state(entry, "failed")
            return _about(entry, failed | {"error": error(*ERRORS.get(entry.code, REFUSED)[:2])})
        if entry.status == "pending":
            return _about(entry, self._state(entry, "pending"))
        return _about(entry, self._state(entry, "completed") | {"objectReference": _reference(entry)})

    async def _known(self, request: Request) -> Entry:
        entry = await self.find(request, _key_of(request.path_params["reference"]))
        if entry is None:
            raise Answered(reply(error("identification", "identifierError"), 404))
        return entry

    async def transaction(self, request: Request) -> Response:
        entry = await self._known(request)
        return _about(entry, _transaction(entry))

    async def failure(self, request: Request) -> Response:
        entry = await self._known(request)
        return _about(entry, error(*ERRORS.get(entry.code, REFUSED)[:2]))

    async def status(self, request: Request) -> Response:
        number = request.path_params["number"].lstrip("+")
        if not await self.ledger.run(self.provider.exists, "msisdn", account_of(number)):
            return reply(error("identification", "identifierError"), 404)
        return reply({"accountStatus": "available"})

    async def whose(self, request: Request) -> Response:
        name = self.names.get(request.path_params["number"].lstrip("+"), "Amina Nakato")
        return reply({"name": {"fullName": name}})

    async def balance(self, request: Request) -> Response:
        available = await self.ledger.run(self.provider.ledger.available, "UGX")
        text = Money(available, "UGX").text
        return reply(
            {"accountStatus": "available", "availableBalance": text, "currentBalance": text, "currency": "UGX"}
        )

    async def statement(self, request: Request) -> Response:
        """Every payment that moved money, a page of it."""
        limit, offset = (int(request.query_params.get(name, usual)) for name, usual in (("limit", 50), ("offset", 0)))
        moved = [entry for entry in await self.ledger.run(self.provider.ledger.page) if entry.moved]
        page = moved[offset : offset + limit]
        counts = {"X-Records-Available-Count": str(len(moved)), "X-Records-Returned-Count": str(len(page))}
        return reply([_transaction(entry) for entry in page], 200, counts)

    async def heartbeat(self, request: Request) -> Response:
        return reply({"serviceStatus": "available"})


def _about(entry: Entry, body: Any, status: int = 200) -> Response:
    """An answer that repeats the client's id, which the API allows and nobody is obliged to."""
    return reply(body, status, {"X-CorrelationID": entry.order.key})


def _order(said: dict[str, Any], key: str, callback: str) -> Order:
    """The payment that a request asks for. Raises ValueError, KeyError and the like for what is none."""
    amount, currency, payee = said["amount"], said["currency"], said["creditParty"][0]
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount) or not said["debitParty"]:
        raise ValueError(amount)
    reference = str(said.get("requestingOrganisationTransactionReference") or key)
    account = account_of(str(payee["value"]).lstrip("+"))
    return Order(
        key, reference, reference, payee["key"], account, minor(amount, currency), currency, callback_url=callback
    )


def _reference(entry: Entry) -> str:
    return "T" + entry.order.key.replace("-", "").upper()


def _transaction(entry: Entry, says: str = "") -> dict[str, Any]:
    order = entry.order
    return {
        "transactionReference": _reference(entry), "transactionStatus": STATUS[says or entry.status],
        "type": "disbursement", "amount": Money(order.amount, order.currency).text.removesuffix(".00"),
        "currency": order.currency, "debitParty": [{"key": "accountid", "value": "2999"}],
        "creditParty": [{"key": order.account_type, "value": "+" + digits_of(order.account)}],
        "requestingOrganisationTransactionReference": order.reference,
    }  # fmt: skip
