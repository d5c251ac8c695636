"""Acting on callbacks that were stored: each becomes a fact of its payment (law 8).

An authenticated arrival is evidence about its key. Any other only triggers a question to the rail.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy.engine import Connection

from ..contract.channel import Channel
from ..contract.replies import Unknown
from ..model.facts import Fact
from ..model.life import add, fold
from ..model.states import SETTLED
from ..store import Result, Store, Write, inbox, journal, payments, writes
from ..store.database import Record
from .evidence import fact_of, judged
from .wire import ask_of

PAGE = 64


def hear(store: Store, channel: Callable[[str], Channel | None], now: int) -> int:
    """Act on the next page of new arrivals, in one transaction. Returns how many there were."""
    with store.read() as connection:
        if not inbox.new(connection, 1):
            return 0
    with store.write() as connection:
        rows = inbox.new(connection, PAGE)
        for row in rows:
            inbox.mark(connection, row.id, _act(connection, store, channel(row.channel), row, now))
    return len(rows)


def _act(connection: Connection, store: Store, channel: Channel | None, row: Record, now: int) -> str:
    found = journal.payment_of_key(connection, row.key) if row.key else None
    line = payments.get(connection, found[0]) if found else None
    if channel is None or found is None or line is None or line.payment.channel != row.channel:
        return "unmatched"
    life = fold(line.facts)
    fact = _fact(channel, line.facts, row, life.facts + 1, now)
    if fact is None or (fact.value == "heard" and life.state in SETTLED):
        return "ignored"
    known = len(life.cases)
    add(life, fact)
    open_ = life.state not in SETTLED and life.state != "held"
    write = Write(
        payment=line.payment.id, payroll=line.payroll, expected=len(line.facts), facts=(fact,), state=life.state,
        attempt=life.attempt, reference=life.reference, reason=life.reason, due=0, open=open_,
        cases=tuple(life.cases[known:]),
    )  # fmt: skip
    # What cannot be written would come again and again: its row disagrees with its facts, as `gateway verify` tells.
    return "heard" if writes.apply(connection, store, [write]) == [Result.OK] else "unmatched"


def _fact(channel: Channel, facts: list[Fact], row: Record, no: int, now: int) -> Fact | None:
    intent = next(fact for fact in facts if fact.kind == "intent" and fact.key == row.key)
    money = bool(intent.body.get("moves_money"))
    if not row.authentic:
        return Fact(no, now, "word", "heard", "callback", intent.attempt, intent.step, body={"arrival": row.id})
    ask = ask_of(intent.step, intent.body)
    verdict, seen = judged(channel, ask, (200, json.loads(row.headers), row.body), "callback")
    if isinstance(verdict, Unknown):
        return Fact(no, now, "word", "heard", "callback", intent.attempt, intent.step, body={"why": verdict.why[:200]})
    return fact_of(
        verdict, seen, no=no, at=now, attempt=intent.attempt, step=intent.step, source="callback", money=money
    )
