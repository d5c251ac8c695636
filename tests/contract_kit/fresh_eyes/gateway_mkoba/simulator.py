"""A stand-in for Mkoba, for tests and rehearsals: it pays nobody, keeps books, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway_core.contract import Money, read_money
from gateway_core.testing.behaviours import Chaos
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Ledger, Order
from gateway_core.testing.provider import DECIDED, MockProvider

from .proof import MAC, TIME, sign

SECRET, NOTIFICATION_KEY = "MKOBA_PARTNER_SECRET", "MKOBA_CALLBACK_SECRET"
STATES = {"paid": "CREDITED", "pending": "PROCESSING", "refused": "REJECTED", "reversed": "REVERSED"}
RESULTS = {"CREDITED": "OK", "PROCESSING": "WAIT", "REVERSED": "OK"}
REASONS = {"no_such_account": "C-11", "refused_by_provider": "C-13", "insufficient_funds": "C-21"}
CURRENCY = "TZS"


def told(entry: Entry) -> dict[str, Any]:
    """What each answer about a credit repeats."""
    order = entry.order
    amount = Money(order.amount, order.currency).text.rstrip("0").rstrip(".")
    number = "0" + order.account.removeprefix("255")
    return {"reference": order.key, "number": number, "amount": amount, "currency": order.currency}


def credit(entry: Entry) -> dict[str, Any]:
    """The object `credit`."""
    state = STATES[entry.status]
    reason = {"reason": REASONS.get(entry.code, "C-99")} if state == "REJECTED" else {}
    receipt = {"receipt": "MK-" + entry.receipt} if state in ("CREDITED", "REVERSED") else {}
    return {**told(entry), "state": state, **reason, **receipt}


class Simulator:
    """Mkoba's routes over its books."""

    def __init__(self, provider: MockProvider, secret: str, notification_key: str) -> None:
        self.provider, self.secret, self.notification_key = provider, secret, notification_key
        self.books = GroupCommit(provider.ledger)
        self.client = httpx.AsyncClient(trust_env=False, timeout=3)
        self.calls: set[asyncio.Task[None]] = set()
        self.sessions, self.numbers = set[str](), itertools.count(1)

    async def session(self, request: Request) -> Response:
        """POST /session"""
        if (await request.json()).get("partnerSecret") != self.secret:
            return JSONResponse({"result": "S-09", "text": "suspended"}, 403)
        token = f"session-{next(self.numbers)}"
        self.sessions.add(token)
        return JSONResponse({"token": token, "validFor": 900})

    async def pay(self, request: Request) -> Response:
        """POST /credits"""
        said = await request.json()
        money = read_money(said["amount"], said["currency"])
        if money is None or "." not in said["amount"] or len(said["memo"]) > 40 or len(said["reference"]) > 20:
            return JSONResponse({"result": "C-40"})
        account = "255" + said["number"].removeprefix("0")
        order = Order(
            said["reference"], said["reference"], "", "msisdn", account, money.minor, money.currency,
            callback_url=said.get("notify", ""),
        )  # fmt: skip
        turn = await self.books.run(self.provider.take, order)
        if turn.behaviour.books == "nothing" and not turn.conflict:
            return PlainTextResponse("Too many requests", 429)
        if turn.conflict or (self.provider.dedupe and not turn.new):
            return JSONResponse({"result": "DUPLICATE", "reference": order.key})
        self.call(turn.entry)
        said = credit(turn.entry)
        result = RESULTS.get(said.pop("state")) or said.pop("reason")
        return JSONResponse({"result": result, **said})

    async def find(self, request: Request) -> Response:
        """POST /credits/enquiry"""
        key = (await request.json())["reference"]
        entry, _ = await self.books.run(self.provider.find, key)
        if entry is None:
            return JSONResponse({"result": "E-04", "reference": key})
        return JSONResponse({"result": "OK", "credit": credit(entry)})

    async def customer(self, request: Request) -> Response:
        """GET /customers/{number}"""
        number = request.path_params["number"]
        known = await self.books.run(self.provider.exists, "msisdn", "255" + number.removeprefix("0"))
        return JSONResponse({"number": number, "status": "ACTIVE" if known else "NONE"})

    async def float(self, request: Request) -> Response:
        """GET /float"""
        available = Money(self.provider.ledger.available(CURRENCY), CURRENCY).text
        return JSONResponse({"currency": CURRENCY, "available": available.rstrip("0").rstrip(".")})

    def call(self, entry: Entry) -> None:
        """Notify, once it is decided."""
        if entry.order.callback_url and entry.status in DECIDED:
            task = asyncio.create_task(self._post(entry.order.callback_url, json.dumps(credit(entry)).encode()))
            self.calls.add(task)
            task.add_done_callback(self.calls.discard)

    async def _post(self, url: str, body: bytes) -> None:
        for pause in (0.2, 0.4, 0.8, 1.6, 3.2):
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            headers = {"content-type": "application/json", TIME: now, MAC: sign(self.notification_key, now, body)}
            try:
                if (await self.client.post(url, content=body, headers=headers)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(pause)

    async def keep_time(self) -> None:
        """Let happen what is due: pending payments are decided."""
        while True:
            await asyncio.sleep(0.05)
            for entry in await self.books.run(self.provider.tick):
                self.call(entry)

    def guarded(self, handle: Callable[[Request], Awaitable[Response]]) -> Callable[..., Any]:
        """The route, for those who are in a session."""

        async def serve(request: Request) -> Response:
            if request.headers.get("authorization", "").removeprefix("Mkoba ") not in self.sessions:
                return JSONResponse({"result": "S-02", "text": "session over"}, 401)
            return await handle(request)

        return serve


def create_app(
    ledger: str, *, dedupe: bool = True, chaos: int | None = None, secret: str = "", notification_key: str = ""
) -> Starlette:
    """The application over a file of books. The secrets come from the environment when they are not given."""
    provider = MockProvider(Ledger(ledger), dedupe=dedupe, chaos=Chaos(chaos) if chaos is not None else None)
    secret = secret or os.environ.get(SECRET, "")
    here = Simulator(provider, secret, notification_key or os.environ.get(NOTIFICATION_KEY, ""))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(here.keep_time())
        yield
        for task in (clock, *here.calls):
            task.cancel()
        await asyncio.gather(clock, *here.calls, return_exceptions=True)
        await here.client.aclose()
        here.books.close()
        provider.ledger.close()

    table = {
        "/credits": ("POST", here.pay),
        "/credits/enquiry": ("POST", here.find),
        "/customers/{number:path}": ("GET", here.customer),
        "/float": ("GET", here.float),
    }
    routes = [Route(at, here.guarded(handle), methods=[method]) for at, (method, handle) in table.items()]
    return Starlette(routes=[Route("/session", here.session, methods=["POST"]), *routes], lifespan=lifespan)
