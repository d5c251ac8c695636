"""One batch channel's run: answers first, then what was begun, then the next file; again until nothing is due.

A payroll's next file is planned only when the one before is with the bank, or with people: while a file's fate is
unknown, no other file of that payroll is made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import attrs

from ...contract.batch import LeftOut
from ...contract.batch_channel import Faulty
from ...model.document import DocumentLife
from ...store import documents, payments
from ...store.database import Record
from ..jobs import Job
from . import planning
from .bench import Bench
from .handing import Handing
from .inbox import Inbox
from .lines import NEVER, overdue, tell
from .portion import Portion
from .staging import Busy, completed, look, planned

log = logging.getLogger(__name__)
# With the bank, or with people: the next file may be planned.
SETTLED = frozenset({"handed_over", "refused", "withdrawn", "held"})
# So many files of a payroll may be given up in one run; then something is wrong that a new file does not mend.
ANEW = 20
UNHEARD = "handed over, and the bank has said nothing of it for longer than its patience"


@attrs.define
class Desk:
    """`jobs`: the payrolls to work on; none: only the bank's answers are looked for."""

    bench: Bench
    jobs: Sequence[Job]
    next_due: int | None = None
    wake: Any = None
    _given_up: int = 0

    async def run(self, deadline: int | None, end: Any) -> None:
        """Until nothing more is due before `deadline` (None: as long as anything is open); then `end` is set."""
        self.wake = self.bench.runtime.event()
        try:
            await self._run(deadline)
            await self.bench.runtime.offload(self._let_go)
        finally:
            end.set()

    def _let_go(self) -> None:
        """Until the next run nobody needs the connections to the bank."""
        try:
            self.bench.batch.transport.close()
        except Exception as error:
            log.warning("channel %s: its transport cannot be closed: %s", self.bench.channel.name, error)

    def call(self) -> None:
        """Look up: something is otherwise than before."""
        if self.wake is not None:
            self.wake.set()

    async def _run(self, deadline: int | None) -> None:
        bench, inbox = self.bench, Inbox(self.bench)
        while True:
            began = bench.now()
            await inbox.collect()
            for job in self.jobs:
                await self._work(job)
            if self.jobs:
                await inbox.collect()
            if bench.stopping() or not bench.holds(bench.now()):
                return
            due = await self._due(inbox)
            if due is None:
                return
            if due <= began:
                # It was due and could not be done: another sender has it, or its payroll was stopped.
                due = bench.now() + bench.poll
            if deadline is not None and due > deadline:
                self.next_due = due
                return
            await bench.runtime.wait(self.wake, min(max(due - bench.now(), 1000), bench.poll))
            self.wake = bench.runtime.event()

    # -- one payroll --------------------------------------------------------------------------------------------------

    async def _work(self, job: Job) -> None:
        bench = self.bench
        while await bench.runtime.offload(partial(self._line_due, job)) <= bench.now():
            where = (job.payroll, bench.channel.name, bench.rules, bench.now())
            await bench.runtime.write(partial(overdue, bench.store, *where))
        for row in await self._unfinished(job):
            await self._go_on(job, row)
        await self._close_finished(job)
        if job.sent_only or bench.stopping() or bench.throttle.stopped:
            return
        given_up = -1
        while given_up != self._given_up:
            # Lines of a file that was given up are free again, behind the place where we read.
            given_up = self._given_up
            await self._plan(job)

    async def _plan(self, job: Job) -> None:
        """File after file, over everything that no file holds yet."""
        bench = self.bench
        groups = planning.groups(bench.store, job, bench.channel.name, bench.batch, bench.now())
        while await self._may_plan(job):
            ids = await bench.runtime.offload(partial(next, groups, None))
            if ids is None:
                return
            while await self._may_plan(job):
                if not await self._portion(job, ids):
                    break

    async def _portion(self, job: Job, ids: Iterator[str]) -> bool:
        """The next file's worth. False when there was none."""
        bench = self.bench
        with closing(Portion()) as portion:
            try:
                await planning.claim(bench, job, ids, portion)
                if portion:
                    await self._files(job, portion, bench.now())
                    bench.progress(len(portion))
            finally:
                await planning.give_back(bench, job)
        return portion.asked > 0

    async def _unfinished(self, job: Job) -> list[Record]:
        store, channel = self.bench.store, self.bench.channel.name

        def read() -> list[Record]:
            with store.read() as connection:
                return documents.unfinished(connection, job.payroll, channel)

        return await self.bench.runtime.offload(read)

    async def _may_plan(self, job: Job, opens: bool = True) -> bool:
        bench, now = self.bench, self.bench.now()
        if bench.stopping() or bench.throttle.stopped or self._given_up > ANEW or not bench.holds(now):
            return False
        if opens and bench.throttle.opens(now) > now:
            return False
        return all(row.state in SETTLED for row in await self._unfinished(job))

    async def _go_on(self, job: Job, row: Record) -> None:
        """What was begun, by us or by one who is gone, goes on where it was."""
        bench = self.bench
        if row.telling:
            await self._tell(row.id)
        if row.state in SETTLED or (job.sent_only and not row.cancels and not await self._was_sent(row)):
            if row.state == "handed_over" and row.due <= bench.now():
                await self._unheard(row)
            return
        if row.due <= bench.now() and await self._mine(row.id):
            await self._deliver(row, 0)

    async def _deliver(self, row: Record, checked_at: int) -> None:
        bench = self.bench
        if row.state != "planned" or await completed(bench, row):
            await Handing(bench, row.id, checked_at).deliver()
        await self._tell(row.id)
        self._given_up += (await self._look(row.id))[0].state == "withdrawn"

    async def _files(self, job: Job, portion: Portion, checked_at: int) -> None:
        """What the gateway makes of a portion: each file is staged and handed over before the next is asked for."""
        bench, making = self.bench, planning.Making(self.bench, job, portion)
        try:
            while (made := await making.next()) is not None:
                if isinstance(made, LeftOut):
                    body = {"code": made.why.code, "reason": made.why.reason or made.why.code}
                    await planning.end(bench, job, [(portion.known(made.payment), "outcome", "refused", body)])
                    continue
                if made.kept is not None:
                    document = await planned(bench, job.payroll, making.number, made.name, made.kept, portion)
                    making.number += 1
                    await self._deliver((await self._look(document))[0], checked_at)
                else:
                    await self._smaller(job, portion, checked_at)
                portion.settled = portion.file
                if not await self._may_plan(job):
                    break
        except Faulty as error:
            log.error("payroll %s, channel %s: %s", job.payroll, bench.channel.name, error)
            for page in portion.unsettled():
                await planning.end(bench, job, [(known, "hold", str(error), {}) for known in page])
        except Busy as error:
            log.info("payroll %s: %s", job.payroll, error)

    async def _smaller(self, job: Job, portion: Portion, checked_at: int) -> None:
        """The bank takes no file as long as the portion's last: in halves."""
        if portion.sums(portion.file)[0] == 1:
            why = f"its file alone is longer than the bank takes ({self.bench.batch.limits.size} bytes)"
            (place,) = portion.page(portion.file, 0, 1)
            await planning.end(self.bench, job, [(portion.known(place.payment), "hold", why, {})])
            return
        for half in portion.halves(portion.file):
            with closing(half):
                if await self._may_plan(job):
                    await self._files(job, half, checked_at)

    # -- what is known -------------------------------------------------------------------------------------------------

    async def _look(self, document: str) -> tuple[Record, DocumentLife]:
        return await self.bench.runtime.offload(partial(look, self.bench.store, document))

    async def _tell(self, document: str) -> None:
        bench = self.bench
        while await bench.runtime.write(partial(tell, bench.store, document, bench.rules, bench.now())):
            bench.runtime.point("batch-told")

    async def _was_sent(self, row: Record) -> bool:
        return (await self._look(row.id))[1].put.money is not None

    def _line_due(self, job: Job) -> int:
        """When something is to be decided about the next payment that is with the bank; NEVER: not by ourselves."""
        with self.bench.store.read() as connection:
            due = payments.next_due(connection, job.payroll, self.bench.channel.name, True)
        return NEVER if due is None else due

    async def _mine(self, document: str) -> bool:
        bench = self.bench

        def job() -> bool:
            with bench.store.write() as connection:
                return documents.claim(connection, bench.sender, document)

        return await bench.runtime.write(job)

    async def _unheard(self, row: Record) -> None:
        """Its patience is over without any word: people must ask the bank. Or it is not over yet."""
        bench = self.bench
        _, life = await self._look(row.id)
        until = life.handed_at + bench.rules.patience
        if life.heard or bench.now() < until:
            due = NEVER if life.heard else until
            await bench.runtime.write(partial(documents.due_at, bench.store, row.id, due))
        else:
            await bench.note(row.id, "hold", UNHEARD)
            await self._tell(row.id)

    async def _close_finished(self, job: Job) -> None:
        bench = self.bench

        def read() -> list[str]:
            with bench.store.read() as connection:
                return documents.finished(connection, job.payroll, bench.channel.name)

        def close(ids: list[str]) -> None:
            with bench.store.write() as connection:
                documents.close_finished(connection, ids)

        if ids := await bench.runtime.offload(read):
            await bench.runtime.write(partial(close, ids))

    async def _due(self, inbox: Inbox) -> int | None:
        """When something is next to be done, by ourselves or with an answer that may have come."""
        dues: list[int] = []
        for job in self.jobs:
            with_bank = await self.bench.runtime.offload(partial(self._line_due, job))
            where = (self.bench.store, job, self.bench.channel.name)
            unsent = await self.bench.runtime.offload(partial(planning.next_due, *where))
            if with_bank < NEVER:
                dues += [with_bank, inbox.next_at]
            for row in await self._unfinished(job):
                if row.state in SETTLED:
                    dues += [row.due] if row.due < NEVER else []
                elif not job.sent_only or row.cancels or await self._was_sent(row):
                    dues.append(row.due)
            if unsent is not None and not job.sent_only and await self._may_plan(job, opens=False):
                dues.append(max(unsent, self.bench.throttle.opens(self.bench.now())))
        return min(dues, default=None)
