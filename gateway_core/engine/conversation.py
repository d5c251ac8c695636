"""Replay: run a gateway's flow over the journaled answers and see what it wants next (design section 5).

Each ask must equal the journal's (name and fingerprint of the unsigned request). Otherwise nothing is sent: without a
money intent the attempt ends and the next begins with new ids; with one, the payment is held.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from ..contract.channel import Channel
from ..contract.flow import Ask, Ctx, Paid, Request
from ..contract.replies import Done, Refused
from ..model.identity import canonical
from ..model.life import Life, Step
from ..model.moments import SECOND, as_time, as_us
from ..model.payment import Payment
from .wire import fingerprint, journal_form

STEPS_PER_FLOW = 20


class Broken(Exception):
    """The flow broke a rule or raised. The message is for people."""


class Differs(Broken):
    """The flow does not ask what the journal says it asked."""


@attrs.frozen
class Intent:
    """An ask that is new, ready to be journaled."""

    ask: Ask
    body: Mapping[str, Any]
    key: str


class Conversation:
    """One attempt's flow. Kept while a driver works on the payment, rebuilt from the facts whenever in doubt."""

    def __init__(self, channel: Channel, payment: Payment, deployment: str, attempt: int, now: int) -> None:
        self.channel, self.attempt = channel, attempt
        self.ctx = Ctx(deployment, payment.entitlement, payment.number, attempt, as_time(now))
        self.payment = payment
        self._flow: Any = None
        # {step: number of the fact that answered it}
        self._fed: dict[str, int] = {}
        self._refused_money = False

    def advance(self, life: Life) -> Intent | Paid | Refused:
        """Feed the definite answers that the flow has not heard; what it yields next, or how it ended."""
        if self._flow is None:
            first = next(iter(life.steps.values()), None)
            if first is not None:
                self.ctx.now = as_time(first.first_at)
            said = self._step(None)
        else:
            said = None
        for step in life.steps.values():
            if step.name in self._fed:
                continue
            if said is not None:
                self._agrees(said, step)
            if not step.verdict or step.answer is None:
                raise Broken(f"{step.name} has no definite answer yet")
            self._fed[step.name] = step.answer.no
            self.ctx.now = as_time(step.answer.at)
            said = self._step(_answer(step))
            self._refused_money |= step.moves_money and step.verdict == "refused"
        if said is None:
            raise Broken("nothing new to tell the flow")
        return said if isinstance(said, Paid | Refused) else self._new(said, life)

    def heard(self, life: Life) -> bool:
        """Whether the answers that the flow was told are still those of the journal."""
        answers = ((no, life.steps.get(name)) for name, no in self._fed.items())
        return all(step is not None and step.answer is not None and step.answer.no == no for no, step in answers)

    def ahead(self, life: Life) -> Intent:
        """The money ask of an attempt that the journal does not have, by the answers that another attempt had."""
        said = self._step(None)
        for _ in range(STEPS_PER_FLOW):
            if not isinstance(said, Ask) or said.moves_money:
                break
            step = life.steps.get(said.name)
            if step is None or step.answer is None:
                raise Broken(f"{said.name} has no answer in another attempt")
            self.ctx.now = as_time(step.answer.at)
            said = self._step(_answer(step))
        if not isinstance(said, Ask) or not said.moves_money:
            raise Broken("the flow does not come to its money ask")
        return self._intent(said)

    def _step(self, answer: Done | Refused | None) -> Ask | Paid | Refused:
        try:
            if self._flow is None:
                self._flow = self.channel.execute_payment(self.payment, self.ctx)
                said = next(self._flow)
            else:
                said = self._flow.send(answer)
        except StopIteration as stop:
            if not isinstance(stop.value, Paid | Refused):
                raise Broken(f"the flow returned {type(stop.value).__name__}, not Paid or Refused") from None
            return stop.value
        except (Exception, SystemExit) as error:
            raise Broken("the flow raised:\n" + "".join(traceback.format_exception(error, limit=-6))) from error
        if not isinstance(said, Ask):
            raise Broken(f"the flow yielded {type(said).__name__}, not Ask")
        if wrong := _misshapen(said):
            raise Broken(f"the flow yielded an Ask {wrong}")
        return said

    def _agrees(self, said: Ask | Paid | Refused, step: Step) -> None:
        if not isinstance(said, Ask):
            raise Differs(f"the flow ended where the journal has {step.name}")
        _, printed = self._form(said)
        if said.name != step.name or printed != step.body.get("fingerprint"):
            raise Differs(f"the flow asks {said.name} differently from the journal's {step.name}")

    def _form(self, ask: Ask) -> tuple[dict[str, Any], str]:
        """The journal's form and its fingerprint. What cannot be written down is never sent."""
        try:
            form = journal_form(ask.request)
            return form, fingerprint(ask.name, form)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Broken(f"{ask.name}: {error}") from error

    def _new(self, ask: Ask, life: Life) -> Intent:
        if self._refused_money:
            raise Broken("the flow went on after its money ask was refused")
        if ask.name in life.steps:
            raise Broken(f"two asks are named {ask.name}")
        if len(life.steps) >= STEPS_PER_FLOW:
            raise Broken(f"more than {STEPS_PER_FLOW} asks")
        if ask.moves_money and life.money is not None:
            raise Broken("two asks of one attempt move money")
        return self._intent(ask)

    def _intent(self, ask: Ask) -> Intent:
        form, printed = self._form(ask)
        key = ask.callback or ask.request.key
        if ask.moves_money and not key:
            raise Broken(f"{ask.name} moves money without a key")
        body: dict[str, Any] = {
            "request": form,
            "fingerprint": printed,
            "flow_version": self.channel.gateway.flow_version,
            "channel": self.channel.fingerprint,
        }
        if ask.moves_money:
            body["moves_money"] = True
            body["longest_request"] = int(self.channel.capabilities.longest_request * SECOND)
            body |= _limits(ask, self.channel)
        if ask.find_out is not None:
            try:
                body["find_out"] = find_out = journal_form(ask.find_out)
                if len(find_out) > 3:  # more than method, path and key: is it JSON?
                    canonical(find_out)
            except (ValueError, TypeError, AttributeError, RecursionError) as error:
                raise Broken(f"{ask.name}: find_out: {error}") from error
        return Intent(ask, body, key)


