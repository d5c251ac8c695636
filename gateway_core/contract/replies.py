"""What came over the wire, and what a gateway may make of it.

`parse_response` turns a Reply into one Verdict. Two of them are definite and reach the flow (Done, Refused); the rest
tell the core how to go on: wait, ask, send the same bytes again, or hold for a person. Silence is never a Verdict.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import attrs

if TYPE_CHECKING:
    from .flow import Request


@attrs.frozen
class Reply:
    """A whole answer of the rail. `to` tells what it answers: the ask itself, its `find_out`, or it came by callback.

    Header names are lower-case. `body` is at most the channel's limit, 1 MiB unless configured. `path` is that of the
    request it answers (the ask's, `find_out`'s, a link's), or of the callback; so a gateway knows which of them spoke.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    to: Literal["ask", "find_out", "callback"] = "ask"
    path: str = ""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty dict for anything else, so that a missing key decides, not an error."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


@attrs.frozen
class Done:
    """Definite: the ask was carried out. `body` is what the flow reads; it is journaled, so keep it small."""

    body: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Refused:
    """Definite: by a code that the rail lists as final, the ask was not carried out and never will be.

    As an answer to `find_out` it speaks of the payment that was asked about, never of the question: a question that was
    turned away (401, 429, 503) is Unknown.
    `stops_channel`: it concerns the channel (wrong credentials, institution account blocked), not this payee: the
    channel stops, and the payment waits until a person lifts the stop; nobody is called refused for it.
    `final`: with `stops_channel`, found by asking or by an authenticated callback: the rail has ended this very key, so
    that the payment is refused (an officer may retry it) and the channel stops before the same befalls all others.
    """

    code: str
    reason: str = ""
    stops_channel: bool = False
    final: bool = False


@attrs.frozen
class Returned:
    """Definite, after Done: the money came back."""

    reference: str = ""
    reason: str = ""


@attrs.frozen
class Waiting:
    """The rail has it and has not decided. `not_before`: seconds until asking makes sense.

    `ask_next`: a read-only request to use from now on instead of `find_out` (a link to follow). One that an answer to
    `find_out` brings is followed at once.
    `ask_next_limit`: so often it may be asked, then `find_out` is used again; 0: as often as the core likes.
    `by_callback`: only of an answer to `find_out`: it says nothing of the payment but that the question was taken, and
    its answer will come by callback (a rail whose query is asynchronous).
    """

    ask_next: Request | None = None
    not_before: float = 0.0
    by_callback: bool = False
    ask_next_limit: int = 0


@attrs.frozen
class NotTaken:
    """The rail says that it did not take this copy (429, or a listed busy code): the same bytes may go again."""

    retry_after: float = 1.0


@attrs.frozen
class NotFound:
    """The rail knows nothing of this key. No proof: a copy may still be under way.

    Only as an answer to `find_out`, or as the authenticated callback that answers an asynchronous query.
    `expired`: the rail says so at a time of its own at which it would refuse a copy that comes now; see `Ask.expires`.
    """

    expired: bool = False


@attrs.frozen
class Unknown:
    """Anything else. `why` is for people."""

    why: str = ""


Verdict: TypeAlias = Done | Refused | Returned | Waiting | NotTaken | NotFound | Unknown
VERDICTS = (Done, Refused, Returned, Waiting, NotTaken, NotFound, Unknown)


@attrs.frozen
class Arrival:
    """A callback as it came in. Header names are lower-case; `path` is what follows `/callbacks/<channel>`.

    `target`: the same as it was sent, quoted, with its query; some rails sign exactly that.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    target: str = ""


@attrs.frozen
class Callback:
    """Which ask an arrival is about, and whether it is authenticated (law 8: a signature over the body, a mutual-TLS
    peer, a matching fulfilment). What it says is read by `parse_response` with `to="callback"`.
    """

    key: str
    authentic: bool
