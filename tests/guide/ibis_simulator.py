"""Ibis's stand-in: tokens that end, PINs that are decrypted, links, and signed callbacks."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway_core.contract import Money, read_money
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Ledger, Order
from gateway_core.testing.provider import DECIDED, MockProvider

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
STATES = {"paid": "PAID", "reversed": "PAID", "pending": "OPEN", "refused": "FAILED"}
CODES = {"no_such_account": "NO_WALLET", "refused_by_provider": "LIMIT"}
# A token serves so many questions, and then ends. (Not payments: what the kit loses of those are answers.)
USES = 5


class Key:
    """The provider's own key, whose public half is in its portal."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(65537, 2048)
        form, kind = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.DER
        self.public = base64.b64encode(self.private.public_key().public_bytes(kind, form)).decode()

    def opens(self, sealed: str) -> str:
        """The PIN; "" for what is none."""
        try:
            return self.private.decrypt(base64.b64decode(sealed), OAEP).decode()
        except ValueError:
            return ""


def told(entry: Entry) -> dict[str, Any]:
    """A payout as Ibis writes it."""
    order, state = entry.order, STATES[entry.status]
    # Without the zeros at the end, as many providers do.
    amount = Money(order.amount, order.currency).text
    amount = amount.rstrip("0").rstrip(".") if "." in amount else amount
    said = {"id": order.key, "wallet": order.account, "amount": amount, "currency": order.currency, "state": state}
    more = {"PAID": {"receipt": entry.receipt}, "FAILED": {"code": CODES.get(entry.code, "OTHER")}}
    return said | more.get(state, {})


class Ibis:
    """The provider over its books. `sign(time, body)` signs callbacks."""

    def __init__(self, provider: MockProvider, pin: str, key: Key, sign: Callable[[str, bytes], str]) -> None:
        self.provider, self.pin, self.key, self.sign = provider, pin, key, sign
        self.books = GroupCommit(provider.ledger)
        self.client = httpx.AsyncClient(trust_env=False, timeout=3)
        self.left: dict[str, int] = {}
        self.numbers = itertools.count(1)
        self.tasks: set[asyncio.Task[None]] = set()

    async def token(self, request: Request) -> JSONResponse:
        if not (await request.json()).get("client_secret"):
            return JSONResponse({}, 401)
        token = f"token-{next(self.numbers)}"
        self.left[token] = USES
        return JSONResponse({"access_token": token, "expires_in": 3600})

    def let_in(self, request: Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.left[token] = self.left.get(token, -1) - (request.method == "GET")
        return self.left[token] >= 0

    async def pay(self, request: Request) -> JSONResponse:
        said = await request.json()
        money = read_money(said["amount"], said["currency"])
        if money is None or self.key.opens(said["pin"]) != self.pin:
            return JSONResponse({"id": said["id"], "code": "BAD_PIN"}, 403)
        order = Order(
            said["id"], said["id"], "", "wallet", said["wallet"], money.minor, money.currency,
            callback_url=said["callback"],
        )  # fmt: skip
        turn = await self.books.run(self.provider.take, order)
        self.call(turn.entry)
        return JSONResponse({"id": order.key, "link": f"/status/{order.key}"}, 202, {"retry-after": "0"})

    async def find(self, request: Request) -> JSONResponse:
        key = request.path_params["key"]
        entry, _ = await self.books.run(self.provider.find, key)
        known = {"id": key, "link": f"/status/{key}"}
        return JSONResponse(known) if entry else JSONResponse({"id": key, "code": "NO_PAYOUT"}, 404)

    async def status(self, request: Request) -> JSONResponse:
        entry, _ = await self.books.run(self.provider.find, request.path_params["key"])
        return JSONResponse(told(entry)) if entry else JSONResponse({}, 404)

    def call(self, entry: Entry) -> None:
        if entry.order.callback_url and entry.status in DECIDED:
            task = asyncio.create_task(self.post(entry.order.callback_url, json.dumps(told(entry)).encode()))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def post(self, url: str, body: bytes) -> None:
        for pause in (0.2, 0.4, 0.8, 1.6, 3.2):
            now = str(int(time.time()))
            headers = {"x-ibis-time": now, "x-ibis-signature": self.sign(now, body)}
            try:
                if (await self.client.post(url, content=body, headers=headers)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(pause)

    async def tick(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            for entry in await self.books.run(self.provider.tick):
                self.call(entry)


def create_app(ledger: str, *, pin: str, key: Key, sign: Callable[[str, bytes], str]) -> Starlette:
    """The application over a file of books."""
    ibis = Ibis(MockProvider(Ledger(ledger)), pin, key, sign)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(ibis.tick())
        yield
        for task in (clock, *ibis.tasks):
            task.cancel()
        await asyncio.gather(clock, *ibis.tasks, return_exceptions=True)
        await ibis.client.aclose()
        ibis.books.close()
        ibis.provider.ledger.close()

    def door(handle: Any) -> Any:
        async def serve(request: Request) -> JSONResponse:
            return await handle(request) if ibis.let_in(request) else JSONResponse({"code": "TOKEN"}, 401)

        return serve

    return Starlette(
        routes=[
            Route("/token", ibis.token, methods=["POST"]),
            Route("/payouts", door(ibis.pay), methods=["POST"]),
            Route("/payouts/{key}", door(ibis.find), methods=["GET"]),
            Route("/status/{key}", door(ibis.status), methods=["GET"]),
        ],
        lifespan=lifespan,
    )
