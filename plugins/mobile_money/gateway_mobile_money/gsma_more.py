"""What the GSMA API offers besides paying: the account's statement, page by page, and reversals. Flows, like any other.

The core has no step that calls them: a host drives them with its own lane, as the tests do.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway_core.contract import Answer, Ask, Ctx, Done, Paid, PayFlow, Refused, Reply, Request, Unknown, Verdict, path

from .profile import get

if TYPE_CHECKING:
    from .profiles.gsma import Gsma

PAGE = 50
PAGES = 1000
# What is kept of a line; its reference of ours is the payment's id.
KEPT = (
    "transactionReference", "transactionStatus", "type", "amount", "currency",
    "requestingOrganisationTransactionReference",
)  # fmt: skip
Statement = Generator[Ask, Answer, list[Mapping[str, Any]]]


def statement(profile: Gsma, since: datetime, until: datetime) -> Statement:
    """The institution account's transactions between two times (the window stays fixed while paging).

    Returns one mapping per line with the API's own names. Raises ValueError where the provider refuses to tell.
    """
    kind, _, value = profile.settings.institution_account.rpartition("@")
    window = {"fromDateTime": _text(since), "toDateTime": _text(until), "limit": str(PAGE)}
    lines: list[Mapping[str, Any]] = []
    for page in range(PAGES):
        place = path("accounts", kind or "accountid", value, "transactions")
        request = get(place, profile.headers(), **window, offset=str(len(lines)))
        said = yield Ask(f"statement-{page}", request)
        if isinstance(said, Refused):
            raise ValueError(f"the provider gives no statement: {said.code}")
        lines += said.body["lines"]
        if not said.body["lines"] or len(lines) >= said.body["available"]:
            return lines
    raise ValueError(f"the statement has more than {PAGES} pages")


def reverse(profile: Gsma, reference: str, ctx: Ctx) -> PayFlow:
    """Bring the money of a transaction back, whole; `reference` is the provider's, as `Paid` has it."""
    key = ctx.new_id("reverse " + reference)
    ask = Ask(
        "reverse",
        Request(
            "POST", path("transactions", reference, "reversals"), json={"type": "reversal"}, key=key,
            headers=profile.headers(**{"X-CorrelationID": key}),
        ),
        moves_money=True,
        find_out=get(path("responses", key), profile.headers(), key),
    )  # fmt: skip
    done = yield ask
    return Paid(str(done.body["reference"])) if isinstance(done, Done) else done


def read_page(reply: Reply) -> Verdict:
    """A page of a statement: how many lines there are in all stands in a header."""
    available = reply.headers.get("x-records-available-count", "")
    try:
        said = json.loads(reply.body)
    except (ValueError, RecursionError):
        said = None
    if reply.status != 200 or not isinstance(said, list) or not (available.isascii() and available.isdigit()):
        return Unknown(f"status {reply.status}, and no page of a statement")
    lines = [{name: line.get(name) for name in KEPT} for line in said if isinstance(line, dict)]
    return Done({"lines": lines, "available": int(available[:9])})


def read_reversal(said: Mapping[str, Any]) -> Verdict:
    """A reversal's own transaction."""
    status, number = str(said.get("transactionStatus")).casefold(), str(said.get("transactionReference") or "")
    done = said.get("type") in ("reversal", "adjustment") and status == "completed" and number
    return Done({"reference": number}) if done else Unknown(f"reversal {status!r}")


def _text(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
