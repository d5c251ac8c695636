"""Bugs in reading: what came over the wire, or did not come, is taken for more than it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import httpx
import pytest

from gateway_core.contract.channel import Channel
from gateway_core.contract.replies import Done, NotFound, Refused, Unknown, Verdict, Waiting
from gateway_core.engine import evidence, lanes, work
from gateway_core.engine.lanes import NoAnswer, NotSent
from gateway_core.model.facts import Fact
from gateway_core.testing.simulation import rails

from .hunting import Exhaust, Swarm, mutant
from .transports import ANY_FAILURE
from .worlds import ONE, PAIR, ROUGH, TWICE, stale_answers


def _read(m: pytest.MonkeyPatch, change: Callable[[Verdict, int], Verdict]) -> None:
    """Another reading of replies about money; `change` sees the gateway's verdict and the HTTP status."""
    real = evidence.judged

    def judged(channel: Any, ask: Any, reply: Any, *rest: Any) -> tuple[Verdict, str]:
        verdict, seen = real(channel, ask, reply, *rest)
        return (change(verdict, reply[0]) if ask.moves_money else verdict), seen

    m.setattr(work, "judged", judged)


@mutant(
    breaks="2, 3, 9", hunt=Swarm(ROUGH, 100),
    seen="Connectors that mark a payment failed when the state query errors (Payment Hub's GSMA connector).",
)  # fmt: skip
def believe_404(m: pytest.MonkeyPatch) -> None:
    """The rail never heard of the key, so the payment is dead. The copy that was slow on its way lands after that."""
    _read(m, lambda verdict, status: Refused("unknown_key") if isinstance(verdict, NotFound) else verdict)


@mutant(
    breaks="3", hunt=Exhaust(ONE, 1, 400),
    seen="OpenG2P's simple M-Pesa manager marks any 2xx as paid; the GSMA's 202 says only that it was received.",
)  # fmt: skip
def pending_is_paid(m: pytest.MonkeyPatch) -> None:
    """202, or "pending" when asked, is taken as paid."""
    _read(m, lambda verdict, status: Done({"receipt": "soon"}) if isinstance(verdict, Waiting) else verdict)


@mutant(breaks="3", hunt=Swarm(ROUGH, 60))
def garbage_is_paid(m: pytest.MonkeyPatch) -> None:
    """200 with a body that nobody can read is taken as paid."""
    _read(m, lambda verdict, status: Done() if status == 200 and isinstance(verdict, Unknown) else verdict)


@mutant(
    breaks="3", hunt=Swarm(ROUGH, 100),
    seen="openIMIS payroll 1.5.0: HTTP 500 after the money has moved, 10 of 10 paid twice. Payment Hub's MTN connector:"
    " failed on any status other than 200.",
)  # fmt: skip
def server_error_is_refused(m: pytest.MonkeyPatch) -> None:
    """A 5xx is taken as a refusal, although the rail may have paid before it broke."""
    _read(m, lambda verdict, status: Refused("error") if status >= 500 else verdict)


@mutant(
    breaks="3", hunt=Swarm(ROUGH, 60),
    seen="openIMIS payroll 1.5.0: a lost answer is \"rejected\", 10 of 10 paid twice. The 121 platform: network errors"
    " of three rails and a queue time-out become the state error.",
)  # fmt: skip
def silence_is_refused(m: pytest.MonkeyPatch) -> None:
    """No answer is taken as a refusal."""
    real = work.Case.note

    def note(self: work.Case, fact: Fact) -> None:
        if fact.value == "unknown" and fact.source == "ask" and self.life.steps[fact.step].moves_money:
            body = {"code": "error", "reason": "error", "moves_money": True}
            fact = attrs.evolve(fact, kind="answer", value="refused", body=body)
        real(self, fact)

    m.setattr(work.Case, "note", note)


def _trips_over_garbage(m: pytest.MonkeyPatch) -> None:
    """A plugin that reads keys of a body without looking whether they are there."""
    m.setattr(rails, "_about", lambda ask, body: all(body[n] == ask.request.json[n] for n in ("key", "amount")))


@mutant(
    breaks="3, 10", hunt=Swarm(ROUGH, 40, _trips_over_garbage),
    seen="openIMIS's Q-Money module stores any non-success as failed.",
)  # fmt: skip
def exception_is_refused(m: pytest.MonkeyPatch) -> None:
    """A plugin that raises while it reads an answer has the payment marked as failed."""
    real = Channel.parse_response

    def parse_response(self: Channel, ask: Any, reply: Any) -> Verdict:
        verdict = real(self, ask, reply)
        raised = isinstance(verdict, Unknown) and verdict.why.startswith("parse_response raised")
        return Refused("exception") if raised else verdict

    m.setattr(Channel, "parse_response", parse_response)


@mutant(
    breaks="2, 3, 9", hunt=Swarm(TWICE, 150),
    seen="OpenG2P bridge 1.0: any exception other than an HTTP status sends the whole batch again, up to 15 times."
    " HOPE's gateway: a POST is repeated on any network error.",
)  # fmt: skip
def silence_is_unsent(m: pytest.MonkeyPatch) -> None:
    """A lost answer is taken as proof that nothing left, so the same bytes go again without asking."""
    m.setattr(work, "NotSent", (NotSent, NoAnswer))


@mutant(
    breaks="2, 3", hunt=ANY_FAILURE,
    seen="HTTP clients that report a lost answer as \"could not connect\"; see the transport's table of faults.",
)  # fmt: skip
def network_error_is_unsent(m: pytest.MonkeyPatch) -> None:
    """Every error of the transport, not only of connecting, is taken as proof that nothing left."""
    m.setattr(lanes, "NOT_SENT", (httpx.TransportError,))


@mutant(
    breaks="3, 9", hunt=Swarm(PAIR, 80, stale_answers),
    seen="OpenG2P's interop manager matches results by their place in a list; Payment Hub's bulk drops equal pairs of"
    " payee and amount as duplicates.",
)  # fmt: skip
def match_by_amount_and_account(m: pytest.MonkeyPatch) -> None:
    """An answer is taken for a payment because account and amount agree; another one of the same household had it."""
    m.setattr(rails, "_about", lambda ask, body: all(body.get(n) == ask.request.json[n] for n in ("amount", "account")))
