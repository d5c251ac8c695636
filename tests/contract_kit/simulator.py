"""A tiny provider for the kit's own tests: look a person up, pay her, ask what became of it, be called back."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway_core.testing.ledger import Entry, Ledger, Order
from gateway_core.testing.provider import DECIDED, MockProvider

TICK = 0.05


def sign(secret: str, body: bytes) -> str:
    """The proof of a callback."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def told(entry: Entry) -> dict[str, Any]:
    """A transfer as the provider writes it."""
    order = entry.order
    about = {"id": order.key, "to": order.account, "minor": order.amount, "currency": order.currency}
    return {**about, "status": entry.status, **({"code": entry.code} if entry.status == "refused" else {})}


class Tiny:
    """The provider. `dedupe=False`: it honours no key."""

    def __init__(self, ledger: str, *, api_key: str, secret: str, dedupe: bool = True) -> None:
        self.provider = MockProvider(Ledger(ledger), dedupe=dedupe)
        self.api_key, self.secret = api_key, secret
        self.client = httpx.AsyncClient(trust_env=False, timeout=2)
        self.calls: set[asyncio.Task[None]] = set()

    async def person(self, request: Request) -> JSONResponse:
        """GET /people/{account}"""
        return JSONResponse({"account": request.path_params["account"], "known": True})

    async def funds(self, request: Request) -> JSONResponse:
        """GET /funds"""
        return JSONResponse({"minor": self.provider.ledger.available("UGX"), "currency": "UGX"})

    async def transfer(self, request: Request) -> JSONResponse:
        """POST /transfers"""
        said, key = await request.json(), request.headers.get("tiny-key", "")
        order = Order(key, key, "", "wallet", said["to"], said["minor"], said["currency"])
        with self.provider.ledger.transaction():
            turn = self.provider.take(order)
        if turn.conflict or (self.provider.dedupe and not turn.new):
            return JSONResponse({"id": key, "status": "duplicate"}, 409)
        self.call(turn.entry, said.get("call", ""))
        return JSONResponse(told(turn.entry), {"paid": 201, "pending": 202}.get(turn.entry.status, 422))

    async def find(self, request: Request) -> JSONResponse:
        """GET /transfers/{key}"""
        entry = self.provider.look(request.path_params["key"])
        if entry is None:
            return JSONResponse({"id": request.path_params["key"], "status": "not_found"}, 404)
        return JSONResponse(told(entry))

    def call(self, entry: Entry, url: str) -> None:
        """Call back what was decided."""
        self.urls = getattr(self, "urls", {}) | ({entry.order.key: url} if url else {})
        if entry.status in DECIDED and entry.order.key in self.urls:
            task = asyncio.create_task(self._post(self.urls[entry.order.key], json.dumps(told(entry)).encode()))
            self.calls.add(task)
            task.add_done_callback(self.calls.discard)

    async def _post(self, url: str, body: bytes) -> None:
        for _ in range(8):
            try:
                headers = {"content-type": "application/json", "tiny-signature": sign(self.secret, body)}
                if (await self.client.post(url, content=body, headers=headers)).is_success:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.25)

    async def keep_time(self) -> None:
        """What is due happens."""
        while True:
            await asyncio.sleep(TICK)
            with self.provider.ledger.transaction():
                changed = self.provider.tick()
            for entry in changed:
                self.call(entry, "")


def create_app(ledger: str, **how: Any) -> Starlette:
    """The application over a ledger file."""
    tiny = Tiny(ledger, **how)

    def guarded(handle: Any) -> Any:
        async def serve(request: Request) -> JSONResponse:
            if request.headers.get("authorization") != f"Key {tiny.api_key}":
                return JSONResponse({"error": "unauthorised"}, 401)
            answer: JSONResponse = await handle(request)
            return answer

        return serve

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(tiny.keep_time())
        yield
        clock.cancel()
        for task in list(tiny.calls):
            task.cancel()
        await asyncio.gather(clock, *tiny.calls, return_exceptions=True)
        await tiny.client.aclose()
        tiny.provider.ledger.close()

    table = {
        "/people/{account}": ("GET", tiny.person), "/funds": ("GET", tiny.funds), "/transfers": ("POST", tiny.transfer),
        "/transfers/{key}": ("GET", tiny.find), "/token": ("GET", tiny.funds),
    }  # fmt: skip
    routes = [Route(path, guarded(handle), methods=[method]) for path, (method, handle) in table.items()]
    return Starlette(routes=routes, lifespan=lifespan)
