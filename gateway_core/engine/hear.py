"""Acting on callbacks that were stored: each becomes a fact of its payment (law 8).

An authenticated arrival is evidence about its key. Any other only triggers a question to the rail.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy.engine import Connection

from ..contract.channel import Channel
from ..contract.replies import Refused, Unknown
from ..model.facts import Fact
from ..model.life import add, fold
from ..store import Result, Store, Write, inbox, journal, payments, writes
from ..store.database import Record
from .evidence import fact_of, judged, plain
from .wire import ask_of

PAGE = 64
# Whatever else is settled may be tried again: then a hint that it was paid is asked about first.
BEYOND_DOUBT = frozenset({"paid", "returned"})
# What may become of an arrival, the first that holds for any payment which asked under its key.
BECAME = ("heard", "ignored", "unmatched")


def hear(store: Store, channel: Callable[[str], Channel | None], now: int, stops: dict[str, str] | None = None) -> int:
    """Act on the next page of new arrivals, in one transaction. Returns how many there were.

    `stops` is filled with the channels that an authenticated arrival stops, and why.
    """
    with store.read() as connection:
        if not inbox.new(connection, 1):
            return 0
    with store.write() as connection:
        rows = inbox.new(connection, PAGE)
        for row in rows:
            inbox.mark(connection, row.id, _act(connection, store, channel(row.channel), row, now, stops))
    return len(rows)


def _act(
    connection: Connection, store: Store, channel: Channel | None, row: Record, now: int, stops: dict[str, str] | None
) -> str:
    """What became of an arrival. Two payments may have asked under one key (a look-up of the same person)."""
    asked = journal.payments_of_key(connection, row.key) if row.key and channel is not None else []
    became = {_heard_by(payment, connection, store, channel, row, now, stops) for payment in asked if channel}
    return next((state for state in BECAME if state in became), "unmatched")


def _heard_by(
    payment: str, connection: Connection, store: Store, channel: Channel, row: Record, now: int,
    stops: dict[str, str] | None,
) -> str:  # fmt: skip
    line = payments.get(connection, payment)
    if line is None or line.payment.channel != row.channel:
        return "unmatched"
    life = fold(line.facts)
    fact = _fact(channel, line.facts, row, life.facts + 1, now, stops)
    if fact is None or (fact.value == "heard" and life.state in BEYOND_DOUBT):
        return "ignored"
    known = len(life.cases)
    add(life, fact)
    write = Write.of(line.payment.id, line.payroll, life, len(line.facts), [fact], cases=tuple(life.cases[known:]))
    # What cannot be written would come again and again: its row disagrees with its facts, as `gateway verify` tells.
    return "heard" if writes.apply(connection, store, [write]) == [Result.OK] else "unmatched"


def _fact(
    channel: Channel, facts: list[Fact], row: Record, no: int, now: int, stops: dict[str, str] | None
) -> Fact | None:
    intent = _asked(facts, row)
    if intent is None:
        return None
    money = bool(intent.body.get("moves_money"))
    if not row.authentic:
        hint = {"arrival": row.id, "moves_money": money}
        return Fact(no, now, "word", "heard", "callback", intent.attempt, intent.step, body=hint)
    ask = ask_of(intent.step, intent.body)
    verdict, seen = judged(channel, ask, (200, json.loads(row.headers), row.body), "callback", row.path)
    if stops is not None and isinstance(verdict, Refused) and verdict.stops_channel:
        stops[channel.name] = plain(verdict.reason or verdict.code)
    if isinstance(verdict, Unknown):
        word = "unknown" if _answers_a_question(facts, intent) else "heard"
        why = {"why": verdict.why[:200], "moves_money": money}
        return Fact(no, now, "word", word, "callback", intent.attempt, intent.step, body=why)
    return fact_of(
        verdict, seen, no=no, at=now, attempt=intent.attempt, step=intent.step, source="callback", money=money
    )


def _answers_a_question(facts: list[Fact], intent: Fact) -> bool:
    """Whether it was asked, with the answer to come by callback: then the next question has its time."""
    said = [
        fact for fact in facts if fact.kind == "word" and (fact.attempt, fact.step) == (intent.attempt, intent.step)
    ]
    return bool(said) and said[-1].value == "asked"


def _asked(facts: list[Fact], row: Record) -> Fact | None:
    """The question that an arrival answers: the last one under its key that was asked before it came.

    A key may serve several attempts and several payments (a look-up under the person's number): what came earlier
    answers no later question. The key of money is the attempt's own, whatever the clocks say.
    """
    asked = [fact for fact in facts if fact.kind == "intent" and fact.key == row.key]
    own = next((fact for fact in asked if fact.body.get("moves_money")), None)
    return next((fact for fact in reversed(asked) if fact.at <= row.at), own)
