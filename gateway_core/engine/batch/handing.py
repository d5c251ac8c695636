"""Handing a document over: may it go, the put and its three outcomes, the question whether it is there.

    done        the gateway says what that means: handed over, or refused as a whole
    not sent    proven: the same bytes go again
    unknown     it is asked for, twice and apart; then people must look
    parked      the bank has it and waits: everything is looked at again, then it is told, with an intent of its own

The put-intent is on disk before the put, with the digest of the bytes, which are read and digested anew each time.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any, Literal, TypeAlias

import attrs

from ...contract.batch import Delivered, HandedOver
from ...contract.batch_channel import Said
from ...contract.replies import Done, NotFound, NotTaken, Refused, Unknown
from ...contract.transports.port import NotSent, Occupied, Parcel, Parked
from ...model.document import PARKED, STEP, DocumentLife, add, note
from ...model.facts import Fact
from ...store import Store, document_lines, documents, files, payments, payrolls, senders
from ...store.database import Record, now_us
from ..decide import Kind, Move, decide_document
from ..evidence import LONGEST_PAUSE, fact_of, plain
from ..runtime import SECOND
from . import cancelling
from .bench import Bench
from .staging import give_up, look

CHECKED = 500
# So often the policies are asked again before a put. What they said just now is not too old, whatever is configured.
RECHECKS = 3
ASKING = SECOND
OTHERWISE = "the channel is configured otherwise than when it was planned"
ANSWERED = "some of its lines were settled in the meantime, and the same file would pay them again"
SPOKEN_OF = "the bank speaks of its lines, but it was never put: was the store restored?"
OPEN = frozenset({"sending", "pending", "unknown"})
# What is asked of the way to the bank, and how each is called.
Ask: TypeAlias = Callable[[Parcel], Said]
VERBS = {"ask": "put", "find_out": "probe", "approve": "approve"}
Source = Literal["ask", "find_out", "approve"]


class May(StrEnum):
    """Whether a file may be put now."""

    GO = "go"
    NOT_NOW = "not now"
    RECHECK = "recheck"
    PLAN_ANEW = "plan anew"
    HOLD = "hold"


@attrs.define
class Handing:
    """One document in our hands. `checked_at`: when the host's policies were last asked about its lines."""

    bench: Bench
    document: str
    checked_at: int = 0

    async def deliver(self) -> None:
        """Until nothing can be done with it now."""
        while await self._turn():
            pass

    async def _turn(self) -> bool:
        bench = self.bench
        row, life = await bench.runtime.offload(partial(look, bench.store, self.document))
        if row.sender != bench.sender or not bench.holds(bench.now()):
            return False
        move = decide_document(life, bench.rules, bench.now(), row.id)
        money = life.put.money
        if money is not None and not money.verdict and money.channel not in ("", bench.channel.fingerprint):
            move = Move(Kind.HOLD, why=OTHERWISE) if move.kind in (Kind.COPY, Kind.ASK, Kind.APPROVE) else move
        match move.kind:
            case Kind.CONTINUE if money is None:
                return await self._put(row, "intent")
            case Kind.CONTINUE:
                await self._means(row, life)
            case Kind.COPY:
                return await self._put(row, "copy")
            case Kind.APPROVE:
                return await self._put(row, "approve")
            case Kind.ASK:
                await self._exchange(row, bench.batch.probe, "find_out")
            case Kind.HOLD:
                await bench.note(row.id, "hold", move.why)
            case _:
                await self._let_go(move.at)
                return False
        return True

    async def _let_go(self, due: int) -> None:
        bench = self.bench

        def job() -> None:
            with bench.store.write() as connection:
                documents.let_go(connection, bench.sender, self.document, due)

        await bench.runtime.write(job)

    # -- may it go ----------------------------------------------------------------------------------------------------

    async def _put(self, row: Record, kind: str) -> bool:
        bench = self.bench
        if (opens := bench.throttle.opens(bench.now())) > bench.now() or bench.throttle.stopped or bench.stopping():
            await self._let_go(opens)
            return False
        if not await bench.runtime.offload(partial(files.whole, bench.store, row.sha256)):
            await bench.note(row.id, "altered")
            return True
        may, why = await self._allowed(row, kind)
        for _ in range(RECHECKS):
            if may is not May.RECHECK:
                break
            if why := await self._objection(row):
                may = May.PLAN_ANEW if kind == "intent" else May.HOLD
            else:
                may, why = await self._allowed(row, kind)
        if may is May.PLAN_ANEW:
            await give_up(bench, row.id, why)
            return True
        if may is May.HOLD:
            await bench.note(row.id, "hold", why)
            return True
        if may is not May.GO:
            await self._let_go(bench.now() + bench.rules.ask_after)
            return False
        bench.runtime.point("batch-approve-intent" if kind == "approve" else "batch-put-intent")
        fresh, life = await bench.runtime.offload(partial(look, bench.store, self.document))
        if life.put.money is not None and life.put.money.last == "withheld" and kind == "intent":
            return True
        if bench.holds(bench.now()):
            approve = partial(bench.batch.approve, reference=life.approved)
            how: tuple[Ask, Source] = (approve, "approve") if kind == "approve" else (bench.batch.put, "ask")
            await self._exchange(fresh, *how)
        return True

    async def _allowed(self, row: Record, kind: str) -> tuple[May, str]:
        """Write the put-intent, if everything that allows it is so in that very transaction."""
        bench = self.bench
        job = partial(_intend, bench, row.id, kind, self.checked_at, bench.now())
        may, why, head = await bench.runtime.write(job)
        if may is May.GO and bench.mark is not None:
            mark, session = bench.mark, bench.store.session
            await bench.runtime.write(lambda: mark.write(session, *head))
        return may, why

    async def _objection(self, row: Record) -> str:
        """What the policies said is too old: ask them again about every line. The first objection, or ''."""
        bench, after = self.bench, 0
        while page := await bench.runtime.offload(partial(_page, bench.store, row.id, after)):
            if said := await bench.objections([payments.as_payment(line) for line in page]):
                return f"a line of it may not go: {next(iter(said.values()))}"
            after = page[-1].n
        self.checked_at = bench.now()
        return ""

    # -- the way to the bank ------------------------------------------------------------------------------------------

    async def _exchange(self, row: Record, ask: Ask, source: Source) -> None:
        bench, store, sha256 = self.bench, self.bench.store, row.sha256
        parcel = Parcel(row.name, sha256, row.size, row.id, lambda: files.read(store, sha256))
        bench.runtime.point(f"batch-{VERBS[source]}")
        said = await bench.runtime.offload(partial(ask, parcel))
        bench.runtime.point(f"batch-after-{VERBS[source]}")
        bench.throttle.heard(bench.now(), not isinstance(said, NotSent | Unknown))
        if isinstance(said, Refused) and said.stops_channel:
            await bench.on_stop(bench.channel.name, plain(said.reason or said.code))
        await bench.runtime.write(partial(_heard, store, row.id, said, source, bench.now()))

    async def _means(self, row: Record, life: DocumentLife) -> None:
        """The put, or the question, was answered: the gateway says what that means."""
        bench, money = self.bench, life.put.money
        assert money is not None
        assert money.answer is not None
        body = money.answer.body
        answer = (
            Done(dict(body.get("body", {}))) if money.verdict == "done"
            else Refused(str(body.get("code", "refused")), str(body.get("reason", "")))
        )  # fmt: skip
        ctx = bench.ctx(row.payroll, row.number, money.answer.at, {})
        document = Delivered(row.name, row.sha256, row.size, row.lines, answer)
        try:
            said = await bench.runtime.offload(lambda: bench.batch.handed_over(document, ctx))
        except Exception as error:
            trace = "".join(traceback.format_exception(error, limit=-4))
            await bench.note(row.id, "hold", plain(f"execute_payment raised:\n{trace}"))
            return
        if isinstance(said, HandedOver) != isinstance(answer, Done):
            await bench.note(row.id, "hold", f"the gateway says {type(said).__name__} of {type(answer).__name__}")
        elif isinstance(said, HandedOver):
            await bench.note(
                row.id, "outcome", "handed_over", "flow", reference=plain(said.reference or life.approved, 200)
            )
        else:
            why = plain(said.reason or said.code)
            await bench.note(row.id, "outcome", "refused", "flow", code=plain(said.code), reason=why)


