"""The hub, and the payee behind it: discovery, quotes with real packets, transfers with a ledger and fulfilments."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_core.contract import Money
from gateway_core.testing.behaviours import FAULTS, Behaviour, Call
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import OPENING, Entry, Order
from gateway_core.testing.provider import DECIDED, MockProvider, booked_by
from gateway_core.testing.serving import wire_fault

from ..fspiop import ilp, transfers
from ..fspiop.amounts import amount_text, minor_units
from ..fspiop.texts import Malformed, date_time, parse, read_date_time
from .faults import Endpoint, Refuses, accepted, refusal
from .mishaps import FINE, Mishap, draw
from .voices import Voices

TICK = 0.05
SECRET = "the payee's secret"  # noqa: S105 - of a payee that holds no money
STATES = {"paid": "COMMITTED", "pending": "RESERVED", "refused": "ABORTED", "reversed": "COMMITTED"}
# Codes of the payee for what the ledger refuses.
CODES = {"no_such_account": "5107", "insufficient_funds": "4001", "limit_exceeded": "5200"}
_FAULTS = tuple(FAULTS)


@attrs.frozen
class Quote:
    """One that was given: the request's digest, its body, the answer."""

    digest: bytes
    asked: Mapping[str, Any]
    answer: Mapping[str, Any]


def account_of(identifier: str) -> str:
    """The ledger's account of a party: one that ends in 999NN asks for the fault of that number."""
    tail = identifier[-5:]
    number = int(tail[3:]) if tail[3:].isdigit() and tail.isascii() else 0
    asks = tail[:3] == "999" and 0 < number <= len(_FAULTS)
    return f"fault-{_FAULTS[number - 1]}.{identifier}" if asks else identifier


