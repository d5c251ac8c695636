"""Planted bugs of the core: each a small patch of one function. The simulation must see every one of them die."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from gateway_core.contract.replies import Done, NotFound, Refused, Unknown, Verdict, Waiting
from gateway_core.engine import decide, driver, evidence, groups, hear, work
from gateway_core.model import life, states
from gateway_core.store import Result, writes
from gateway_core.store import payments as stored

Patch = Callable[[pytest.MonkeyPatch], None]


def _verdict(change: Callable[[Verdict, int, Any], Verdict]) -> Patch:
    """Another reading of replies to the driver's own exchanges."""

    def patch(m: pytest.MonkeyPatch) -> None:
        real = evidence.judged

        def judged(channel: Any, ask: Any, reply: Any, source: Any) -> tuple[Verdict, str]:
            verdict, seen = real(channel, ask, reply, source)
            return (change(verdict, reply[0], ask) if ask.moves_money else verdict), seen

        m.setattr("gateway_core.engine.work.judged", judged)

    return patch


believe_404 = _verdict(lambda v, status, ask: Refused("unknown_key") if isinstance(v, NotFound) else v)
pending_is_paid = _verdict(lambda v, status, ask: Done({"receipt": "soon"}) if isinstance(v, Waiting) else v)
server_error_is_refused = _verdict(lambda v, status, ask: Refused("error") if status >= 500 else v)
garbage_is_paid = _verdict(
    lambda v, status, ask: Done({"receipt": ""}) if status == 200 and isinstance(v, Unknown) else v
)


def name(patch: Patch) -> str:
    """What a planted bug is called."""
    return next(known for known, value in globals().items() if value is patch)


def new_key_on_time_out(m: pytest.MonkeyPatch) -> None:
    """Silence ends the attempt."""

    async def ask(self: work.Worker, case: work.Case, step: Any, lane: Any, source: Any) -> None:
        self._end(case, "timed out")

    m.setattr(work.Worker, "_ask", ask)


def blind_resend(m: pytest.MonkeyPatch) -> None:
    """Whatever was sent is sent again until somebody answers."""

    def again(step: Any, rules: Any, now: int, within: bool, salt: str) -> decide.Move:
        return decide.Move(decide.Kind.COPY, step.name, step.last_at + 10**7)

    m.setattr(decide, "_in_doubt", again)


def one_not_found_is_enough(m: pytest.MonkeyPatch) -> None:
    """A rail that does not dedupe is sent the same bytes again after "not found"."""
    real = decide.Rules.of
    m.setattr(decide.Rules, "of", lambda c: attrs.evolve(real(c), dedupes=True, dedupe_window=10**18))


def commit_after_send(m: pytest.MonkeyPatch) -> None:
    """The intent is written together with the answer."""

    async def intend(self: work.Worker, case: work.Case, intent: Any, lane: Any, now: int) -> None:
        name = intent.ask.name
        case.note(self._fact(case, "intent", "sent", at=now, step=name, key=intent.key, body=intent.body))
        case.money_intent = intent.ask.moves_money
        await self._send(case, case.life.steps[name], lane)
        await self._save(case)

    m.setattr(work.Worker, "_intend", intend)


def copy_not_written(m: pytest.MonkeyPatch) -> None:
    """A resend goes out first and is noted with its answer."""

    async def copy(self: work.Worker, case: work.Case, step: Any, lane: Any) -> None:
        case.note(self._fact(case, "copy", step=step.name))
        case.money_copy = step.moves_money
        await self._send(case, case.life.steps[step.name], lane)

    m.setattr(work.Worker, "_copy", copy)


def waiters_before_the_commit(m: pytest.MonkeyPatch) -> None:
    """Group commit that releases its waiters too early."""
    real = groups.Groups.write

    async def write(self: groups.Groups, one: Any) -> Result:
        self._runtime.spawn(real(self, one))  # type: ignore[arg-type]
        return Result.OK

    m.setattr(groups.Groups, "write", write)


