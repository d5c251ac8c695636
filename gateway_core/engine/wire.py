"""Requests: their journaled form, their fingerprint, and the bytes that leave.

The bytes are always made from the journaled form, also the first time: what a plugin yields on replay is compared with
it and never sent (law 4). Secrets are named holes, filled at the last moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import attrs

from ..contract.flow import Ask, Request, Secret
from ..model.compact import compact
from ..model.identity import digest

HOLE = "$secret"
_HOLE = HOLE.encode()
# One leading slash, then visible ASCII without query, fragment and backslash.
_PATH = re.compile(r"/(?!/)[!\"$-.0->@-\[\]-~/]*")
_DOTS = re.compile(r"/\.\.?(/|$)")
# Names of headers (RFC 9110); values without control characters; headers that say where a request goes or ends.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_ATOMS = frozenset({str, int, bool, float, type(None)})


class UnsafeRequest(ValueError):
    """A request that may not leave: an absolute URL, a path that climbs, a control character."""


@attrs.frozen
class Wire:
    """What a lane sends. `repr` shows no headers or body: they may hold secrets by now."""

    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def journal_form(request: Request) -> dict[str, Any]:
    """The unsigned request as JSON, holes named. Refuses what could leave the channel's origin (ValueError)."""
    _safe(request)
    form: dict[str, Any] = {"method": request.method, "path": request.path, "key": request.key}
    if request.json is not None:
        form["json"] = _with_holes(request.json)
    if request.headers:
        form["headers"] = {name: _with_holes(value) for name, value in request.headers.items()}
    if request.query:
        form["query"] = dict(request.query)
    return form


def request_of(form: Mapping[str, Any]) -> Request:
    """The Request of a journaled form (for `parse_response`, which reads what was asked)."""
    return Request(
        form["method"], form["path"], _with_secrets(form.get("json")),
        {name: _with_secrets(value) for name, value in form.get("headers", {}).items()},
        form.get("query", {}), form.get("key", ""),
    )  # fmt: skip


def fingerprint(name: str, form: Mapping[str, Any]) -> str:
    """Equality of asks: the step's name and the unsigned request."""
    return digest([name, form]).hex()


def ask_of(step: str, body: Mapping[str, Any]) -> Ask:
    """The ask of a journaled intent."""
    find_out = body.get("find_out")
    return Ask(
        step, request_of(body["request"]), bool(body.get("moves_money")), request_of(find_out) if find_out else None
    )


def wire(form: Mapping[str, Any], secrets: Mapping[str, str]) -> Wire:
    """The bytes of a journaled request, with the holes filled."""
    target = form["path"]
    if query := form.get("query"):
        target += "?" + "&".join(f"{_quote(name)}={_quote(value)}" for name, value in query.items())
    headers = [
        (name.encode(), str(_filled(value, secrets)).encode()) for name, value in form.get("headers", {}).items()
    ]
    body = b""
    if "json" in form:
        body = compact(form["json"])
        # Most requests have no hole: then nothing is walked through again.
        if _HOLE in body:
            body = compact(_filled(form["json"], secrets))
        if not any(name.lower() == b"content-type" for name, _ in headers):
            headers.append((b"Content-Type", b"application/json"))
    # Once more, because a secret has been filled in by now.
    if any(b"\r" in value or b"\n" in value or b"\0" in value for _, value in headers):
        raise UnsafeRequest("a header holds a control character")
    return Wire(form["method"], target, tuple(headers), body)


def _safe(request: Request) -> None:
    path = request.path
    if not _PATH.fullmatch(path):
        raise UnsafeRequest(f"{path!r} is not a path; build it with path()")
    if _DOTS.search(path):
        raise UnsafeRequest(f"{path!r} has dot segments; build it with path()")
    for name, value in request.headers.items():
        if not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise UnsafeRequest(f"{name!r} is not a header that a gateway may set")
        if isinstance(value, str) and _CONTROL.search(value):
            raise UnsafeRequest(f"header {name} holds a control character")


def _with_holes(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Secret):
        return {HOLE: value.name}
    if isinstance(value, Mapping):
        if HOLE in value:
            raise UnsafeRequest(f"data may not be named {HOLE}: it would be taken for a secret")
        return {str(key): item if type(item) in _ATOMS else _with_holes(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_holes(item) for item in value]
    return value


def _with_secrets(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Mapping):
        if set(value) == {HOLE}:
            return Secret(value[HOLE])
        return {key: _with_secrets(item) for key, item in value.items()}
    return [_with_secrets(item) for item in value] if isinstance(value, list) else value


def _filled(value: Any, secrets: Mapping[str, str]) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Mapping):
        if set(value) == {HOLE}:
            return secrets[value[HOLE]]
        return {key: _filled(item, secrets) for key, item in value.items()}
    return [_filled(item, secrets) for item in value] if isinstance(value, list) else value


def _quote(text: str) -> str:
    return quote(str(text), safe="")
