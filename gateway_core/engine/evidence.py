"""From what came over the wire to facts: one place where a verdict becomes evidence."""

from __future__ import annotations

from typing import Any, Literal

from ..contract.channel import Channel
from ..contract.flow import Ask
from ..contract.replies import Done, NotFound, NotTaken, Refused, Reply, Returned, Unknown, Verdict, Waiting
from ..model.compact import compact
from ..model.facts import Fact
from ..model.moments import SECOND
from .conversation import answer_body
from .wire import UnsafeRequest, journal_form

Source = Literal["ask", "find_out", "callback", "reconcile"]
EXCERPT = 200
# What two of them say together, after the expiry: see `absence.gone`.
GONE = {"expired": True, "code": "not_executed", "reason": "the rail never took it, and its time is over"}
# More polls of one link than this are no limit.
MOST_POLLS = 1_000_000
# A rail may ask to be left alone for so many seconds at most.
LONGEST_PAUSE = 7 * 86_400.0


def judged(
    channel: Channel, ask: Ask, reply: tuple[int, dict[str, str], bytes], source: Source, path: str = ""
) -> tuple[Verdict, str]:
    """The gateway's verdict on a reply, and a short excerpt for people. `path`: of what it answers; see `Reply`."""
    status, headers, body = reply
    to: Literal["ask", "find_out", "callback"] = "find_out" if source == "reconcile" else source
    verdict = channel.parse_response(ask, Reply(status, headers, body, to, path))
    if isinstance(verdict, NotFound) and to == "ask":
        verdict = Unknown("only an answer to find_out can be NotFound")
    if isinstance(verdict, Waiting) and verdict.by_callback and to != "find_out":
        verdict = Unknown("only an answer to find_out can say that the answer comes by callback")
    return verdict, f"status {status}"


def fact_of(
    verdict: Verdict, seen: str, *, no: int, at: int, attempt: int, step: str, source: Source, money: bool
) -> Fact:
    """The fact that a verdict states about one step of one attempt. One that cannot be written down is Unknown."""
    try:
        kind, value, body = _stated(verdict, seen, at, money, source)
        compact(body)
    except Exception as error:
        kind, value, body = "word", "unknown", {"why": f"the verdict cannot be kept: {type(error).__name__}"}
    return Fact(no, at, kind, value, source, attempt, step, "", body)


def _stated(verdict: Verdict, seen: str, at: int, money: bool, source: Source) -> tuple[str, str, dict[str, Any]]:
    match verdict:
        case Done():
            return "answer", "done", answer_body(verdict, money)
        case Refused() if verdict.stops_channel:
            # It says nothing about this payee: the payment waits until the channel is mended, and is never refused.
            if source == "ask":
                return "answer", "not_taken", {"why": verdict.reason or verdict.code, "moves_money": money}
            if verdict.final:
                return "answer", "refused", answer_body(verdict, money)
            return "word", "unknown", {"why": f"the channel was stopped: {verdict.reason or verdict.code}"}
        case Refused():
            return "answer", "refused", answer_body(verdict, money)
        case Returned() if money:
            return (
                "answer",
                "returned",
                {"reference": verdict.reference, "reason": verdict.reason, "moves_money": money},
            )
        case NotTaken() if source == "ask":
            return (
                "answer",
                "not_taken",
                {"not_before": at + _microseconds(verdict.retry_after), "moves_money": money},
            )
        case Waiting() if verdict.by_callback:
            return "word", "asked", {}
        case Waiting():
            return "word", "waiting", _waiting(verdict, at)
        case NotFound():
            return "word", "not_found", GONE if verdict.expired else {}
        case NotTaken():
            return "word", "unknown", {"why": f"asked too often ({seen})"}
        case Returned():
            return "word", "unknown", {"why": f"returned, but nothing was to move ({seen})"}
        case Unknown():
            return "word", "unknown", {"why": (verdict.why or seen)[:EXCERPT]}


def _microseconds(seconds: float) -> int:
    return int(min(max(seconds, 0.0), LONGEST_PAUSE) * SECOND)


def plain(text: object, limit: int = 4000) -> str:
    """A plugin's words as text that any database takes: not endless, without halves of characters or zero bytes."""
    return str(text)[:limit].encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _waiting(verdict: Waiting, at: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if verdict.not_before:
        body["not_before"] = at + _microseconds(verdict.not_before)
    if verdict.ask_next is not None:
        try:
            body["ask_next"] = journal_form(verdict.ask_next)
        except (UnsafeRequest, ValueError, TypeError, AttributeError) as error:
            return {"why": f"the link to follow cannot be used: {error}"}
        if verdict.ask_next.method != "GET":
            return {"why": "the link to follow is not a GET"}
        if verdict.ask_next_limit > 0:
            body["ask_next_limit"] = min(int(verdict.ask_next_limit), MOST_POLLS)
    return body
