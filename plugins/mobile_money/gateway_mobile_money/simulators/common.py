"""What all simulators do alike: take a payment into the ledger, misbehave as told, call back, let time pass."""

from __future__ import annotations

import abc
import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs
import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway_core.contract import Money
from gateway_core.testing.behaviours import FAULTS, Behaviour, Call
from gateway_core.testing.caller import caller
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Order
from gateway_core.testing.provider import DECIDED, MockProvider, booked_by
from gateway_core.testing.serving import Dropped, wire_fault

from .tokens import Doors

TICK, CALL_TIMEOUT = 0.05, 3.0
_FAULTS = tuple(FAULTS)
Route_ = tuple[str, str, Callable[[Request], Awaitable[Response]]]


@attrs.frozen
class Answer(Exception):
    """An answer that ends the handling of a request."""

    status: int
    body: Any = None

    def response(self) -> Response:
        """On the wire."""
        return reply(self.body, self.status)


def reply(body: Any = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, or nothing at all."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    return Response(content, status, dict(headers or {}), media_type="application/json" if content else None)


def account_of(digits: str) -> str:
    """The ledger's account of a number: one that ends in 999NN asks for the fault of that number."""
    number = int(digits[-2:]) if digits[-2:].isdigit() else 0
    return f"fault-{_FAULTS[number - 1]}.{digits}" if digits[-5:-2] == "999" and 0 < number <= len(_FAULTS) else digits


def digits_of(account: str) -> str:
    """The number of a ledger's account."""
    return account.rpartition(".")[2]


def minor(text: object, currency: str) -> int:
    """An amount in smallest units. Raises ValueError."""
    places = len(Money(1, currency).text.partition(".")[2])
    try:
        scaled = Decimal(str(text)).scaleb(places)
    except InvalidOperation:
        raise ValueError(text) from None
    if scaled != scaled.to_integral_value() or scaled <= 0:
        raise ValueError(text)
    return int(scaled)


class Simulator(abc.ABC):
    """One operator. `names`: whose numbers are, for account checks; `doors` gives out tokens and looks at them."""

    def __init__(self, provider: MockProvider, *, names: Mapping[str, str] | None = None, token_life: float = 3600.0):
        self.provider, self.names = provider, dict(names or {})
        self.ledger = GroupCommit(provider.ledger)
        self.doors = Doors(life=token_life)
        self.heard: list[tuple[str, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None

    # What a profile says.

    @abc.abstractmethod
    def routes(self) -> list[Route_]:
        """(method, path, handler)."""

    @abc.abstractmethod
    def sent(self, entry: Entry) -> Response:
        """The answer to a payment that was taken."""

    @abc.abstractmethod
    def duplicate(self, entry: Entry) -> Response:
        """The answer to a key that came before."""

    @abc.abstractmethod
    def refusal(self, entry: Entry, code: str) -> Response:
        """A listed refusal of this copy."""

    @abc.abstractmethod
    def told(self, entry: Entry, says: str) -> tuple[str, Any]:
        """Method and body of the callback; `says` in place of the ledger's own status is a lie."""

    def stranger(self, request: Request) -> Response | None:
        """The answer to somebody without the right token; None lets the request in."""
        return None

    # Paying and asking.

    async def take(self, request: Request, order: Order) -> Response:
        """One copy of a payment has arrived."""
        turn = await self.ledger.run(self.provider.take, order)
        entry, behaviour = turn.entry, turn.behaviour
        if turn.conflict:
            return self.duplicate(entry)
        if turn.new:
            self.fire("taken", entry)
            for task in self.fire("before_answer", entry):
                await asyncio.wait([task], timeout=2.0)
            if entry.status in DECIDED:
                self.fire("decided", entry)
        known = self.provider.dedupe and not turn.new and entry.status != "absent"
        if known and behaviour.answers == "truth":
            return self.duplicate(entry)
        return await self.spoilt(request, entry, behaviour)

    async def spoilt(self, request: Request, entry: Entry, behaviour: Behaviour) -> Response:
        """The answer as this behaviour gives it."""
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
            found: Entry | None = await self.ledger.run(self.provider.look, entry.order.key)
            entry = found or entry
        match behaviour.answers:
            case "refusal":
                return self.refusal(entry, behaviour.code)
            case "truth" if entry.status == "refused" and self.refuses_at_once(entry):
                return self.refusal(entry, entry.code)
            case "truth" if entry.status != "absent":
                return self.sent(entry)
        return await wire_fault(request, behaviour.answers)

    def refuses_at_once(self, entry: Entry) -> bool:
        """Whether a refusal is already in the answer to the payment."""
        return True

    async def find(self, request: Request, key: str) -> Entry | None:
        """What the ledger admits to know of a key; raises where chaos spoils the answer."""
        entry, spoils = await self.ledger.run(self.provider.find, key)
        if spoils.delay:
            await asyncio.sleep(spoils.delay)
        if spoils.answers != "truth":
            raise Answered(await wire_fault(request, spoils.answers))
        return entry

    # Calling back.

    def fire(self, when: str, entry: Entry) -> list[asyncio.Task[None]]:
        """Start the callbacks that the payment's behaviour has for this moment."""
        url = entry.order.callback_url
        calls = [call for call in booked_by(entry).calls if call.when == when] if url else []
        return [self.spawn(self._call(entry, call, url)) for call in calls]

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run beside; nobody waits for it."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _call(self, entry: Entry, call: Call, url: str) -> None:
        await asyncio.sleep(call.after)
        method, body = self.told(entry, "" if call.says == "truth" else call.says)
        # Whoever does not know the address can only guess its token.
        await self.post(method, url[:-4] + "0000" if call.signed == "wrong" else url, body)

    async def post(self, method: str, url: str, body: Any) -> None:
        """Once: the operators do not try again."""
        if self._client is None:
            self._client = caller(CALL_TIMEOUT)
        self.heard.append((method, url))
        with suppress(httpx.HTTPError, httpx.InvalidURL):
            await self._client.request(method, url, json=body)

    # The application.

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self.provider.ledger.anything_due(self.provider.clock()):
                for entry in await self.ledger.run(self.provider.tick):
                    self.fire("decided", entry)

    @asynccontextmanager
    async def _life(self, app: Starlette) -> AsyncIterator[None]:
        clock = asyncio.create_task(self._keep_time())
        yield
        for task in (tasks := [clock, *self._tasks]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
        self.ledger.close()
        self.provider.ledger.close()

    def application(self) -> Starlette:
        """`app.state.simulator` is this; `app.state.closing` ends all silence."""
        routes = [Route(path, _Endpoint(self, handle), methods=[method]) for method, path, handle in self.routes()]
        app = Starlette(routes=routes, lifespan=self._life)
        app.state.closing, app.state.simulator = asyncio.Event(), self
        return app


@attrs.frozen
class Answered(Exception):
    """A response that is ready."""

    response: Response


class _Endpoint:
    """One route. Whoever has no token is turned away; a broken connection answers nothing."""

    def __init__(self, simulator: Simulator, handle: Callable[[Request], Awaitable[Response]]) -> None:
        self._simulator, self._handle = simulator, handle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = self._simulator.stranger(request) or await self._handle(request)
        except Answer as answer:
            response = answer.response()
        except Answered as answered:
            response = answered.response
        except Dropped:
            return
        await response(scope, receive, send)


async def json_of(request: Request) -> Any:
    """The request's JSON; None for what is none."""
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


async def body_of(request: Request) -> dict[str, Any]:
    """The request's JSON object; {} for anything else."""
    said = await json_of(request)
    return said if isinstance(said, dict) else {}
