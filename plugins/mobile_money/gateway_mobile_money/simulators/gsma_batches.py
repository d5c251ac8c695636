"""Batches of the GSMA API: loaded, parked, approved once, their outcomes told page by page in no order that helps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import attrs
from starlette.requests import Request
from starlette.responses import Response

from gateway_core.testing.behaviours import HONEST
from gateway_core.testing.ledger import Entry, Order
from gateway_core.testing.serving import wire_fault

from .common import Answer, Route_, body_of, json_of, reply
from .gsma_words import error, key_of, now, order_of, transaction_of, window

if TYPE_CHECKING:
    from .gsma import GsmaSimulator

TOLD = {"completions": ("paid", "reversed"), "rejections": ("refused",)}
LARGEST = 999_999


@attrs.define
class Batch:
    """One that was loaded. `status` is created, approved or completed."""

    number: int
    key: str
    title: str
    orders: list[Order]
    status: str = "created"

    @property
    def ident(self) -> str:
        """The provider's own."""
        return f"BID{self.number:06d}"


class Batches:
    """`holds=False`: a batch is carried out as soon as it is loaded, as where there is one step only.

    `titled=False`: a batch's title is not repeated. `approvals`: which batches were told to be carried out, each time.
    """

    def __init__(self, face: GsmaSimulator, *, holds: bool = True, titled: bool = True) -> None:
        self.face, self.holds, self.titled = face, holds, titled
        self.known: dict[str, Batch] = {}
        self.approvals: list[str] = []
        self._seen: dict[str, int] = {}

    def routes(self) -> list[Route_]:
        """(method, path, handler)."""
        return [
            ("POST", "/batchtransactions", self.load),
            ("GET", "/batchtransactions/{batch}", self.look),
            ("PATCH", "/batchtransactions/{batch}", self.approve),
            ("GET", "/batchtransactions/{batch}/{kind}", self.outcomes),
        ]

    def of_key(self, key: str) -> Batch | None:
        """What a correlation id came to; the first, where a repeated one made another."""
        return next((batch for batch in self.known.values() if batch.key == key), None)

    async def load(self, request: Request) -> Response:
        """Parked, or carried out at once."""
        key, said = key_of(request), await body_of(request)
        orders = [order_of(one, str(uuid5(UUID(key), str(n)))) for n, one in enumerate(_transactions(said))]
        provider = self.face.provider

        async def taken() -> Response:
            if provider.dedupe and self.of_key(key) is not None:
                return reply(error("businessRule", "duplicateRequest"), 400)
            batch = Batch(len(self.known) + 1, key, str(said.get("batchTitle") or ""), orders)
            self.known[batch.ident] = batch
            if not self.holds:
                await self._carry_out(batch)
            return reply(self.face.request_state(key), 202, {"X-CorrelationID": key})

        return await self._spoilt(request, f"load:{key}", taken)

    async def look(self, request: Request) -> Response:
        """A batch as a whole."""
        batch = self._batch(request)

        async def told() -> Response:
            return reply(await self._said(batch))

        return await self._spoilt(request, f"look:{batch.ident}", told)

    async def approve(self, request: Request) -> Response:
        """An update: said again, it changes nothing."""
        batch, said = self._batch(request), await json_of(request)
        if said != [{"op": "replace", "path": "/batchStatus", "value": "approved"}]:
            raise Answer(400, error("validation", "formatError"))

        async def approved() -> Response:
            self.approvals.append(batch.ident)
            if batch.status == "created":
                await self._carry_out(batch)
            return reply(None, 204)

        return await self._spoilt(request, f"approve:{batch.ident}", approved)

    async def _carry_out(self, batch: Batch) -> None:
        batch.status = "approved"
        provider = self.face.provider
        await self.face.ledger.run(lambda: [provider.take(order) for order in batch.orders])

    async def outcomes(self, request: Request) -> Response:
        """A page of its completions or rejections."""
        batch, kind = self._batch(request), request.path_params["kind"]
        if kind not in TOLD:
            raise Answer(404, error("identification", "identifierError"))

        async def told() -> Response:
            limit, offset = window(request)
            found = [entry for entry in await self._entries(batch) if entry.status in TOLD[kind]]
            page = found[offset : offset + limit]
            counts = {"X-Records-Available-Count": str(len(found)), "X-Records-Returned-Count": str(len(page))}
            return reply([self._item(kind, entry) for entry in page], 200, counts)

        return await self._spoilt(request, f"{kind}:{batch.ident}", told)

    async def _entries(self, batch: Batch) -> list[Entry]:
        """Of the items that anything became of; sorted by what has nothing to do with their order in the batch."""
        provider = self.face.provider
        found = await self.face.ledger.run(lambda: [provider.look(order.key) for order in batch.orders])
        known = [entry for entry in found if entry is not None]
        return sorted(known, key=lambda entry: hashlib.sha256(entry.order.key.encode()).digest())

    def _item(self, kind: str, entry: Entry) -> dict[str, Any]:
        said = transaction_of(entry)
        parties = {name: said[name] for name in ("debitParty", "creditParty")}
        item = {"requestingOrganisationTransactionReference": entry.order.reference, **parties}
        if kind == "rejections":
            return item | {"rejectionReason": entry.code or "rejected", "rejectionDate": now()}
        reference = said["transactionReference"]
        return item | {
            "transactionReference": reference, "completionDate": now(), "link": f"/transactions/{reference}",
        }  # fmt: skip

    async def _said(self, batch: Batch) -> dict[str, Any]:
        entries = await self._entries(batch)
        counts = [sum(entry.status in states for entry in entries) for states in TOLD.values()]
        if batch.status == "approved" and sum(counts) == len(batch.orders):
            batch.status = "completed"
        at, titled = now(), {"batchTitle": batch.title} if self.titled else {}
        return {
            "batchId": batch.ident, "batchStatus": batch.status, "creationDate": at, "approvalDate": at,
            "completionDate": at,
            "parsingSuccessCount": len(batch.orders), "completedCount": counts[0], "rejectionCount": counts[1],
            **titled,
        }  # fmt: skip

    def _batch(self, request: Request) -> Batch:
        batch = self.known.get(request.path_params["batch"])
        if batch is None:
            raise Answer(404, error("identification", "identifierError"))
        return batch

    async def _spoilt(self, request: Request, about: str, effect: Callable[[], Any]) -> Response:
        """As chaos has it: done and not answered, not even done, or both as they should be."""
        chaos, number = self.face.provider.chaos, self._seen.get(about, 0) + 1
        self._seen[about] = number
        spoils = chaos.for_ask(about, number) if chaos else HONEST
        if spoils.answers == "truth":
            answered: Response = await effect()
            return answered
        if number % 2:
            await effect()
        return await wire_fault(request, spoils.answers)


def _transactions(said: dict[str, Any]) -> list[Any]:
    found = said.get("transactions")
    if not isinstance(found, list) or not 0 < len(found) <= LARGEST:
        raise Answer(400, error("validation", "mandatoryValueNotSupplied", "transactions"))
    return found