def _page(store: Store, document: str, after: int) -> list[Record]:
    with store.read() as connection:
        return document_lines.page(connection, document, after, CHECKED)


def _intend(bench: Bench, document: str, kind: str, checked_at: int, now: int) -> tuple[May, str, Any]:
    """In one transaction: judge, and write the intent."""
    store = bench.store
    with store.write() as connection:
        row, life = documents.look(connection, document)
        alive = senders.LEASE.rows(connection, w_id=bench.sender, w_now=now_us())
        if row.sender != bench.sender or not alive:
            return May.NOT_NOW, "", None
        if row.cancels:
            over, why = cancelling.hindrance(connection, row, bench.channel.fingerprint)
            if why:
                return (May.PLAN_ANEW if over and kind == "intent" else May.HOLD), why, None
            return _written(bench, connection, row, life, kind, now)
        if not payrolls.sends(connection, row.payroll):
            return May.NOT_NOW, "", None
        channels = payrolls.channels_of(payrolls.get(connection, row.payroll))
        if not row.fingerprint == bench.channel.fingerprint == channels.get(bench.channel.name):
            return (May.PLAN_ANEW if kind == "intent" else May.HOLD), OTHERWISE, None
        if (stands := _lines_stand(connection, row, life)) is not None:
            return *stands, None
        ttl = int(bench.channel.pace.recheck_ttl * SECOND)
        if bench.policies.asks_before_sending() and now - checked_at > max(ttl, ASKING):
            return May.RECHECK, "", None
        return _written(bench, connection, row, life, kind, now)


