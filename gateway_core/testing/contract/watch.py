"""The watch: stands before a channel's hooks, and writes down what each was given and what it said.

The hooks run as they are; what they yield, return and raise goes on to the engine unchanged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

import attrs

from ...contract.channel import Channel
from ...contract.flow import Ask, Request
from ...contract.replies import Arrival, Callback, Reply, Waiting
from ...engine.wire import journal_form, wire
from ...model.payment import Payment
from .traps import Slip, trapped, watched

FLOWS = ("execute_payment", "validate_beneficiary", "check_balance")
# (method, target, body): by this a request is recognised on the wire.
Bytes = tuple[str, str, bytes]


@attrs.define
class Turn:
    """One ask of a flow, at the time that the flow was told, and the definite answer that it was given."""

    ask: Any
    now: datetime
    answer: Any = None


@attrs.define(eq=False)
class Talk:
    """One run of a flow. `end`: what it returned. `raised`: what it raised instead."""

    hook: str
    given: dict[str, Any]
    began: datetime | None = None
    turns: list[Turn] = attrs.field(factory=list)
    ended: bool = False
    end: Any = None
    raised: BaseException | None = None

    @property
    def payment(self) -> Payment | None:
        """The payment that it is about."""
        found = self.given.get("payment")
        return found if isinstance(found, Payment) else None


@attrs.frozen
class Heard:
    """One call of `parse_response`. `talk`: the flow that asked. `said`: what it returned, or the exception."""

    ask: Ask
    reply: Reply
    said: Any
    talk: Talk | None


@attrs.frozen
class Known:
    """What a request on the wire is: an ask of a flow, or a question about one."""

    talk: Talk
    ask: Ask
    question: bool


@attrs.define
class Watch:
    """Everything that the hooks of one kit's channels were asked and said."""

    talks: list[Talk] = attrs.field(factory=list)
    heard: list[Heard] = attrs.field(factory=list)
    arrivals: list[tuple[Arrival, Any]] = attrs.field(factory=list)
    slips: list[Slip] = attrs.field(factory=list)
    # Invoices of payments whose question was taken, with the answer to come by callback.
    by_callback: set[str] = attrs.field(factory=set)
    _wires: dict[Bytes, Known] = attrs.field(factory=dict)
    _aims: dict[tuple[str, str, str], Known] = attrs.field(factory=dict)
    _keys: dict[str, Known] = attrs.field(factory=dict)
    _lock: Any = attrs.field(factory=threading.Lock)

    def attach(self, channel: Channel) -> Channel:
        """Stand before the hooks of a channel."""
        hooks = channel._hooks
        for hook in FLOWS:
            setattr(hooks, hook, self._flow(hook, getattr(hooks, hook), channel))
        hooks.parse_response = self._reading(hooks.parse_response, channel)
        hooks.parse_callback = self._calling(hooks.parse_callback)
        hooks.check_payment = trapped("check_payment", hooks.check_payment, self.slips)
        return channel

    def known(self, request: Bytes) -> Known | None:
        """What a request on the wire is; None: nothing that a flow asked (a token, say)."""
        method, target, body = request
        with self._lock:
            exact = self._wires.get(request)
            # What `auth()` changed in the body when it was sent is known by where it goes and the key in it.
            aims = ((where, known) for where, known in self._aims.items() if where[:2] == (method, target))
            return exact or next((known for (_, _, key), known in aims if key.encode() in body), None)

    def asked_with(self, key: str) -> Known | None:
        """The ask that has this key."""
        with self._lock:
            return self._keys.get(key)

    @property
    def keys(self) -> set[str]:
        """The keys of all asks that move money."""
        with self._lock:
            return {known.ask.request.key for known in self._keys.values() if known.ask.moves_money}

    def called(self, known: Known) -> bool:
        """Whether a callback about the payment of that flow was read."""
        about = known.talk.payment
        return any(one.reply.to == "callback" and one.talk and one.talk.payment == about for one in list(self.heard))

    def of(self, hook: str) -> list[Talk]:
        """The flows that a hook made."""
        return [talk for talk in self.talks if talk.hook == hook]

    # -- the hooks ----------------------------------------------------------------------------------------------------

    def _flow(self, hook: str, original: Callable[..., Any], channel: Channel) -> Callable[..., Any]:
        def call(**given: Any) -> Any:
            talk = Talk(hook, given)
            with watched(hook, self.slips):
                made = original(**given)
            if not isinstance(made, Generator):
                talk.ended, talk.end = True, made
                self.talks.append(talk)
                return made
            return self._told(talk, made, channel)

        return call

    def _told(self, talk: Talk, flow: Generator[Any, Any, Any], channel: Channel) -> Generator[Any, Any, Any]:
        ctx, answer = talk.given["ctx"], None
        talk.began = ctx.now
        self.talks.append(talk)
        while True:
            try:
                with watched(talk.hook, self.slips):
                    said = flow.send(answer)
            except StopIteration as stop:
                talk.ended, talk.end = True, stop.value
                return stop.value
            except BaseException as error:
                talk.raised = error
                raise
            talk.turns.append(Turn(said, ctx.now))
            if isinstance(said, Ask):
                self._learn(Known(talk, said, False), said.request, channel)
                if said.find_out is not None:
                    self._learn(Known(talk, said, True), said.find_out, channel)
            answer = yield said
            talk.turns[-1].answer = answer

    def _reading(self, original: Callable[..., Any], channel: Channel) -> Callable[..., Any]:
        def call(ask: Ask, reply: Reply) -> Any:
            known = self.asked_with(ask.callback or ask.request.key)
            try:
                with watched("parse_response", self.slips):
                    said = original(ask=ask, reply=reply)
            except BaseException as error:
                self.heard.append(Heard(ask, reply, error, known.talk if known else None))
                raise
            self.heard.append(Heard(ask, reply, said, known.talk if known else None))
            if known and isinstance(said, Waiting):
                self._will_answer(known, ask, said, channel)
            return said

        return call

    def _will_answer(self, known: Known, ask: Ask, said: Waiting, channel: Channel) -> None:
        if isinstance(said.ask_next, Request):
            self._learn(Known(known.talk, ask, True), said.ask_next, channel)
        if said.by_callback and known.talk.payment:
            self.by_callback.add(known.talk.payment.invoice)

    def _calling(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(arrival: Arrival) -> Any:
            said: Any = None
            try:
                with watched("parse_callback", self.slips):
                    said = original(arrival=arrival)
                return said
            except BaseException as error:
                said = error
                raise
            finally:
                self.arrivals.append((arrival, said))

        return call

    def _learn(self, known: Known, request: Request, channel: Channel) -> None:
        """How a request will look on the wire. One that the core refuses will not be seen there."""
        try:
            out = wire(journal_form(request), channel.secrets())
        except Exception:
            return
        with self._lock:
            self._wires[(out.method, out.target, out.body)] = known
            if out.body and request.key:
                self._aims[(out.method, out.target, request.key)] = known
            for key in (known.ask.callback, known.ask.request.key):
                if key:
                    self._keys[key] = known


def authentic(said: Any) -> bool:
    """Whether `parse_callback` called an arrival authentic."""
    return isinstance(said, Callback) and bool(said.authentic)
