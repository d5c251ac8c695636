"""Questions that move nothing: does the account exist, what is the balance. Flows of the gateway, not journaled."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, TypeVar

import attrs

from ..contract.channel import Channel
from ..contract.flow import Ask, Ctx
from ..contract.replies import Done, Refused, Waiting
from ..engine.evidence import judged
from ..engine.lanes import NoAnswer, NotSent
from ..engine.runtime import SECOND, Lane, Runtime
from ..engine.wire import journal_form, wire
from ..model.errors import ConfigurationError
from ..model.moments import as_time
from ..model.money import Money
from ..model.payment import Balance, Objection, Payment
from ..store import Store, inbox

R = TypeVar("R")
TRIES = 3
STEPS = 10


class Unanswered(Exception):
    """The rail did not answer a question."""


@attrs.frozen
class Ear:
    """Hears the callbacks that answer questions: whoever serves the channel's address, they are in the store."""

    store: Store
    runtime: Runtime

    async def hear(self, channel: Channel, ask: Ask, since: int) -> Done | Refused | None:
        """The definite answer that came after `since`, within the channel's time for one exchange; None: none did."""
        key, until = ask.callback or ask.request.key, since + int(channel.pace.timeout * SECOND)
        while key and channel.listen and self.runtime.now() < until:
            row = await self.runtime.offload(partial(self._came, channel.name, key, since))
            if row is not None:
                came = (200, json.loads(row.headers), bytes(row.body))
                verdict, _ = judged(channel, ask, came, "callback", row.path)
                if isinstance(verdict, Done | Refused):
                    return verdict
                since = row.at + 1
            await self.runtime.sleep(SECOND // 20)
        return None

    def _came(self, channel: str, key: str, since: int) -> Any:
        with self.store.read() as connection:
            return inbox.came(connection, channel, key, since)


async def answered(
    runtime: Runtime, channel: Channel, lane: Lane, flow: Generator[Ask, Done | Refused, R], ear: Ear | None = None
) -> R:
    """Carry a read-only flow to its end. Raises Unanswered when the rail stays silent.

    `ear`: for rails that answer by callback.
    """
    try:
        ask = next(flow)
        for _ in range(STEPS):
            if ask.moves_money:
                raise Unanswered("a question may not move money")
            ask = flow.send(await _ask(runtime, channel, lane, ask, ear))
    except StopIteration as stop:
        result: R = stop.value
        return result
    raise Unanswered(f"more than {STEPS} asks")


async def _ask(runtime: Runtime, channel: Channel, lane: Lane, ask: Ask, ear: Ear | None) -> Done | Refused:
    form, why = journal_form(ask.request), "no answer"
    for turn in range(TRIES):
        if turn:
            await runtime.sleep(SECOND * turn // 2)
        try:
            since = runtime.now()
            asked = form["path"]
            reply = await lane.send(wire(form, channel.secrets()), channel.pace.timeout, channel.pace.body_limit)
        except (NotSent, NoAnswer) as error:
            why = str(error)
            continue
        verdict, why = judged(channel, ask, reply, "ask", asked)
        if isinstance(verdict, Done | Refused):
            return verdict
        if isinstance(verdict, Waiting) and verdict.ask_next is not None:
            form = journal_form(verdict.ask_next)
        elif isinstance(verdict, Waiting) and ear is not None and (heard := await ear.hear(channel, ask, since)):
            return heard
    raise Unanswered(why)


async def balance(runtime: Runtime, channel: Channel, make: Callable[[Channel], Lane], deployment: str) -> Money | None:
    """What the institution can pay out over this channel now; None where the rail cannot tell or does not answer."""
    try:
        lane = make(channel)
    except ConfigurationError:
        return None
    try:
        ctx = Ctx(deployment, "balance", 1, 1, as_time(runtime.now()))
        said = await answered(runtime, channel, lane, channel.check_balance(ctx))
    except Exception:
        return None
    finally:
        await lane.close()
    have = said.available if isinstance(said, Balance) else None
    right = isinstance(have, Money) and isinstance(have.minor, int) and isinstance(have.currency, str)
    return have if right else None


async def account_objections(
    runtime: Runtime, channel: Channel, lane: Lane, payment: Payment, deployment: str, ear: Ear | None = None
) -> list[Objection]:
    """What the rail says against paying to this account. A question that stays open is a warning, not an objection."""
    ctx = Ctx(deployment, payment.entitlement, payment.number, 1, as_time(runtime.now()), payment.name)
    try:
        said: Any = await answered(runtime, channel, lane, channel.validate_beneficiary(payment.account, ctx), ear)
    except Exception as error:
        return [Objection("not_checked", f"the account could not be checked: {error}", channel.name, blocks=False)]
    if not isinstance(said, list) or not all(isinstance(item, Objection) for item in said):
        return [Objection("not_checked", f"the gateway said {type(said).__name__}", channel.name, blocks=False)]
    return said
