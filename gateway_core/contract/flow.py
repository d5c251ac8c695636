"""The conversation with a rail: a generator that yields one Ask and receives one definite Answer.

It does no I/O and has no clock: `ctx.new_id` and `ctx.now` are its only sources of ids and time. After a crash it runs
again over the journaled answers and must yield the same asks; otherwise nothing is sent.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import attrs

from ..model.identity import derived_uuid
from ..model.payment import Balance, Objection
from ..model.short import short_id
from .replies import Done, Refused

# How a rail wants its ids: 36 characters, 32, or 15 of A-Z and 0-9.
Form: TypeAlias = Literal["uuid", "hex", "short"]


@attrs.frozen
class Secret:
    """A named hole in a request: the channel's setting of that name is put in when sending, and never journaled."""

    name: str


def path(*segments: str) -> str:
    """A path whose every segment is quoted: path("accounts", "a/../b") is "/accounts/a%2F..%2Fb"."""
    for segment in segments:
        if segment in ("", ".", ".."):
            raise ValueError(f"{segment!r} cannot be a segment of a path")
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


@attrs.frozen
class Request:
    """One HTTP exchange, unsigned. `path` is relative to the channel's base_url, made by `path()` where data goes in.

    `json` is sent as UTF-8 in the order given; `key` is the idempotency key that the answer must be about.
    Signatures and tokens are applied by `Gateway.auth()` at the time of sending.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    json: Any = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    query: Mapping[str, str] = attrs.field(factory=dict)
    key: str = ""


@attrs.frozen
class Ask:
    """One step of the conversation.

    `moves_money`: at most one such ask per attempt; its intent is on disk before a byte leaves.
    `find_out`: the read-only request that learns its fate. `callback`: the key under which a callback answers it
    (the request's key when left out).
    `send_before`: no copy leaves later; where none ever left, the next attempt begins with new ids. `expires`: from
    then on, whatever anybody's clock says, the rail itself refuses every copy that it does not have; two
    `NotFound(expired)` after that end the attempt. Both only of an ask that moves money, both from `ctx.now`.
    """

    name: str
    request: Request
    moves_money: bool = False
    find_out: Request | None = None
    callback: str = ""
    send_before: datetime | None = None
    expires: datetime | None = None


@attrs.frozen
class Paid:
    """The end of a flow that moved money. `reference` is the rail's own, for reconciliation."""

    reference: str


Answer: TypeAlias = Done | Refused
PayFlow: TypeAlias = Generator[Ask, Answer, Paid | Refused]
Checks: TypeAlias = Generator[Ask, Answer, list[Objection]]
Balances: TypeAlias = Generator[Ask, Answer, Balance | None]


@attrs.define
class Ctx:
    """What a flow may know besides its payment. The core moves `now` on: the journaled time of the last answer, UTC.

    `name` is the beneficiary's, where an account is checked: some rails tell whose it is.
    """

    deployment: str
    entitlement: str
    number: int
    attempt: int
    now: datetime
    name: str = ""

    def new_id(self, label: str, form: Form = "uuid") -> str:
        """An id that is the same for ever for this deployment, entitlement, payment, attempt and label.

        `form`: "uuid" (36 characters), "hex" (32), or "short" (15 of A-Z and 0-9, the last of which is a check).
        """
        return formed(form, "key", self.deployment, self.entitlement, self.number, self.attempt, label)


def formed(form: Form, *parts: object) -> str:
    """The id of these parts, as a rail wants it."""
    if form == "short":
        return short_id(*parts)
    made = derived_uuid(*parts)
    return made if form == "uuid" else made.replace("-", "")
