"""What one operator's profile says: how it pays, how it is asked, what its answers mean. No I/O, no clock, no state.

A new operator is a subclass of `Profile` and a table of codes; `docs/mobile-money.md` walks through one.
"""

from __future__ import annotations

import abc
import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

import httpx

from gateway_core.contract import (
    Ask,
    Capabilities,
    Payment,
    Refused,
    Reply,
    Request,
    Unfit,
    Unknown,
    Verdict,
)

from .addresses import Called, address
from .numbers import Form
from .settings import MobileMoneySettings

HOUR, DAY = 3600.0, 86_400.0
# What all operators have in common until a channel is proven otherwise: nobody says how long a key is remembered.
# `callbacks` is not declared: no operator signs them, so that none settles a payment by itself; they prompt questions.
USUAL = Capabilities(
    finds_out=True, dedupes=True, dedupe_window=DAY, settle=HOUR / 4, keeps_pending=True,
    ask_after=30.0, ask_at_most=HOUR, ask_limit=60, patience=7 * DAY, max_concurrency=8,
)  # fmt: skip


class Profile(abc.ABC):
    """One operator. `settings` are the channel's; what a profile cannot do without is in `needs`."""

    capabilities: ClassVar[Capabilities] = USUAL
    # Settings that must be given.
    needs: ClassVar[tuple[str, ...]] = ()
    # Currencies that it pays; empty: the operator's to judge.
    currencies: ClassVar[frozenset[str]] = frozenset()
    whole_units: ClassVar[bool] = False
    number: ClassVar[Form] = "digits"
    key_form: ClassVar[Literal["uuid", "hex"]] = "uuid"
    # The operator's name in number plans.
    operator: ClassVar[str] = ""
    # A new token makes the one before useless, so that nobody goes on with it.
    token_ends_others: ClassVar[bool] = False

    def __init__(self, settings: MobileMoneySettings) -> None:
        self.settings = settings
        missing = [name for name in self.needs if not getattr(settings, name)]
        if missing:
            raise Unfit(f"profile {settings.profile!r} needs {', '.join(missing)}")
        if settings.callback_url and settings.callback_secret is None:
            raise Unfit("callback_url needs callback_secret: addresses without a token are anybody's")

    # -- paying -------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def pay(self, payment: Payment, number: str, key: str) -> Ask:
        """The request that moves the money, and the one that finds out. `number` is rendered."""

    @abc.abstractmethod
    def read_payment(self, ask: Ask, reply: Reply) -> Verdict:
        """What a reply says about the payment. What is not listed, or about another one, is Unknown."""

    def unfit(self, payment: Payment) -> Refused | None:
        """Why this operator cannot pay it at all, known without asking."""
        currency, minor, kind = payment.amount.currency, payment.amount.minor, payment.account.type
        if kind != "msisdn":
            return Refused("not_a_number", f"a {kind} account; mobile money pays to telephone numbers")
        if self.currencies and currency not in self.currencies:
            return Refused("currency", f"the operator pays {', '.join(sorted(self.currencies))}, not {currency}")
        if self.whole_units and Decimal(payment.amount.text) % 1:
            return Refused("amount", f"the operator pays whole {currency} only, not {minor} cents")
        return None

    def authentic(self, called: Called, received_at: float) -> bool:
        """Whether a callback to one of our addresses counts by itself (law 8). Else it only prompts a question."""
        return False

    # -- questions ----------------------------------------------------------------------------------------------------

    def status(self, number: str) -> Ask | None:
        """Does the account exist, is it active?"""
        return None

    def name(self, number: str) -> Ask | None:
        """Whose is it?"""
        return None

    def balance(self) -> Ask | None:
        """What can the institution pay out?"""
        return None

    def read_question(self, ask: Ask, reply: Reply) -> Verdict:
        """Done with {"active": bool}, {"name": text}, or {"available": decimal text, "currency": code}; or Refused."""
        return Unknown(f"status {reply.status}")

    # -- sending ------------------------------------------------------------------------------------------------------

    def token_request(self) -> httpx.Request | None:
        """How a token is had; None where none is needed."""
        return None

    def stale(self, status: int, body: bytes) -> bool:
        """Whether an answer says that the token is not taken: then it is renewed once, and the same bytes go again.

        Nothing of the payment may have been done under such an answer.
        """
        return status == 401

    def sign(self, request: httpx.Request) -> None:  # noqa: B027 - most operators want nothing
        """Add what is never journaled: the date, a signature."""

    # -- words that several profiles use ------------------------------------------------------------------------------

    def called_at(self, key: str, purpose: str = "told", *, asked: bool = False) -> str:
        """The address at which the operator shall call back; "" where callbacks are not configured."""
        return address(self.settings.callback_url, key, purpose, asked=asked) if self.settings.callback_url else ""

    def basic(self) -> str:
        """The Authorization header of client id and secret."""
        secret = self.settings.client_secret
        pair = f"{self.settings.client_id}:{secret.reveal() if secret else ''}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def at(self, path: str) -> str:
        """An absolute address under the channel's base_url."""
        return self.settings.base_url.rstrip("/") + path


def get(path: str, headers: Mapping[str, Any], key: str = "", **query: str) -> Request:
    """A question."""
    return Request("GET", path, headers=headers, query=query, key=key)
