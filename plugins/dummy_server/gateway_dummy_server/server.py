"""The dummy server: a Starlette application, the protocol face of `gateway_core.testing.provider`.

Nothing is answered before it is durable in the ledger. `openapi.json` documents every route.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway_core.testing.behaviours import Behaviour, Chaos
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Ledger
from gateway_core.testing.provider import DECIDED, MockProvider
from gateway_core.testing.serving import Dropped

from .calls import Calls
from .faults import answer
from .messages import BODY_LIMIT, ApiError, json_response, payment_json, read_order
from .statement import statement_lines

TICK = 0.05


class DummyServer:
    """The application's state: a provider, the queue to its ledger, and the callbacks on their way."""

    def __init__(self, provider: MockProvider, *, api_key: str = "", secret: str = "") -> None:
        self.provider, self.api_key = provider, api_key
        self.ledger = GroupCommit(provider.ledger)
        self.calls = Calls(secret)

    # The routes

    async def pay(self, request: Request) -> Response:
        """POST /payments"""
        order = read_order(await self._body(request), request.headers.get("idempotency-key", ""))
        turn = await self.ledger.run(self.provider.take, order)
        if turn.conflict:
            raise ApiError(409, "duplicate", "this key belongs to another payment", order.key)
        entry, behaviour = turn.entry, turn.behaviour
        if order.callback_url and turn.new:
            self.calls.fire("taken", entry)
            await _finished(self.calls.fire("before_answer", entry))
            if entry.status in DECIDED:
                self.calls.fire("decided", entry)
        return await self._answer(request, order.key, entry, behaviour)

    async def find(self, request: Request) -> Response:
        """GET /payments/{key}"""
        key = request.path_params["key"]
        entry, spoils = await self.ledger.run(self.provider.find, key)
        return await self._answer(request, key, entry, spoils)

    async def reverse(self, request: Request) -> Response:
        """POST /payments/{key}/reversal"""
        key, times = request.path_params["key"], request.query_params.get("times", "")
        if times and not (times.isascii() and times.isdigit() and len(times) < 6):
            raise ApiError(400, "invalid", "times is a count", key)
        entry = await self.ledger.run(self.provider.reverse, key, int(times) if times else None)
        if entry is None:
            raise ApiError(409, "nothing_to_reverse", "no paid or pending payment with this key", key)
        self.calls.fire("decided", entry)
        return json_response(payment_json(entry))

    async def account(self, request: Request) -> Response:
        """GET /accounts/{type}/{value}"""
        account = {name: request.path_params[name] for name in ("type", "value")}
        if not await self.ledger.run(self.provider.exists, account["type"], account["value"]):
            raise ApiError(404, "no_such_account", "nobody has this account")
        return json_response({"account": account, "status": "open"})

    async def balance(self, request: Request) -> Response:
        """GET /balances/{account}"""
        currency = request.query_params.get("currency", "UGX")
        available = await self.ledger.run(self.provider.ledger.available, currency)
        account = request.path_params["account"]
        return json_response({"account": account, "currency": currency, "available": available})

    async def statement(self, request: Request) -> Response:
        """GET /statement"""
        return StreamingResponse(statement_lines(self.ledger, self.provider.ledger), media_type="text/csv")

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json"""
        return Response(files(__package__).joinpath("openapi.json").read_bytes(), media_type="application/json")

    # Around them

    async def _answer(self, request: Request, key: str, entry: Entry | None, behaviour: Behaviour) -> Response:
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
            entry = await self.ledger.run(self.provider.look, key)
        return await answer(request, key, entry, behaviour)

    async def _body(self, request: Request) -> bytes:
        body = b""
        async for chunk in request.stream():
            body = body + chunk if body else chunk
            if len(body) > BODY_LIMIT:
                raise ApiError(413, "too_large", f"at most {BODY_LIMIT} bytes")
        return body

    def permitted(self, request: Request) -> bool:
        """Whether the request bears the API key, if there is one."""
        given = request.headers.get("authorization", "")
        return not self.api_key or hmac.compare_digest(given.encode(), f"Bearer {self.api_key}".encode())

    async def keep_time(self) -> None:
        """Let happen what is due: copies that were late land, pending payments are decided, the payer is called."""
        while True:
            await asyncio.sleep(TICK)
            if self.provider.ledger.anything_due(self.provider.clock()):
                for entry in await self.ledger.run(self.provider.tick):
                    self.calls.fire("decided", entry)


class _Endpoint:
    """One route: checks the API key, turns an ApiError into its answer. A plain ASGI application, which is lean."""

    def __init__(self, server: DummyServer, handle: Callable[[Request], Awaitable[Response]]) -> None:
        self._server, self._handle = server, handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            if not self._server.permitted(request):
                key = request.headers.get("idempotency-key", "")[:64] or scope["path_params"].get("key", "")
                raise ApiError(401, "unauthorised", "the API key is missing or wrong", key)
            response = await self._handle(request)
        except ApiError as error:
            response = error.response()
        except Dropped:
            return
        await response(scope, receive, send)


def create_app(
    ledger: str = ":memory:",
    *,
    dedupe: bool = True,
    chaos: int | None = None,
    chaos_rate: float = 0.3,
    api_key: str = "",
    secret: str = "",
) -> Starlette:
    """The application over a ledger file. `app.state.closing` is an event that ends all silence."""
    provider = MockProvider(
        Ledger(ledger), dedupe=dedupe, chaos=Chaos(chaos, chaos_rate) if chaos is not None else None
    )
    server = DummyServer(provider, api_key=api_key, secret=secret)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        time_keeper = asyncio.create_task(server.keep_time())
        yield
        time_keeper.cancel()
        await asyncio.gather(time_keeper, return_exceptions=True)
        await server.calls.close()
        server.ledger.close()
        provider.ledger.close()

    app = Starlette(routes=_routes(server), lifespan=lifespan)
    app.state.closing = asyncio.Event()
    app.state.server = server
    return app


def _routes(server: DummyServer) -> list[Route]:
    table: Mapping[str, tuple[str, Callable[[Request], Awaitable[Any]]]] = {
        "/payments": ("POST", server.pay),
        "/payments/{key}": ("GET", server.find),
        "/payments/{key}/reversal": ("POST", server.reverse),
        "/accounts/{type}/{value:path}": ("GET", server.account),
        "/balances/{account}": ("GET", server.balance),
        "/statement": ("GET", server.statement),
        "/openapi.json": ("GET", server.openapi),
    }
    return [Route(path, _Endpoint(server, handle), methods=[method]) for path, (method, handle) in table.items()]


async def _finished(tasks: list[asyncio.Task[bool]]) -> None:
    """Callbacks that come before the answer: waited for, but not for ever."""
    if tasks:
        await asyncio.wait(tasks, timeout=2.0)
