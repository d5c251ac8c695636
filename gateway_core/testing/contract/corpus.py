"""Replies that say nothing: what servers, proxies and broken networks send, and a rail's own replies, damaged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from ...contract.flow import Ask
from ...contract.replies import Arrival, Reply
from .faults import HTML

To = Literal["ask", "find_out", "callback"]
TO: tuple[To, ...] = ("ask", "find_out", "callback")
EMPTY = (b"", b"{}", HTML)
GARBAGE = (
    *EMPTY, b"null", b"[]", b"[1]", b'"paid"', b"true", b"0", b"{", b"\xff\xfe\x00\x80", b'{"status": []}',
    b'{"status": {"status": null}, "code": 7, "key": [], "amount": 1e999}', b'{"a":' * 2000, b"[" * 100_000,
    b"<?xml version='1.0'?><Document><Sts>", b"status=paid&amount=1", b"9" * 5000, b'{"key": "\\ud800"}', b"a,b\n1",
)  # fmt: skip
STRANGE_VALUES: tuple[Any, ...] = (None, [], {}, "x" * 5000, -1, True)
HEADERS: tuple[dict[str, str], ...] = ({}, {"retry-after": "soon"}, {"content-type": "text/html"}, {"location": "//x"})
# Words that a rail's own manual could use where it does not say "refused".
UNKNOWN_KEY = ("not_found", "NOT_FOUND", "unknown", "RESOURCE_NOT_FOUND", "no_such_payment")
REPEATED = ("duplicate", "DUPLICATE", "already_exists", "RESOURCE_ALREADY_EXIST", "conflict", "in_progress")


def answers(statuses: Iterable[int], bodies: Iterable[bytes], to: Iterable[To], ask: Ask) -> Iterator[Reply]:
    """Each status with each body, as an answer to the ask or to a question about it."""
    bodies = tuple(bodies)
    for where in to:
        for status in statuses:
            for body in bodies:
                yield Reply(status, {"content-type": "application/json"}, body, where, _path(ask, where))


def replies(ask: Ask, real: Sequence[Reply]) -> Iterator[Reply]:
    """Everything: garbage under any status, and a rail's real replies damaged."""
    bodies = [*GARBAGE, *(damaged for reply in real[:6] for damaged in _damaged(reply.body))]
    for where in TO:
        for status in (200, 201, 202, 204, 302, 400, 401, 404, 409, 422, 429, 500, 503, 999):
            for number, body in enumerate(bodies):
                yield Reply(status, HEADERS[number % len(HEADERS)], body, where, _path(ask, where))


def words(ask: Ask, real: Sequence[Reply], said: Sequence[str]) -> list[bytes]:
    """Bodies that name what they are about, as the rail's own do, with one of these words in place of what they say."""
    key = ask.request.key
    plain = [{"code": w, "status": w, "error": w, "errorCode": w, "message": w, "key": key, "id": key} for w in said]
    echoed = [_echo(reply.json(), _leaves(ask.request.json) | {key}, word) for reply in real[:4] for word in said]
    return [json.dumps(body).encode() for body in (*plain, *echoed)]


def halves(real: Iterable[Reply]) -> list[bytes]:
    """Real replies that end too early."""
    return [reply.body[: len(reply.body) * part // 8] for reply in real if reply.body for part in (2, 4, 6, 7)]


def arrivals() -> Iterator[Arrival]:
    """Callbacks of strangers."""
    for body in GARBAGE:
        yield Arrival("POST", "/", {"content-type": "application/json"}, body, datetime.now(UTC))


def replaced(reply: Reply, old: str, new: str) -> Reply | None:
    """The reply with another text in place of one; None where that does not stand in it."""
    body = reply.body.replace(old.encode(), new.encode())
    headers = {name: value.replace(old, new) for name, value in reply.headers.items()}
    changed = attrs.evolve(reply, body=body, headers=headers)
    return changed if changed != reply else None


def _path(ask: Ask, to: To) -> str:
    asked = ask.find_out if to == "find_out" and ask.find_out is not None else ask.request
    return asked.path


def _damaged(body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    yield body + body
    yield b"[" + body + b"]"
    try:
        said = json.loads(body)
    except ValueError:
        return
    if isinstance(said, dict):
        for key in said:
            yield json.dumps({name: value for name, value in said.items() if name != key}).encode()
            for other in STRANGE_VALUES:
                yield json.dumps({**said, key: other}).encode()


def _leaves(value: Any) -> set[Any]:
    if isinstance(value, dict):
        return {leaf for inner in value.values() for leaf in _leaves(inner)}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in _leaves(inner)}
    return {value} if isinstance(value, str | int) else set()


def _echo(value: Any, ours: set[Any], word: str) -> Any:
    """What the rail repeats of our request stays; all else that it says becomes the word."""
    if isinstance(value, dict):
        return {key: _echo(inner, ours, word) for key, inner in value.items()}
    if isinstance(value, list):
        return [_echo(inner, ours, word) for inner in value]
    return value if value in ours or not isinstance(value, str) else word