class Hub:
    """`quote_life`, and `delay` of each callback: seconds. `fee`: what the payee's FSP takes, in smallest units.
    `names`: whose accounts are.

    What tests set: `states` are the ledger's words, `repeated` the code of a copy that is refused as repeated, `loses`
    takes transfers with a 202 and forgets them (into `lost`), `skew` puts the hub's clock off, in seconds.
    """

    def __init__(
        self, provider: MockProvider, voices: Voices, *, ilp_version: int = 4, quote_life: float = 300.0, fee: int = 0,
        delay: float = 0.0, names: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.provider, self.voices, self.names = provider, voices, dict(names or {})
        self.ledger = GroupCommit(provider.ledger)
        self.ilp_version, self.quote_life, self.fee, self.delay = ilp_version, quote_life, fee, delay
        self.quotes: dict[str, Quote] = {}
        self.transfers: dict[str, tuple[bytes, Mapping[str, Any]]] = {}
        self.asked: Counter[str] = Counter()
        self.states, self.repeated = dict(STATES), "5105"
        self.loses, self.lost = False, dict[str, Mapping[str, Any]]()
        self.skew = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    # -- discovery ----------------------------------------------------------------------------------------------------

    async def party(self, request: Request) -> Response:
        """GET /parties: the payee's FSP answers."""
        path, payer = _segments(request), request.headers.get("fspiop-source", "")
        known = {"partyIdType": path[1], "partyIdentifier": path[2], "fspId": self.voices.payee}
        known |= {"partySubIdOrType": path[3]} if len(path) > 3 else {}
        said = {"party": {"partyIdInfo": known, "name": self.names.get(path[2], "Amina Nakato")}}
        return await self._looked_up(request, path, said, payer, self.voices.payee)

    async def participant(self, request: Request) -> Response:
        """GET /participants: the hub answers."""
        path, payer = _segments(request), request.headers.get("fspiop-source", "")
        return await self._looked_up(request, path, {"fspId": self.voices.payee}, payer, self.voices.hub)

    async def _looked_up(self, request: Request, path: tuple[str, ...], said: Any, payer: str, source: str) -> Response:
        exists = await self.ledger.run(self.provider.exists, path[1], account_of(path[2]))
        if not exists:
            return await self._met(request, FINE, (*path, "error"), _error("3204"), payer, self.voices.hub)
        return await self._met(request, self._mishap(path), path, said, payer, source)

    def _mishap(self, path: tuple[str, ...]) -> Mishap:
        about = "/".join(path)
        self.asked[about] += 1
        return draw(self.provider.chaos, about, self.asked[about])

    async def _met(
        self, request: Request, mishap: Mishap, path: tuple[str, ...], said: Any, payer: str, source: str
    ) -> Response:
        """Acknowledged, and answered by callback: as this mishap has it."""
        if mishap.error:
            path, said, source = (*path, "error"), _error(mishap.error), self.voices.hub
        calls = [self._later(after, path, said, payer, source) for after in mishap.calls]
        if mishap.early and calls:
            await asyncio.wait(calls, timeout=2.0)
        return accepted() if mishap.answers == "truth" else await wire_fault(request, mishap.answers)

    def _later(self, after: float, path: tuple[str, ...], said: Any, payer: str, source: str) -> asyncio.Task[None]:
        async def call() -> None:
            await asyncio.sleep(after + self.delay)
            await self.voices.say(path, said, to=payer, source=source, at=self._now())

        return self.spawn(call())

    # -- agreement ----------------------------------------------------------------------------------------------------

    async def quote(self, request: Request) -> Response:
        """POST /quotes: the payee's FSP answers with a packet and a condition."""
        body, said, payer = await self._signed(request)
        path, digest = ("quotes", said["quoteId"]), hashlib.sha256(body).digest()
        known = self.quotes.get(said["quoteId"])
        if known is not None and known.digest != digest:
            return await self._met(request, FINE, (*path, "error"), _error("3106"), payer, self.voices.hub)
        if read_date_time(said["expiration"]) < self._now():
            return await self._met(request, FINE, (*path, "error"), _error("3302"), payer, self.voices.payee)
        if known is None:
            known = self.quotes[said["quoteId"]] = Quote(digest, said, self._terms(said))
        return await self._met(request, self._mishap(path), path, known.answer, payer, self.voices.payee)

    async def quote_again(self, request: Request) -> Response:
        """GET /quotes/{id}"""
        path, payer = _segments(request), request.headers.get("fspiop-source", "")
        known = self.quotes.get(path[1])
        if known is None:
            return await self._met(request, FINE, (*path, "error"), _error("3205"), payer, self.voices.payee)
        return await self._met(request, FINE, path, known.answer, payer, self.voices.payee)

    def _terms(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """With a fee, the sender of a RECEIVE amount pays it on top; of a SEND amount it is taken."""
        currency, wanted = asked["amount"]["currency"], minor_units(**asked["amount"])
        moved = wanted + self.fee if asked["amountType"] == "RECEIVE" else wanted
        answer: dict[str, Any] = {
            "transferAmount": _money(moved, currency), "payeeReceiveAmount": _money(moved - self.fee, currency),
            "expiration": date_time(self._now() + timedelta(seconds=self.quote_life)),
        }  # fmt: skip
        if self.fee:
            answer["payeeFspFee"] = _money(self.fee, currency)
        made = ilp.make(self.ilp_version, SECRET, ilp.transaction_object(asked, answer))
        return answer | {"ilpPacket": made.packet, "condition": made.condition}

    # -- transfer -----------------------------------------------------------------------------------------------------

    async def transfer(self, request: Request) -> Response:
        """POST /transfers: into the ledger, once per id; the fulfilment by callback."""
        body, said, payer = await self._signed(request)
        path, digest = ("transfers", said["transferId"]), hashlib.sha256(body).digest()
        known = self.transfers.get(said["transferId"])
        if known is not None and known[0] != digest:
            return await self._met(request, FINE, (*path, "error"), _error("3106"), payer, self.voices.hub)
        if self.loses:
            self.lost[said["transferId"]] = said
            return accepted()
        wrong = self._objection(said, payer)
        if wrong and known is None:
            return await self._met(request, FINE, (*path, "error"), _error(*wrong), payer, self.voices.hub)
        self.transfers[said["transferId"]] = (digest, said)
        turn = await self.ledger.run(self.provider.take, self._order(said))
        if turn.new:
            self.fire("taken", turn.entry)
            for task in self.fire("before_answer", turn.entry):
                await asyncio.wait([task], timeout=2.0)
            if turn.entry.status in DECIDED:
                self.fire("decided", turn.entry)
        elif turn.entry.status in self.states and turn.behaviour.answers == "truth":
            # As hubs answer the same bytes again: with the state, in their own name.
            self._later(0.0, path, self._state(turn.entry), payer, self.voices.hub)
        return await self._spoilt(request, turn.entry, turn.behaviour)

    def _objection(self, said: Mapping[str, Any], payer: str) -> tuple[str, str] | None:
        """What the hub validates: the payer, the time, that packet and condition are those of a quote."""
        if said["payerFsp"] != payer:
            return ("3100", "FSPIOP-Source is not the payer")
        if read_date_time(said["expiration"]) < self._now():
            return ("3100", "the transfer is over")
        packet = ilp.decode(said["ilpPacket"])
        if why := transfers.contradiction(packet, said):
            return ("5105", why)
        again = ilp.fulfilment_again(self.ilp_version, SECRET, said["ilpPacket"])
        return None if ilp.is_fulfilled(again, said["condition"]) else ("5105", "the condition is not the quote's")

    def _order(self, said: Mapping[str, Any]) -> Order:
        asked = ilp.decode(said["ilpPacket"]).transaction
        payee, amount = asked["payee"]["partyIdInfo"], said["amount"]
        return Order(
            said["transferId"], said["transferId"], asked["quoteId"], payee["partyIdType"],
            account_of(payee["partyIdentifier"]), minor_units(**amount) - self._fee_in(asked), amount["currency"],
            callback_url=said["payerFsp"],
        )  # fmt: skip

    def _fee_in(self, asked: Mapping[str, Any]) -> int:
        quote = self.quotes.get(str(asked.get("quoteId")))
        return self.fee if quote is not None and quote.asked["amountType"] == "RECEIVE" else 0

    async def _spoilt(self, request: Request, entry: Entry, behaviour: Behaviour) -> Response:
        if behaviour.delay:
            await asyncio.sleep(behaviour.delay)
        if behaviour.answers == "refusal":
            return refusal(400, self.repeated, "refused at the door")
        return accepted() if behaviour.answers == "truth" else await wire_fault(request, behaviour.answers)

    async def find(self, request: Request) -> Response:
        """GET /transfers/{id}: the hub's ledger answers, by callback."""
        path, payer = _segments(request), request.headers.get("fspiop-source", "")
        entry, spoils = await self.ledger.run(self.provider.find, path[1])
        if entry is None:
            self._later(spoils.delay, (*path, "error"), _error("3208"), payer, self.voices.hub)
        else:
            self._later(spoils.delay, path, self._state(entry), payer, self.voices.hub)
        return accepted() if spoils.answers == "truth" else await wire_fault(request, spoils.answers)

    def _state(self, entry: Entry, says: str = "") -> dict[str, Any]:
        """What the ledger says; a claim instead has a fulfilment that nobody but the payee could make right."""
        status = says or entry.status
        said: dict[str, Any] = {"transferState": self.states[status]}
        if status in ("paid", "reversed"):
            packet = self.transfers[entry.order.key][1]["ilpPacket"]
            right = ilp.fulfilment_again(self.ilp_version, SECRET, packet)
            said |= {"fulfilment": right if entry.moved else "A" * 43, "completedTimestamp": date_time(self._now())}
        return said

    # -- calling back -------------------------------------------------------------------------------------------------

    def fire(self, when: str, entry: Entry) -> list[asyncio.Task[None]]:
        """Start the callbacks that the transfer's behaviour has for this moment."""
        calls = [call for call in booked_by(entry).calls if call.when == when]
        return [self.spawn(self._call(entry, call)) for call in calls]

    async def _call(self, entry: Entry, call: Call) -> None:
        await asyncio.sleep(call.after + self.delay)
        says = entry.status if call.says == "truth" else call.says
        path: tuple[str, ...] = ("transfers", entry.order.key)
        body: Any = self._state(entry, says)
        if says == "refused":
            path, body = (*path, "error"), _error(CODES.get(entry.code, "5104"))
        await self.voices.say(path, body, to=entry.order.callback_url, source=self.voices.payee, signed=call.signed)

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run beside; nobody waits for it."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- the scheme's books -------------------------------------------------------------------------------------------

    async def position(self, request: Request) -> Response:
        """GET /participants/{fsp}/positions, as central-ledger has it."""
        currency = request.query_params.get("currency", "UGX")
        available = await self.ledger.run(self.provider.ledger.available, currency)
        return Response(f'{{"currency":"{currency}","value":{Money(OPENING - available, currency).text}}}')

    async def limits(self, request: Request) -> Response:
        """GET /participants/{fsp}/limits"""
        currency = request.query_params.get("currency", "UGX")
        cap = Money(OPENING, currency).text
        return Response(f'[{{"currency":"{currency}","limit":{{"type":"NET_DEBIT_CAP","value":{cap}}}}}]')

    async def endpoint(self, request: Request) -> Response:
        """POST /participants/{fsp}/endpoints {"type", "value"}: where the payer is called back from now on."""
        self.voices.callbacks = str(parse(await request.body())["value"])
        return Response(status_code=201)

    # -- the application ----------------------------------------------------------------------------------------------

    async def _signed(self, request: Request) -> tuple[bytes, dict[str, Any], str]:
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = request.scope.get("raw_path", request.scope["path"].encode()).decode("ascii")
        if not await asyncio.to_thread(self.voices.is_signed, request.method, target, headers, body):
            raise Refuses(refusal(400, "3105", "the signature is not the payer's"))
        try:
            return body, parse(body), headers.get("fspiop-source", "")
        except Malformed as error:
            raise Refuses(refusal(400, "3101", str(error))) from None

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.provider.clock() + self.skew, UTC)

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
        await self.voices.close()
        self.ledger.close()
        self.provider.ledger.close()

    def application(self) -> Starlette:
        """`app.state.simulator` is this; `app.state.closing` ends all silence."""
        table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
            ("GET", "/parties/{type}/{id}", self.party),
            ("GET", "/parties/{type}/{id}/{sub}", self.party),
            ("GET", "/participants/{fsp}/positions", self.position),
            ("GET", "/participants/{fsp}/limits", self.limits),
            ("POST", "/participants/{fsp}/endpoints", self.endpoint),
            ("GET", "/participants/{type}/{id}", self.participant),
            ("GET", "/participants/{type}/{id}/{sub}", self.participant),
            ("POST", "/quotes", self.quote),
            ("GET", "/quotes/{id}", self.quote_again),
            ("POST", "/transfers", self.transfer),
            ("GET", "/transfers/{id}", self.find),
        ]
        routes = [Route(path, Endpoint(handle, self._now), methods=[method]) for method, path, handle in table]
        app = Starlette(routes=routes, lifespan=self._life)
        app.state.closing, app.state.simulator = asyncio.Event(), self
        return app


def _segments(request: Request) -> tuple[str, ...]:
    return tuple(request.scope["path"].strip("/").split("/"))


def _money(minor: int, currency: str) -> dict[str, str]:
    return {"amount": amount_text(Money(minor, currency)), "currency": currency}


def _error(code: str, text: str = "as asked for") -> dict[str, Any]:
    return {"errorInformation": {"errorCode": code, "errorDescription": text[:128] or "none"}}
