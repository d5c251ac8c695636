"""What every part of a channel's desk needs: the seams, the store, the channel, and who we are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from ...contract.batch import BatchCtx
from ...contract.batch_channel import Batch
from ...contract.channel import Channel
from ...contract.policies import Policies
from ...model.document import note
from ...model.facts import Fact
from ...model.moments import as_time
from ...model.payment import Payment
from ...store import Store, documents
from ..decide import Rules
from ..mark import Mark
from ..objecting import objections
from ..pace import Throttle
from ..runtime import SECOND, Runtime


@attrs.define
class Bench:
    """`holds(now)`: does this sender still have its lease? `restored`: what goes first is asked about before."""

    runtime: Runtime
    store: Store
    channel: Channel
    policies: Policies
    throttle: Throttle
    rules: Rules
    sender: int
    holds: Callable[[int], bool]
    on_stop: Any
    mark: Mark | None = None
    restored: bool = False
    poll: int = SECOND
    progress: Callable[[int], None] = lambda finished: None
    stopping: Callable[[], bool] = lambda: False

    @property
    def batch(self) -> Batch:
        """What only a batch rail can do."""
        assert self.channel.batch is not None
        return self.channel.batch

    def now(self) -> int:
        """UTC, microseconds."""
        return self.runtime.now()

    def ctx(self, payroll: str, number: int, at: int, attempts: Mapping[str, int]) -> BatchCtx:
        """What a gateway may know when it writes a file, or reads what became of it."""
        now: datetime = as_time(at)
        return BatchCtx(self.store.deployment, payroll, self.channel.name, number, now, attempts)

    async def pages(self, page: Callable[[], bool]) -> None:
        """Page after page, each a job of the writer's own, so that others' intents go in between."""
        while await self.runtime.write(page):
            pass

    async def note(self, document: str, kind: str, value: str = "", source: str = "driver", **body: Any) -> None:
        """State one fact about a document, whatever it is by now."""
        at = self.now()
        await self.runtime.write(lambda: note_fact(self.store, document, at, kind, value, source, body))

    async def objections(self, payments: Sequence[Payment]) -> dict[str, str]:
        """See `objecting.objections`."""
        return await objections(self.runtime, self.policies, payments)


def note_fact(store: Store, document: str, at: int, kind: str, value: str, source: str, body: dict[str, Any]) -> None:
    """In a transaction of its own."""
    with store.write() as connection:
        row, life = documents.look(connection, document)
        fact: Fact = note(life, at, kind, value, source, **body)
        documents.tell(connection, store, row, life, [fact])


def pieces(items: list[Any], size: int) -> Iterable[list[Any]]:
    """The items, so many at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))
