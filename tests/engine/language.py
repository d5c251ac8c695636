"""A small language for the facts of one payment: intent(), word("unknown"), answer("done"), outcome("paid")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from gateway_core.model.facts import Fact

SECOND = 1_000_000


def intent(money: bool = True, *, value: str = "sent", step: str = "pay", attempt: int = 1, longest: int = 0) -> Fact:
    body: dict[str, Any] = {"request": {}, "find_out": {"method": "GET"}}
    if money:
        body |= {"moves_money": True, "longest_request": longest * SECOND}
    return Fact(0, 0, "intent", value, attempt=attempt, step=step, key=f"{step}-{attempt}", body=body)


def copy(step: str = "pay") -> Fact:
    return Fact(0, 0, "copy", step=step)


def unsent(step: str = "pay") -> Fact:
    return Fact(0, 0, "unsent", "ConnectError", "ask", step=step)


def answer(value: str, source: str = "ask", *, attempt: int = 1, step: str = "pay", **body: Any) -> Fact:
    return Fact(0, 0, "answer", value, source, attempt, step, body={"moves_money": step == "pay", **body})


def word(value: str, source: str = "find_out", *, attempt: int = 1, step: str = "pay", **body: Any) -> Fact:
    return Fact(0, 0, "word", value, source, attempt, step, body=body)


def outcome(value: str, attempt: int = 1) -> Fact:
    return Fact(0, 0, "outcome", value, "flow", attempt, body={"reference": "R", "reason": "because"})


def hold() -> Fact:
    return Fact(0, 0, "hold", "people must look")


def release(value: str, **body: Any) -> Fact:
    return Fact(0, 0, "release", value, "officer", body={"reason": "seen", **body})


def plain(kind: str, attempt: int = 1) -> Fact:
    return Fact(0, 0, kind, "why", attempt=attempt)


def dated(parts: Iterable[Fact]) -> list[Fact]:
    """Numbered from 1, a second apart unless a part has a time of its own."""
    facts, at = [], 0
    for no, part in enumerate(parts, 1):
        at = part.at or at + SECOND
        facts.append(attrs.evolve(part, no=no, at=at))
    return facts


def late(fact: Fact, seconds: int) -> Fact:
    return attrs.evolve(fact, at=seconds * SECOND)
