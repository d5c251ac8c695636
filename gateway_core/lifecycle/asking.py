"""Questions that move nothing: does the account exist, what is the balance. Flows of the gateway, not journaled."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from ..contract.channel import Channel
from ..contract.flow import Ask, Ctx
from ..contract.replies import Done, Refused, Waiting
from ..engine.conversation import as_time
from ..engine.evidence import judged
from ..engine.lanes import NoAnswer, NotSent
from ..engine.runtime import SECOND, Lane, Runtime
from ..engine.wire import journal_form, wire
from ..model.money import Money
from ..model.payment import Balance, Objection, Payment

R = TypeVar("R")
TRIES = 3
STEPS = 10


class Unanswered(Exception):
    """The rail did not answer a question."""


async def answered(runtime: Runtime, channel: Channel, lane: Lane, flow: Generator[Ask, Done | Refused, R]) -> R:
    """Carry a read-only flow to its end. Raises Unanswered when the rail stays silent."""
    try:
        ask = next(flow)
        for _ in range(STEPS):
            if ask.moves_money:
                raise Unanswered("a question may not move money")
            ask = flow.send(await _ask(runtime, channel, lane, ask))
    except StopIteration as stop:
        result: R = stop.value
        return result
    raise Unanswered(f"more than {STEPS} asks")


async def _ask(runtime: Runtime, channel: Channel, lane: Lane, ask: Ask) -> Done | Refused:
    form, why = journal_form(ask.request), "no answer"
    for turn in range(TRIES):
        if turn:
            await runtime.sleep(SECOND * turn // 2)
        try:
            reply = await lane.send(wire(form, channel.secrets()), channel.pace.timeout, channel.pace.body_limit)
        except (NotSent, NoAnswer) as error:
            why = str(error)
            continue
        verdict, why = judged(channel, ask, reply, "ask")
        if isinstance(verdict, Done | Refused):
            return verdict
        if isinstance(verdict, Waiting) and verdict.ask_next is not None:
            form = journal_form(verdict.ask_next)
    raise Unanswered(why)


async def balance(runtime: Runtime, channel: Channel, make: Callable[[Channel], Lane], deployment: str) -> Money | None:
    """What the institution can pay out over this channel now; None where the rail cannot tell or does not answer."""
    lane = make(channel)
    try:
        ctx = Ctx(deployment, "balance", 1, 1, as_time(runtime.now()))
        said = await answered(runtime, channel, lane, channel.check_balance(ctx))
    except Exception:
        return None
    finally:
        await lane.close()
    return said.available if isinstance(said, Balance) else None


async def account_objections(
    runtime: Runtime, channel: Channel, lane: Lane, payment: Payment, deployment: str
) -> list[Objection]:
    """What the rail says against paying to this account. A question that stays open is a warning, not an objection."""
    ctx = Ctx(deployment, payment.entitlement, payment.number, 1, as_time(runtime.now()))
    try:
        said: Any = await answered(runtime, channel, lane, channel.validate_beneficiary(payment.account, ctx))
    except Exception as error:
        return [Objection("not_checked", f"the account could not be checked: {error}", channel.name, blocks=False)]
    if not isinstance(said, list) or not all(isinstance(item, Objection) for item in said):
        return [Objection("not_checked", f"the gateway said {type(said).__name__}", channel.name, blocks=False)]
    return said
