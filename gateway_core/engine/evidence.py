"""From what came over the wire to facts: one place where a verdict becomes evidence."""

from __future__ import annotations

from typing import Any, Literal

from ..contract.channel import Channel
from ..contract.flow import Ask
from ..contract.replies import Done, NotFound, NotTaken, Refused, Reply, Returned, Unknown, Verdict, Waiting
from ..model.facts import Fact
from .conversation import answer_body
from .wire import UnsafeRequest, journal_form

Source = Literal["ask", "find_out", "callback", "reconcile"]
EXCERPT = 200


def judged(channel: Channel, ask: Ask, reply: tuple[int, dict[str, str], bytes], source: Source) -> tuple[Verdict, str]:
    """The gateway's verdict on a reply, and a short excerpt for people."""
    status, headers, body = reply
    to: Literal["ask", "find_out", "callback"] = "find_out" if source == "reconcile" else source
    verdict = channel.parse_response(ask, Reply(status, headers, body, to))
    if isinstance(verdict, NotFound) and to != "find_out":
        verdict = Unknown("only an answer to find_out can be NotFound")
    return verdict, f"status {status}"


def fact_of(
    verdict: Verdict, seen: str, *, no: int, at: int, attempt: int, step: str, source: Source, money: bool
) -> Fact:
    """The fact that a verdict states about one step of one attempt."""
    kind, value, body = _stated(verdict, seen, at, money, source)
    return Fact(no, at, kind, value, source, attempt, step, "", body)


def _stated(verdict: Verdict, seen: str, at: int, money: bool, source: Source) -> tuple[str, str, dict[str, Any]]:
    match verdict:
        case Done():
            return "answer", "done", answer_body(verdict, money)
        case Refused():
            return "answer", "refused", answer_body(verdict, money) | ({"stops": True} if verdict.stops_channel else {})
        case Returned():
            return (
                "answer",
                "returned",
                {"reference": verdict.reference, "reason": verdict.reason, "moves_money": money},
            )
        case NotTaken() if source == "ask":
            return (
                "answer",
                "not_taken",
                {"not_before": at + int(verdict.retry_after * 1_000_000), "moves_money": money},
            )
        case Waiting():
            return "word", "waiting", _waiting(verdict, at)
        case NotFound():
            return "word", "not_found", {}
        case NotTaken():
            return "word", "unknown", {"why": f"asked too often ({seen})"}
        case Unknown():
            return "word", "unknown", {"why": (verdict.why or seen)[:EXCERPT]}


def _waiting(verdict: Waiting, at: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if verdict.not_before:
        body["not_before"] = at + int(verdict.not_before * 1_000_000)
    if verdict.ask_next is not None:
        try:
            body["ask_next"] = journal_form(verdict.ask_next)
        except (UnsafeRequest, ValueError, TypeError) as error:
            return {"why": f"the link to follow cannot be used: {error}"}
        if verdict.ask_next.method != "GET":
            return {"why": "the link to follow is not a GET"}
    return body
