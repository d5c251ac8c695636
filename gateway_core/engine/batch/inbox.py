"""The bank's answers: fetched, kept, applied, and only then put away at the bank."""

from __future__ import annotations

import logging
from functools import partial

import attrs

from ...contract.batch import LineFact
from ...contract.transports.port import Handed, Ref
from ...model.errors import GatewayCoreError
from ...store import answers, documents, files
from ...store.database import Record
from ..evidence import plain
from .answers import Reading, not_its_own
from .bench import Bench
from .calm import calm
from .lines import tell

log = logging.getLogger(__name__)
NAME = 200


@attrs.define
class Inbox:
    """`next_at`: when the bank's side is looked at again; sooner after something came, at growing intervals else."""

    bench: Bench
    next_at: int = 0
    _pause: int = 0
    _seen: set[tuple[str, str]] = attrs.field(factory=set)
    # Whose reading had to be interrupted, or met a full disk: the next run tries again.
    _hung: set[str] = attrs.field(factory=set)

    async def collect(self) -> None:
        """Take what is there, if it is time to look; and what was taken and not dealt with, at once."""
        bench = self.bench
        for row in await bench.runtime.offload(self._new):
            with calm():
                await self._apply(row)
        if bench.now() < self.next_at:
            return
        came = False
        for ref in await bench.runtime.offload(self._listed):
            if (ref.name, ref.mark) not in self._seen:
                came |= await self._take(ref)
        self._pause = bench.rules.ask_after if came else min(max(self._pause * 2, bench.rules.ask_after), self._longest)
        self.next_at = bench.now() + self._pause

    @property
    def _longest(self) -> int:
        return max(self.bench.rules.ask_at_most, self.bench.rules.ask_after)

    def _new(self) -> list[Record]:
        with self.bench.store.read() as connection:
            return [row for row in answers.new(connection, self.bench.channel.name) if row.id not in self._hung]

    def _listed(self) -> list[Ref]:
        try:
            transport = self.bench.batch.transport
            transport.watch(self._handed())
            return list(transport.list())
        except Exception as error:
            log.warning("channel %s: the bank's answers cannot be listed: %s", self.bench.channel.name, error)
            return []

    def _handed(self) -> list[Handed]:
        with self.bench.store.read() as connection:
            rows = documents.handed_over(connection, self.bench.channel.name)
        return [Handed(row.name, row.id, row.reference) for row in rows]

    async def _take(self, ref: Ref) -> bool:
        """Fetch, keep, apply, put away. False: nothing came of it now."""
        bench = self.bench
        row = await bench.runtime.offload(partial(self._keep, ref))
        if row is None:
            return False
        bench.runtime.point("batch-answer-stored")
        if row.state == answers.NEW:
            with calm():
                row = await self._apply(row)
        if row.state == "applied":
            bench.runtime.point("batch-answer-applied")
            await bench.runtime.offload(partial(self._put_away, ref))
        self._seen.add((ref.name, ref.mark))
        return True

    def _keep(self, ref: Ref) -> Record | None:
        bench, store = self.bench, self.bench.store
        try:
            kept = files.keep(store, bench.batch.transport.fetch(ref), files.LARGEST)
        except GatewayCoreError:
            raise
        except Exception as error:
            log.warning("channel %s: %s cannot be fetched: %s", bench.channel.name, plain(ref.name, NAME), error)
            return None
        with store.write() as connection:
            return answers.register(
                connection, store, bench.channel.name, plain(ref.name, NAME), kept, answers.TRANSPORT
            )

    def _put_away(self, ref: Ref) -> None:
        try:
            self.bench.batch.transport.archive(ref)
        except Exception as error:
            log.warning("channel %s: %s cannot be put away: %s", self.bench.channel.name, plain(ref.name, NAME), error)

    async def _apply(self, row: Record) -> Record:
        """Read it whole; then page by page, each a job of the writer's own."""
        bench, runtime = self.bench, self.bench.runtime
        reading = Reading(bench.store, bench.channel.name, bench.batch, bench.rules, row)
        try:
            why = await runtime.offload(reading.faults)
        except Exception as error:
            if not not_its_own(error):
                raise
            log.warning("channel %s: %s was not read to its end, and stays: %s", bench.channel.name, row.name, error)
            self._hung.add(row.id)
            return row
        if why:
            log.warning("channel %s: %s cannot be read: %s", bench.channel.name, row.name, why)
            await runtime.write(partial(reading.unreadable, why))
        else:
            pages, page = reading.pages(), list[tuple[int, LineFact]]()
            while True:
                for document in await runtime.offload(reading.untold):
                    await bench.pages(partial(tell, bench.store, document, bench.rules, bench.now()))
                page = page or await runtime.offload(partial(next, pages, []))
                if not page:
                    break
                if await runtime.write(partial(reading.apply, page, bench.now())):
                    page = []
                runtime.point("batch-answer-page")
            await runtime.write(reading.over)
        return await runtime.offload(partial(self._again, row.id))

    def _again(self, answer: str) -> Record:
        with self.bench.store.read() as connection:
            return answers.get(connection, answer)