def believe_a_refusal_in_doubt(m: pytest.MonkeyPatch) -> None:
    """A refusal of one copy is taken for the whole attempt."""
    real = life.APPLY["answer"]

    def answer(its: life.Life, fact: Any) -> None:
        real(its, fact)
        step = its.steps.get(fact.step)
        if step is not None and fact is step.refused_in_doubt and fact is not None:
            life._define(step, fact)

    m.setitem(life.APPLY, "answer", answer)


def last_contradiction_wins(m: pytest.MonkeyPatch) -> None:
    """What the rail said last is believed."""
    real = life.APPLY["answer"]

    def answer(its: life.Life, fact: Any) -> None:
        step = its.steps.get(fact.step)
        if step is not None and step.verdict and fact.value in ("done", "refused"):
            step.verdict, step.answer, its.state = fact.value, fact, "paid" if fact.value == "done" else "refused"
            its.facts = fact.no
        else:
            real(its, fact)

    m.setitem(life.APPLY, "answer", answer)


def ignore_a_late_paid(m: pytest.MonkeyPatch) -> None:
    """A settled payment hears nothing any more."""
    m.setattr(life, "_late", lambda its, step, fact: None)


def believe_anybody(m: pytest.MonkeyPatch) -> None:
    """An unauthenticated callback is evidence."""
    real = hear._fact

    def fact(channel: Any, facts: Any, row: Any, no: int, now: int) -> Any:
        return real(channel, facts, SimpleNamespace(**{**row._mapping, "authentic": True}), no, now)

    m.setattr(hear, "_fact", fact)


def deaf(m: pytest.MonkeyPatch) -> None:
    """Callbacks about channels without payments under way are put away."""
    m.setattr(driver.Driver, "_known", lambda self, name: None)


def no_leaf_check(m: pytest.MonkeyPatch) -> None:
    """Lines are not compared with what was approved."""
    real = stored.as_line
    m.setattr(stored, "as_line", lambda row, facts: _with_own_leaf(real(row, facts)))


def _with_own_leaf(line: stored.Line) -> stored.Line:
    return attrs.evolve(line, leaf=line.payment.leaf())


def no_stale_check(m: pytest.MonkeyPatch) -> None:
    """A state is written whatever facts came in between."""
    real = writes._judge
    m.setattr(
        writes, "_judge",
        lambda write, *rest: real(attrs.evolve(write, expected=rest[0].facts), *rest),
    )  # fmt: skip


def ask_for_ever(m: pytest.MonkeyPatch) -> None:
    """No bound on asking."""
    real = decide.Rules.of
    m.setattr(decide.Rules, "of", lambda c: attrs.evolve(real(c), ask_limit=10**9, patience=10**18))


def cancel_without_looking(m: pytest.MonkeyPatch) -> None:
    """An officer's cancel does not look for an intent."""
    open_ = frozenset({"planned", "ready", "sending", "unknown", "pending"})
    m.setattr("gateway_core.lifecycle.officers.UNSENT", open_)
    real = life.fold

    def fold(facts: Any) -> Any:
        its = real(facts)
        its.money = None
        return its

    m.setattr("gateway_core.lifecycle.officers.fold", fold)
    m.setattr("gateway_core.store.writes.PAYMENT", {state: frozenset(states.STATES) for state in states.STATES})


def failed_after_three(m: pytest.MonkeyPatch) -> None:
    """Three questions without an answer, and the payment has failed."""
    real = work.Worker._ask

    async def ask(self: work.Worker, case: work.Case, step: Any, lane: Any, source: Any) -> None:
        if step.asks >= 3 and step.moves_money:
            case.note(self._fact(case, "outcome", "refused", source="flow", body={"code": "failed"}))
        else:
            await real(self, case, step, lane, source)

    m.setattr(work.Worker, "_ask", ask)
