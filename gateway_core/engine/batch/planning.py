"""Planning: which payments go into the next file, and what the gateway makes of them.

A file's worth of payments is claimed, checked (the line against what was approved, the host's policies) and given to
`prepare_batch`. What cannot go is held or refused, each with its reason; nothing of it was sent.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any

import attrs
import sqlalchemy as sa

from ...contract.batch import BatchCtx, Document, LeftOut
from ...contract.batch_channel import Batch, Faulty
from ...model.errors import GatewayCoreError
from ...model.facts import Fact
from ...model.life import add, fold
from ...model.states import UNSENT
from ...store import Store, Write, documents, files, journal, payments, payrolls, senders, writes
from ...store import tables as t
from ...store.files import Kept, TooLong
from ...store.payments import Line
from ..evidence import plain
from ..jobs import Job
from .bench import Bench, pieces
from .portion import Attempts, Known, Portion
from .scratch import Scratch

CLAIMED = 250
READ = 250
# Which group a payment is in, and its line in the payroll.
_GROUPED = "CREATE TABLE line (place TEXT, line INTEGER, id TEXT, PRIMARY KEY (place, line)) WITHOUT ROWID;"
_NEXT = "SELECT id, line FROM line WHERE place = ? AND line > ? ORDER BY line LIMIT ?"
_p = t.payments.c


@attrs.frozen
class Made:
    """The name of a document, and what came of its bytes: kept, or too long for the bank."""

    name: str
    kept: Kept | None


def groups(store: Store, job: Job, channel: str, batch: Batch, now: int) -> Iterator[Iterator[str]]:
    """Ids of unsent payments, in the order of their lines, group by group: those of two groups never share a file."""
    if not batch.groups:
        yield (row.id for row in _unsent(store, job, channel, now))
        return
    # Read to the end first: a group may have its last payment on the last line.
    with closing(Scratch(_GROUPED)) as scratch:
        rows = ((_group(batch, row), row.line, row.id) for row in _unsent(store, job, channel, now))
        while page := list(islice(rows, READ)):
            scratch.many("INSERT INTO line VALUES (?, ?, ?)", page)
        for (place,) in scratch.rows("SELECT DISTINCT place FROM line ORDER BY place"):
            yield _of_group(scratch, place)


def _of_group(scratch: Scratch, place: str) -> Iterator[str]:
    after = -1
    while page := scratch.rows(_NEXT, place, after, READ):
        yield from (payment for payment, _ in page)
        after = page[-1][1]


def _unsent(store: Store, job: Job, channel: str, now: int) -> Iterator[Any]:
    where = (_p.channel == channel, _p.state.in_(UNSENT), _p.open, _p.sender.is_(None), _p.due <= now)
    for page in payments.pages(store.read, job.payroll, READ, *where):
        yield from page


def _group(batch: Batch, row: Any) -> str:
    """A gateway that fails here fails at each of its payments, in `prepare_batch`, where they are held."""
    try:
        group = batch.group_of(payments.as_payment(row))
        group.encode()
        return group
    except Exception:
        return ""


async def claim(bench: Bench, job: Job, ids: Iterator[str], portion: Portion) -> None:
    """Into the portion come the next of these payments, one file's worth, ours now. Those that may not go are held."""
    most = bench.batch.limits.lines

    def page() -> list[str]:
        return list(islice(ids, min(CLAIMED, most - portion.asked)))

    while some := await bench.runtime.offload(page):
        portion.asked += len(some)
        found, refused = await bench.runtime.write(partial(_claim, bench, job.payroll, some))
        why = dict(refused) | {
            line.payment.id: "the line differs from what was approved"
            for line in found
            if line.payment.leaf() != line.leaf
        }
        said = await bench.objections([line.payment for line in found if line.payment.id not in why])
        why |= {payment: reason for payment, reason in said.items() if payment not in why}
        held = [(Known(line.payment.id, len(line.facts)), why[line.payment.id]) for line in found
                if line.payment.id in why]  # fmt: skip
        await end(bench, job, [(known, "hold", reason, {}) for known, reason in held])
        portion.add((x.payment, x.attempt, len(x.facts)) for x in found if x.payment.id not in why)


