"""Running a flow again by hand, over the answers that it was given before: what it asks, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from ...contract.channel import Channel
from ...contract.flow import Answer, Ask, Ctx
from ...engine.wire import fingerprint, journal_form
from .watch import Talk


@attrs.define
class Again:
    """`asks` as they were yielded; `end` what was returned; `raised` what was raised instead."""

    asks: list[Any] = attrs.field(factory=list)
    ended: bool = False
    end: Any = None
    raised: BaseException | None = None


def run_again(channel: Channel, talk: Talk, answers: Sequence[Answer] | None = None, **changed: Any) -> Again:
    """The flow of `talk` once more on `channel`. `answers` replace those it was given; `changed` its arguments."""
    given = {**talk.given, **changed}
    old: Ctx = given["ctx"]
    ctx = Ctx(old.deployment, old.entitlement, old.number, old.attempt, talk.began or old.now, old.name)
    told = [turn.answer for turn in talk.turns if turn.answer is not None] if answers is None else list(answers)
    times = [turn.now for turn in talk.turns]
    again, answer = Again(), None
    try:
        flow: Any = getattr(channel, talk.hook)(**{**given, "ctx": ctx})
        for number in range(len(told) + 1):
            ctx.now = times[number] if number < len(times) else ctx.now
            again.asks.append(flow.send(answer))
            answer = told[number] if number < len(told) else None
            if answer is None:
                break
        flow.close()
    except StopIteration as stop:
        again.ended, again.end = True, stop.value
    except BaseException as error:
        again.raised = error
    return again


def printed(ask: Any) -> str:
    """An ask, so that two of them can be compared: as the journal would, with everything that it keeps."""
    if not isinstance(ask, Ask):
        return repr(ask)
    try:
        found = journal_form(ask.find_out) if ask.find_out is not None else None
        asked = fingerprint(ask.name, journal_form(ask.request))
        return f"{asked} {found} {ask.moves_money} {ask.callback}"
    except Exception as error:
        return f"{ask.name}: {type(error).__name__}: {error}"
