"""Heron Pay's stand-in, for tests and rehearsals: it answers as the manual says, keeps books, and pays nobody."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway_core.contract import Money, read_money
from gateway_core.testing.behaviours import Chaos
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Ledger, Order
from gateway_core.testing.provider import MockProvider

# The mock provider's words in Heron's.
STATES = {"paid": "COMPLETED", "reversed": "COMPLETED", "pending": "QUEUED", "refused": "REJECTED"}
STATUS = {"COMPLETED": 201, "QUEUED": 202, "REJECTED": 422}
ERRORS = {"no_such_account": "E21", "refused_by_provider": "E22", "insufficient_funds": "E30"}


def told(entry: Entry) -> dict[str, Any]:
    """An order as Heron writes it."""
    order, state = entry.order, STATES[entry.status]
    said = {"order_id": order.key, "msisdn": order.account, "currency": order.currency, "state": state}
    said["amount"] = Money(order.amount, order.currency).text
    more = {"COMPLETED": {"receipt": entry.receipt}, "REJECTED": {"error": ERRORS.get(entry.code, "E99")}}
    return said | more.get(state, {})


class Heron:
    """The routes of the manual over the mock provider's books."""

    def __init__(self, provider: MockProvider, api_key: str) -> None:
        self.provider, self.api_key, self.books = provider, api_key, GroupCommit(provider.ledger)

    async def put(self, request: Request) -> JSONResponse:
        """PUT /orders/{order_id}"""
        key, said = request.path_params["key"], await request.json()
        money = read_money(said["amount"], said["currency"])
        if money is None:
            return JSONResponse({"order_id": key, "error": "E99"}, 400)
        order = Order(key, said["purpose"], "", "msisdn", said["msisdn"], money.minor, money.currency)
        turn = await self.books.run(self.provider.take, order)
        if turn.behaviour.books == "nothing" and not turn.conflict:
            return JSONResponse({"order_id": key, "error": "SLOW_DOWN"}, 429)
        # With dedupe the manual's rule holds: an order that came before is not carried out again.
        if turn.conflict or (self.provider.dedupe and not turn.new):
            return JSONResponse({"order_id": key, "error": "ORDER_EXISTS"}, 409)
        return JSONResponse(told(turn.entry), STATUS[told(turn.entry)["state"]])

    async def get(self, request: Request) -> JSONResponse:
        """GET /orders/{order_id}"""
        key = request.path_params["key"]
        entry, _ = await self.books.run(self.provider.find, key)
        return JSONResponse(told(entry)) if entry else JSONResponse({"order_id": key, "error": "NO_ORDER"}, 404)

    async def subscriber(self, request: Request) -> JSONResponse:
        """GET /subscribers/{msisdn}"""
        number = request.path_params["msisdn"]
        known = await self.books.run(self.provider.exists, "msisdn", number)
        return JSONResponse({"msisdn": number, "active": True} if known else {"error": "E21"}, 200 if known else 404)

    async def float(self, request: Request) -> JSONResponse:
        """GET /float"""
        return JSONResponse({"currency": "UGX", "balance": str(self.provider.ledger.available("UGX"))})

    async def tick(self) -> None:
        """What is queued is decided in its time."""
        while True:
            await asyncio.sleep(0.05)
            await self.books.run(self.provider.tick)

    def open(self, handle: Any) -> Any:
        """A route for those who have the key."""

        async def serve(request: Request) -> JSONResponse:
            known = request.headers.get("x-api-key") == self.api_key
            return await handle(request) if known else JSONResponse({"error": "E01"}, 401)

        return serve


def create_app(ledger: str, *, dedupe: bool = True, chaos: int | None = None, api_key: str = "") -> Starlette:
    """The application over a file of books."""
    provider = MockProvider(Ledger(ledger), dedupe=dedupe, chaos=Chaos(chaos) if chaos is not None else None)
    heron = Heron(provider, api_key or os.environ.get("HERON_API_KEY", ""))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(heron.tick())
        yield
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        heron.books.close()
        provider.ledger.close()

    table = [
        ("PUT", "/orders/{key}", heron.put),
        ("GET", "/orders/{key}", heron.get),
        ("GET", "/subscribers/{msisdn}", heron.subscriber),
        ("GET", "/float", heron.float),
    ]
    routes = [Route(at, heron.open(handle), methods=[method]) for method, at, handle in table]
    return Starlette(routes=routes, lifespan=lifespan)