def _limits(ask: Ask, channel: Channel) -> dict[str, int]:
    """How long its copies may go, and live, in UTC microseconds; `settle` as it is now: a fold stays the same."""
    times = {"send_before": ask.send_before, "expires": ask.expires}
    said = {name: as_us(at) for name, at in times.items() if at is not None}
    return said | ({"settle": int(channel.capabilities.settle * SECOND)} if said else {})


def _misshapen(ask: Ask) -> str:
    """What of an ask could not be written down or sent, whatever its types promise; empty when nothing."""
    requests = (ask.request, ask.find_out) if ask.find_out is not None else (ask.request,)
    if not all(isinstance(request, Request) for request in requests):
        return "whose request or find_out is no Request"
    for at in (ask.send_before, ask.expires):
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None or not ask.moves_money):
            return "whose send_before or expires is no time with a zone, or which moves no money"
    for text, longest in ((ask.name, 100), (ask.callback, 200), *((request.key, 200) for request in requests)):
        if not isinstance(text, str) or len(text) > longest or not text.isprintable():
            return f"whose name, callback or key is no plain text of at most {longest} characters"
    return "" if ask.name and isinstance(ask.moves_money, bool) else "without a name, or whose moves_money is no bool"


def _answer(step: Step) -> Done | Refused:
    fact = step.answer
    assert fact is not None
    if step.verdict == "done" or step.verdict == "returned":
        return Done(fact.body.get("body", {}))
    reason = str(fact.body.get("reason", ""))
    return Refused(str(fact.body.get("code", "refused")), f"{reason}; before: {step.said}" if step.said else reason)


def answer_body(answer: Done | Refused, moves_money: bool) -> dict[str, Any]:
    """What the journal keeps of a definite answer: what the flow reads, and no more."""
    if isinstance(answer, Done):
        return {"body": dict(answer.body), "moves_money": moves_money}
    return {"code": answer.code, "reason": answer.reason or answer.code, "moves_money": moves_money}
