"""The GSMA Mobile Money API 1.2: payments answered at once, by callback, or by polling; responses, states, links."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gateway_core.contract import Money
from gateway_core.testing.ledger import Entry

from .common import Answer, Answered, Route_, Simulator, account_of, body_of, reply
from .gsma_batches import Batches
from .gsma_words import (
    ERRORS,
    REFUSED,
    error,
    key_of,
    key_of_reference,
    order_of,
    reference_of,
    transaction_of,
    turned,
    window,
)


class GsmaSimulator(Simulator):
    """`mode`: sync, callback or polling. `links`: relative, absolute, or foreign (to another origin).

    `holds`, `titled`: see `gsma_batches`. `poll_limit`: how many polls of a request state it permits; 0 says nothing.
    """

    def __init__(
        self, *args: Any, mode: str = "callback", links: str = "relative", holds: bool = True, titled: bool = True,
        poll_limit: int = 0, **more: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **more)
        self.mode, self.links, self.poll_limit = mode, links, poll_limit
        self.batches = Batches(self, holds=holds, titled=titled)
        self.polls: dict[str, int] = {}

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
            *self.batches.routes(),
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
        key = key_of(request)
        return await self.take(
            request, order_of(await body_of(request), key, request.headers.get("x-callback-url", ""))
        )

    def refuses_at_once(self, entry: Entry) -> bool:
        return self.mode == "sync"

    def sent(self, entry: Entry) -> Response:
        if self.mode == "sync":
            return _about(entry, transaction_of(entry), 201)
        return _about(entry, self._state(entry, "pending"), 202)

    def duplicate(self, entry: Entry) -> Response:
        return reply(error("businessRule", "duplicateRequest"), 400)

    def refusal(self, entry: Entry, code: str) -> Response:
        category, name, status = ERRORS.get(code, REFUSED)
        return _about(entry, error(category, name), status)

    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        if (says or entry.status) == "refused":
            return "PUT", error(*ERRORS.get(entry.code, REFUSED)[:2])
        return "PUT", transaction_of(entry, says)

    async def reverse(self, request: Request) -> Response:
        said = await body_of(request)
        if said.get("type") not in ("reversal", "adjustment"):
            raise Answer(400, error("validation", "formatError", "type"))
        entry = await self.ledger.run(self.provider.reverse, key_of_reference(request.path_params["reference"]))
        if entry is None:
            raise Answer(400, error("businessRule", "incorrectState"))
        return reply({**transaction_of(entry), "type": said["type"], "transactionStatus": "completed"}, 201)

    # Questions.

    def _link(self, request: Request, entry: Entry) -> str:
        return (
            f"{self.origin(request)}/{'errors' if entry.status == 'refused' else 'transactions'}/{reference_of(entry)}"
        )

    def origin(self, request: Request) -> str:
        """What a link begins with."""
        origin = {"absolute": str(request.base_url).rstrip("/"), "foreign": "https://elsewhere.invalid"}
        return origin.get(self.links, "")

    def _state(self, entry: Entry, status: str) -> dict[str, Any]:
        return self.request_state(entry.order.key, status)

    def request_state(self, key: str, status: str = "pending") -> dict[str, Any]:
        """Of a request that was taken in."""
        way = "polling" if self.mode == "polling" else "callback"
        said = {"serverCorrelationId": turned(key), "status": status, "notificationMethod": way}
        return said | ({"pollLimit": self.poll_limit} if self.poll_limit else {})

    async def responses(self, request: Request) -> Response:
        key = request.path_params["key"].lower()
        if (batch := self.batches.of_key(key)) is not None:
            return reply({"link": f"{self.origin(request)}/batchtransactions/{batch.ident}"})
        entry = await self.find(request, key)
        if entry is None:
            return reply(error("identification", "identifierError"), 404)
        return _about(entry, {"link": self._link(request, entry)})

    async def state(self, request: Request) -> Response:
        key = turned(request.path_params["state"])
        self.polls[key] = self.polls.get(key, 0) + 1
        if 0 < self.poll_limit < self.polls[key]:
            return reply(error("businessRule", "rateLimitError"), 400)
        entry = await self.find(request, key)
        if entry is None:
            return reply(error("identification", "identifierError"), 404)
        if entry.status == "refused":
            failed = self._state(entry, "failed")
            return _about(entry, failed | {"error": error(*ERRORS.get(entry.code, REFUSED)[:2])})
        if entry.status == "pending":
            return _about(entry, self._state(entry, "pending"))
        return _about(entry, self._state(entry, "completed") | {"objectReference": reference_of(entry)})

    async def _known(self, request: Request) -> Entry:
        entry = await self.find(request, key_of_reference(request.path_params["reference"]))
        if entry is None:
            raise Answered(reply(error("identification", "identifierError"), 404))
        return entry

    async def transaction(self, request: Request) -> Response:
        entry = await self._known(request)
        return _about(entry, transaction_of(entry))

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
        limit, offset = window(request)
        moved = [entry for entry in await self.ledger.run(self.provider.ledger.page) if entry.moved]
        page = moved[offset : offset + limit]
        counts = {"X-Records-Available-Count": str(len(moved)), "X-Records-Returned-Count": str(len(page))}
        return reply([transaction_of(entry) for entry in page], 200, counts)

    async def heartbeat(self, request: Request) -> Response:
        return reply({"serviceStatus": "available"})


def _about(entry: Entry, body: Any, status: int = 200) -> Response:
    """An answer that repeats the client's id, which the API allows and nobody is obliged to."""
    return reply(body, status, {"X-CorrelationID": entry.order.key})
