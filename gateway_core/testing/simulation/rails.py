"""Two small rails over one JSON protocol: one ask per payment, or look-up, quote and payment.

They read replies as a careful plugin does: an answer counts only if it is about this key, amount and account.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import attrs

from ...contract.channel import Channel, Pace
from ...contract.flow import Ask, Ctx, Paid, PayFlow, Request, path
from ...contract.gateway import Capabilities, Gateway, Settings
from ...contract.replies import (
    Arrival,
    Callback,
    Done,
    NotFound,
    NotTaken,
    Refused,
    Reply,
    Unknown,
    Verdict,
    Waiting,
)
from ...model.payment import Payment
from .faces import SIGNED

# Short enough that a schedule ends soon, long enough that every fault fits in between.
CAPABILITIES = Capabilities(
    finds_out=True, callbacks=True, dedupes=True, dedupe_window=86_400, settle=30, ask_after=5, ask_at_most=240,
    ask_limit=6, patience=600, max_concurrency=3,
)  # fmt: skip


class OneAsk(Gateway[Settings]):
    """One request moves the money."""

    name = "sim_one"
    test_only = True
    capabilities = CAPABILITIES

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Pay."""
        done = yield self.pay(payment, ctx)
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def pay(self, payment: Payment, ctx: Ctx) -> Ask:
        """The ask that moves the money."""
        key = ctx.new_id("pay")
        order = {
            "key": key, "reference": payment.id, "entitlement": payment.entitlement,
            "account": payment.account.value, "amount": payment.amount.minor, "expires": self._expires(ctx),
        }  # fmt: skip
        find_out = Request("GET", path("payments", key), key=key)
        return Ask(
            "pay",
            Request("POST", "/payments", json=order, key=key),
            moves_money=True,
            find_out=find_out if self.capabilities.finds_out else None,
        )

    def _expires(self, ctx: Ctx) -> int:
        life = self.capabilities.longest_request
        return int((ctx.now.timestamp() + life) * 1_000_000) if life else 0

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """Definite only by a listed status, about this very request."""
        body = reply.json()
        if ask.moves_money:
            return _asked(ask, reply.status, body) if reply.to == "ask" else _found_out(ask, reply.status, body)
        if reply.status == 200 and body.get("about") == ask.request.path:
            return Done({"fee": body.get("fee", 0)})
        if reply.status == 404 and body.get("about") == ask.request.path:
            return Refused("no_such_account")
        return Unknown(f"status {reply.status}")

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """The body names the key; the signature makes it authentic."""
        key = Reply(200, {}, arrival.body).json().get("key")
        return Callback(key, arrival.headers.get(SIGNED) == "right") if isinstance(key, str) else None


class ThreeAsks(OneAsk):
    """Look the account up, get a quote, then pay."""

    name = "sim_three"

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Look up, quote, pay."""
        found = yield Ask("lookup", Request("GET", path("accounts", payment.account.value)))
        if isinstance(found, Refused):
            return found
        quote = {"account": payment.account.value, "amount": payment.amount.minor}
        quoted = yield Ask("quote", Request("POST", path("quotes", ctx.new_id("quote")), json=quote))
        if isinstance(quoted, Refused):
            return quoted
        done = yield self.pay(payment, ctx)
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done


def _about(ask: Ask, body: dict[str, Any]) -> bool:
    order = ask.request.json
    return all(body.get(name) == order[name] for name in ("key", "amount", "account"))


def _asked(ask: Ask, status: int, body: dict[str, Any]) -> Verdict:
    if not _about(ask, body):
        return Unknown(f"status {status}, and not about this payment")
    match status:
        case 201:
            return Done({"receipt": str(body.get("receipt", ""))})
        case 202:
            return Waiting()
        case 422:
            return Refused(str(body.get("code")))
        case 429:
            return NotTaken(2.0)
        case 401:
            return Refused("unauthorised", "the credentials are wrong", stops_channel=True)
    return Unknown(f"status {status}")


def _found_out(ask: Ask, status: int, body: dict[str, Any]) -> Verdict:
    if status == 404 and body.get("key") == ask.request.key:
        return NotFound()
    if status != 200 or not _about(ask, body):
        return Unknown(f"status {status}, or not about this payment")
    match body.get("status"):
        case "paid":
            return Done({"receipt": str(body.get("receipt", ""))})
        case "refused":
            return Refused(str(body.get("code")))
        case "pending":
            return Waiting()
    return Unknown("no listed status")


def channel(name: str, *, three_asks: bool, **narrowed: Any) -> Channel:
    """A channel over one of the two rails, with other capabilities than theirs where named."""
    gateway = (ThreeAsks if three_asks else OneAsk)(Settings(base_url="http://rail.invalid"))
    return promising(Channel(name, gateway), **narrowed)


def promising(channel: Channel, **narrowed: Any) -> Channel:
    """The same channel with other promises: registering a gateway takes longer than a schedule."""
    channel.capabilities = channel.gateway.capabilities = _capabilities(**narrowed)
    channel.pace = _pace(channel.capabilities.max_concurrency)
    return channel


@lru_cache(512)
def _capabilities(**narrowed: Any) -> Capabilities:
    return attrs.evolve(CAPABILITIES, **narrowed)


@lru_cache(16)
def _pace(lanes: int) -> Pace:
    return Pace(max_concurrency=lanes, timeout=30.0)