def _claim(bench: Bench, payroll: str, ids: Sequence[str]) -> tuple[list[Line], Mapping[str, str]]:
    store = bench.store
    with store.write() as connection:
        if not payrolls.sends(connection, payroll):
            return [], {}
        rows, refused = senders.claim_these(connection, bench.sender, ids, bench.now())
        facts = journal.facts_of_many(connection, [row.id for row in rows if row.facts])
        if rows:
            payrolls.begun(connection, store, payroll)
    return [payments.as_line(row, facts.get(row.id, [])) for row in rows], refused


async def end(bench: Bench, job: Job, said: Sequence[tuple[Known, str, str, dict[str, Any]]]) -> None:
    """Write (of which payment, kind, value, body) of payments that are ours, and let go of them."""
    for page in pieces(list(said), CLAIMED):
        await bench.runtime.write(partial(_end, bench, job.payroll, page))


def _end(bench: Bench, payroll: str, said: Sequence[tuple[Known, str, str, dict[str, Any]]]) -> None:
    now, new = bench.now(), []
    with bench.store.write() as connection:
        facts = journal.facts_of_many(connection, [known.payment for known, *_ in said])
        for known, kind, value, body in said:
            # What another was quicker with is as it is; it is looked at again at the next turn.
            if len(facts[known.payment]) != known.facts:
                continue
            life = fold(facts[known.payment])
            source = "flow" if kind == "outcome" else "driver"
            fact = Fact(life.facts + 1, now, kind, plain(value), source, life.attempt, body=body)
            add(life, fact)
            how: dict[str, Any] = {"sender": bench.sender, "release": True}
            new.append(Write.of(known.payment, payroll, life, known.facts, [fact], **how))
        writes.apply(connection, bench.store, new)


async def give_back(bench: Bench, job: Job) -> None:
    """Let go of what is still ours and in no file, as it is."""
    await bench.pages(partial(_give_back, bench, job.payroll))


def _give_back(bench: Bench, payroll: str) -> bool:
    with bench.store.write() as connection:
        return senders.give_back_unsent(connection, bench.sender, payroll, bench.channel.name, READ)


class Making:
    """One call of `prepare_batch`, document by document."""

    def __init__(self, bench: Bench, job: Job, portion: Portion) -> None:
        self._bench, self._job, self._portion = bench, job, portion
        self._documents: Iterator[Document | LeftOut] | None = None
        # Of the next document; the gateway was told that of the first.
        self.number = 0

    async def next(self) -> Made | LeftOut | None:
        """The next, with its bytes kept; None: that was all. Raises Faulty, with the trace of what a gateway raises."""
        return await self._bench.runtime.offload(self._next)

    def _next(self) -> Made | LeftOut | None:
        bench = self._bench
        try:
            if self._documents is None:
                self._documents = self._portion.made(bench.batch, self._ctx())
            made = next(self._documents, None)
            if not isinstance(made, Document):
                return made
            content = [made.content] if isinstance(made.content, bytes) else made.content
            try:
                return Made(made.name, files.keep(bench.store, content, bench.batch.limits.size or files.LARGEST))
            except TooLong:
                return Made(made.name, None)
        except (Faulty, OSError, GatewayCoreError):
            # The disk's or the store's failure is not the gateway's.
            raise
        except Exception as error:
            if self._portion.scratch.broken is not None:
                # It came through the gateway, which made something else of it.
                raise self._portion.scratch.broken from error
            trace = "".join(traceback.format_exception(error, limit=-6))
            raise Faulty(f"prepare_batch raised:\n{trace}") from error

    def _ctx(self) -> BatchCtx:
        bench, job = self._bench, self._job
        with bench.store.read() as connection:
            self.number = documents.next_number(connection, job.payroll, bench.channel.name)
        return bench.ctx(job.payroll, self.number, bench.now(), Attempts(self._portion))


def next_due(store: Store, job: Job, channel: str) -> int | None:
    """When the next payment that no file holds yet may go; None when there is none."""
    query = sa.select(sa.func.min(_p.due)).where(
        _p.payroll == job.payroll, _p.channel == channel, _p.open, _p.sender.is_(None), _p.state.in_(UNSENT)
    )
    with store.read() as connection:
        if not payrolls.sends(connection, job.payroll):
            return None
        due = connection.execute(query).scalar()
    return None if due is None else int(due)
