"""Ibis, an invented wallet with everything that makes rails different: docs/plugin-recipes.md shows it in pieces."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import attrs
import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway_core.contract import (
    Arrival,
    Ask,
    Bearer,
    Callback,
    Capabilities,
    Ctx,
    Done,
    Gateway,
    Hidden,
    NotFound,
    Paid,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Request,
    Secret,
    Settings,
    Tokens,
    Unfit,
    Unknown,
    Verdict,
    Waiting,
    path,
    read_money,
)

REFUSALS = {"NO_WALLET": "this customer has no wallet", "LIMIT": "above the customer's limit"}
LONGEST_PAUSE = 3600.0
LINK = re.compile(r"/status/[A-Za-z0-9-]{1,64}")
FRESH = 300.0
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


@attrs.frozen(kw_only=True)
class IbisSettings(Settings):
    """`pin` and `public_key` (base64, from the portal) make `encrypted_pin`, which nobody configures."""

    client_id: str
    client_secret: Hidden
    pin: Hidden
    public_key: str
    callback_url: str = ""
    callback_secret: Hidden | None = None
    encrypted_pin: Hidden | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "encrypted_pin", Hidden(encrypted(self.pin.reveal(), self.public_key)))


def encrypted(pin: str, public_key: str) -> str:
    """Other bytes at each call: so it is done once, when the channel opens, and never in a flow."""
    try:
        key = serialization.load_der_public_key(base64.b64decode(public_key))
    except ValueError:
        raise Unfit("public_key is no key in base64; copy it from the provider's portal") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unfit("public_key is no RSA key")
    return base64.b64encode(key.encrypt(pin.encode(), OAEP)).decode()


class IbisGateway(Gateway[IbisSettings]):
    """Takes every payment with 202, decides later, and says so by callback and behind a link."""

    name = "ibis"
    contract = 1
    capabilities = Capabilities(
        finds_out=True, callbacks=True, dedupes=True, dedupe_window=86_400, ask_after=30.0, patience=86_400.0
    )

    def __init__(self, settings: IbisSettings) -> None:
        super().__init__(settings)
        self._tokens = Tokens()

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """POST /payouts, with the PIN as a hole; GET /payouts/{id} gives the link to its status."""
        key = ctx.new_id("payout")
        order = {
            "id": key,
            "wallet": payment.account.value,
            "amount": payment.amount.text,
            "currency": payment.amount.currency,
            "pin": Secret("encrypted_pin"),
            "callback": self.settings.callback_url,
        }
        done = yield Ask(
            "payout",
            Request("POST", "/payouts", json=order, key=key),
            moves_money=True,
            find_out=Request("GET", path("payouts", key), key=key),
        )
        return Paid(str(done.body["receipt"])) if isinstance(done, Done) else done

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """About this very payout, or nothing."""
        said = reply.json()
        if said.get("id") != ask.request.key:
            return Unknown(f"{reply.status}, not about this payout")
        if reply.to == "find_out" and (reply.status, said.get("code")) == (404, "NO_PAYOUT"):
            return NotFound()
        if "link" in said and "state" not in said:
            return waiting(reply, ask.request.key)
        if not same_money(said, ask.request.json):
            return Unknown("about another amount or wallet")
        return decided(reply, ask.request.key)

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """The body names the payout; the signature covers the time and the body."""
        key = Reply(200, {}, arrival.body).json().get("id")
        if not isinstance(key, str) or not key:
            return None
        return Callback(key, is_signed(arrival, self.settings.callback_secret))

    def auth(self) -> httpx.Auth:
        """One per connection; they share the token."""
        return IbisAuth(self.settings, self._tokens)


def decided(reply: Reply, key: str) -> Verdict:
    """By the word of its state; what is not listed is not decided."""
    said = reply.json()
    state, receipt, code = said.get("state"), said.get("receipt"), str(said.get("code"))
    if state == "PAID" and isinstance(receipt, str) and receipt:
        return Done({"receipt": receipt})
    if state == "FAILED" and code in REFUSALS:
        return Refused(code, REFUSALS[code])
    return waiting(reply, key) if state == "OPEN" else Unknown(f"state {state}, code {code}")


def same_money(said: Mapping[str, Any], order: Mapping[str, Any]) -> bool:
    """Amounts as money, never as text."""
    ours, theirs = (read_money(one.get("amount"), one.get("currency")) for one in (order, said))
    return theirs is not None and ours == theirs and said.get("wallet") == order["wallet"]


def waiting(reply: Reply, key: str) -> Waiting:
    """Not decided. Where it says how long, it is left alone so long; a link that it names is asked from now on."""
    after, link = reply.headers.get("retry-after", ""), reply.json().get("link")
    known = isinstance(link, str) and LINK.fullmatch(link)
    return Waiting(
        ask_next=Request("GET", str(link), key=key) if known else None,
        not_before=min(float(after), LONGEST_PAUSE) if after.isascii() and after.isdigit() else 0.0,
    )


def signature(secret: str, sent_at: str, body: bytes) -> str:
    """HMAC-SHA256 over "<time>.<body>", in hexadecimal digits."""
    return hmac.new(secret.encode(), sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(arrival: Arrival, secret: Hidden | None) -> bool:
    """Signed with our secret, over this very body, about now. Anything else only makes the core ask."""
    sent_at, given = arrival.headers.get("x-ibis-time", ""), arrival.headers.get("x-ibis-signature", "")
    if secret is None or not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) <= 12):
        return False
    if abs(arrival.received_at.timestamp() - int(sent_at)) > FRESH:
        return False
    return hmac.compare_digest(signature(secret.reveal(), sent_at, arrival.body).encode(), given.encode())


class IbisAuth(Bearer):
    """Brings the token; the core's Bearer fetches, shares and renews it."""

    def __init__(self, settings: IbisSettings, tokens: Tokens) -> None:
        super().__init__(tokens)
        self._settings = settings

    def asks_for_token(self) -> httpx.Request:
        """Answered as RFC 6749 says: access_token, expires_in."""
        given = {"client_id": self._settings.client_id, "client_secret": self._settings.client_secret.reveal()}
        return httpx.Request("POST", f"{self._settings.base_url}/token", json=given)

    def refuses_token(self, status: int, body: bytes) -> bool:
        """Ibis's own word. Another 401 is a proxy's, which may have passed the payment on: it is asked about."""
        return status == 401 and Reply(status, {}, body).json().get("code") == "TOKEN"