def _written(
    bench: Bench, connection: Any, row: Record, life: DocumentLife, kind: str, now: int
) -> tuple[May, str, Any]:  # fmt: skip
    withheld = kind == "intent" and (bench.restored or life.put.restored)
    fact = _intent(row, life, kind, withheld, now)
    add(life, fact)
    documents.tell(connection, bench.store, row, life, [fact])
    return May.GO, "", bench.store.head


def _lines_stand(connection: Any, row: Record, life: DocumentLife) -> tuple[May, str] | None:
    """None when every line is as it was planned: in this file, unanswered, and nobody's case."""
    states = document_lines.states(connection, row.id)
    open_lines = sum(count for state, (count, _) in states.items() if state in OPEN)
    first = life.put.money is None
    if first and life.heard:
        return May.HOLD, SPOKEN_OF
    if open_lines == row.lines and not document_lines.frozen(connection, row.id):
        return None
    return (May.PLAN_ANEW, "a line of it was withdrawn") if first else (May.HOLD, ANSWERED)


def _intent(row: Record, life: DocumentLife, kind: str, withheld: bool, now: int) -> Fact:
    if kind == "copy":
        return Fact(life.facts + 1, now, "copy", step=STEP)
    if kind == "approve":
        return Fact(life.facts + 1, now, "approve", life.parked, step=STEP, body={"sha256": row.sha256})
    body = {
        "moves_money": True, "find_out": {"probe": row.name}, "name": row.name, "sha256": row.sha256,
        "size": row.size, "lines": row.lines, "total": row.total, "allocation": bytes(row.allocation).hex(),
        "channel": row.fingerprint,
    }  # fmt: skip
    return Fact(life.facts + 1, now, "intent", "withheld" if withheld else "sent", step=STEP, key=row.id, body=body)


def _heard(store: Store, document: str, said: Said, source: Source, now: int) -> None:
    """Write down what the bank, or the way to it, said."""
    with store.write() as connection:
        row, life = documents.look(connection, document)
        documents.tell(connection, store, row, life, [_fact(life, said, source, now)])


def _fact(life: DocumentLife, said: Said, source: Source, now: int) -> Fact:
    if source == "approve":
        if (untold := _untold(said)) is not None:
            body = {"reference": life.approved, "untold": True, "why": plain(untold.why, 300)}
            return note(life, now, "word", PARKED, "ask", not_before=now + int(untold.seconds * SECOND), **body)
        source = "ask"
        if isinstance(said, Refused) and life.approvals - life.untold > 1:
            # It was told before, and may refuse to be told again: whether it still parks it, it is asked (law 3).
            said = Unknown(f"told again, it says {said.code}")
    if isinstance(said, Refused) and life.parked and (said.final or not said.stops_channel):
        # It has the file: only people can know that it never will carry it out.
        why = plain(f"{said.code}: {said.reason}", 300)
        return note(life, now, "hold", f"the bank parks it as {life.parked}, and will not carry it out: {why}", source)
    if isinstance(said, Parked):
        return note(life, now, "word", PARKED, source, reference=plain(said.reference, 256))
    if isinstance(said, NotSent) and source == "find_out" and (life.put.restored or _last_is_closed(life)):
        # It is proven of the last try only: that one is closed, or a restored store does not know which it was.
        said = NotFound()
    if isinstance(said, NotSent):
        return note(life, now, "unsent", plain(said.why, 300), source, why=plain(said.why, 300))
    if isinstance(said, Occupied):
        return note(life, now, "hold", plain(said.why or "another file lies under its name", 300), source)
    if isinstance(said, NotFound) and source == "ask":
        said = Unknown("a put cannot find nothing")
    fact = fact_of(
        said, type(said).__name__, no=life.facts + 1, at=now, attempt=1, step=STEP, source=source, money=True
    )
    add(life, fact)
    return fact


def _last_is_closed(life: DocumentLife) -> bool:
    """The last copy is known not to have left: what proves that of it says nothing of those before."""
    money = life.put.money
    return money is not None and money.closed_copy == money.copies


@attrs.frozen
class _Untold:
    """Why the bank was not told, and how long it wants to be left alone."""

    why: str
    seconds: float = 0.0


def _untold(said: Said) -> _Untold | None:
    """Of an approval that provably changed nothing; None of any other."""
    match said:
        case NotSent():
            return _Untold(said.why)
        case NotTaken():
            return _Untold("not taken", min(max(said.retry_after, 0.0), LONGEST_PAUSE))
        case Refused() if said.stops_channel and not said.final:
            return _Untold(said.reason or said.code)
    return None
