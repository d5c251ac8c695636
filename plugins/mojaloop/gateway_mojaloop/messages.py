"""What we send: FSPIOP's own messages. Everything that knows their form is here and in `reading`, so that another form
(ISO 20022 has one) can take their place without touching the flow.

Bodies have their keys sorted: so they are sent, signed, and sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
import orjson

from gateway_core.contract import Account, Money, Request, Unfit, path

from .fspiop.amounts import amount_text
from .fspiop.texts import canonical, date_time
from .settings import MojaloopSettings

PARTY_TYPES = frozenset({"MSISDN", "EMAIL", "PERSONAL_ID", "BUSINESS", "DEVICE", "ACCOUNT_ID", "IBAN", "ALIAS"})
# profile: (version of what we send, version that we accept)
PROFILES: Mapping[str, tuple[str, str]] = {
    "": ("1.1", "1"),
    "1.0": ("1.0", "1"),
    "1.1": ("1.1", "1"),
    "2.0": ("2.0", "2"),
}
LONGEST_KEY = 120


class Unpayable(ValueError):
    """An account that is no party of Mojaloop. The text is for people."""


@attrs.frozen
class Party:
    """A payee's identifier. `sub` is a kind of document or a branch, mostly empty."""

    type: str
    id: str
    sub: str = ""

    @classmethod
    def of(cls, account: Account) -> Party:
        """Raises Unpayable."""
        if account.type in ("msisdn", "iban"):
            return cls(account.type.upper(), account.value)
        if account.type != "party":
            raise Unpayable(
                f"a {account.type} account is no party; write it as TYPE:VALUE, for example ACCOUNT_ID:0123"
            )
        kind, _, value = account.value.partition(":")
        kind, _, sub = kind.partition("/")
        if kind not in PARTY_TYPES or not value or "?" in value:
            raise Unpayable(
                f"{kind[:20]!r} is none of {', '.join(sorted(PARTY_TYPES))}, or the value has a question mark"
            )
        return cls(kind, value, sub)

    @property
    def segments(self) -> tuple[str, ...]:
        """As in a path."""
        return (self.type, self.id, self.sub) if self.sub else (self.type, self.id)

    @property
    def info(self) -> dict[str, str]:
        """As in a body, without its FSP."""
        known = {"partyIdType": self.type, "partyIdentifier": self.id}
        return known | ({"partySubIdOrType": self.sub} if self.sub else {})


def key_of(resource: str, *segments: str) -> str:
    """Under which an answer comes: a quote's or transfer's id; a person's, which many questions share."""
    if resource in ("quotes", "transfers"):
        return segments[0]
    text = "/".join((resource, *segments))
    return text if len(text) <= LONGEST_KEY and text.isprintable() else hashlib.sha256(text.encode()).hexdigest()


class Messages:
    """Requests of one channel. Raises Unfit for settings that no hub would take."""

    def __init__(self, settings: MojaloopSettings) -> None:
        if settings.profile not in PROFILES:
            raise Unfit(f"profile {settings.profile!r} is none of {', '.join(sorted(filter(None, PROFILES)))}")
        if not 1 <= len(settings.fsp_id) <= 32:
            raise Unfit("fsp_id has 1 to 32 characters")
        if settings.amount_type not in ("RECEIVE", "SEND"):
            raise Unfit("amount_type is RECEIVE or SEND")
        self._settings = settings
        self._versions = _versions(settings)

    def headers(self, resource: str, destination: str = "") -> dict[str, str]:
        """Those that every request has; date and signature are added when it is sent."""
        content, accept = self._versions.get(resource, PROFILES[self._settings.profile])
        media = f"application/vnd.interoperability.{resource}+json;version="
        made = {"Content-Type": media + content, "Accept": media + accept, "FSPIOP-Source": self._settings.fsp_id}
        return made | ({"FSPIOP-Destination": destination} if destination else {})

    def look_up(self, resource: str, party: Party) -> Request:
        """GET /parties or /participants."""
        return Request("GET", path(resource, *party.segments), headers=self.headers(resource))

    def quote(
        self, party: Party, fsp: str, amount: Money, *, quote: str, transaction: str, until: datetime, note: str
    ) -> Request:
        """POST /quotes"""
        known = self._settings
        body: dict[str, Any] = {
            "quoteId": quote, "transactionId": transaction, "payee": {"partyIdInfo": {**party.info, "fspId": fsp}},
            "payer": self._payer(), "amountType": known.amount_type,
            "amount": {"amount": amount_text(amount), "currency": amount.currency},
            "transactionType": self._kind(), "expiration": date_time(until),
        }  # fmt: skip
        if note:
            body["note"] = note[:128]
        return Request("POST", "/quotes", ordered(body), self.headers("quotes", fsp), key=quote)

    def transfer(self, quote: Mapping[str, Any], fsp: str, *, transfer: str, until: datetime) -> Request:
        """POST /transfers: amount, packet and condition as the quote has them, unchanged."""
        body = {
            "transferId": transfer, "payerFsp": self._settings.fsp_id, "payeeFsp": fsp,
            "amount": quote["transferAmount"], "ilpPacket": quote["ilpPacket"], "condition": quote["condition"],
            "expiration": date_time(until),
        }  # fmt: skip
        return Request("POST", "/transfers", ordered(body), self.headers("transfers", fsp), key=transfer)

    def find_transfer(self, transfer: str) -> Request:
        """GET /transfers/{id}: the hub's own ledger answers."""
        return Request("GET", path("transfers", transfer), headers=self.headers("transfers"), key=transfer)

    def _payer(self) -> dict[str, Any]:
        known = self._settings
        info = {
            "partyIdType": known.payer_id_type, "partyIdentifier": known.institution_account or known.fsp_id,
            "fspId": known.fsp_id,
        }  # fmt: skip
        return {"partyIdInfo": info} | ({"name": known.payer_name[:128]} if known.payer_name else {})

    def _kind(self) -> dict[str, Any]:
        known = self._settings
        kind = {"scenario": known.scenario, "initiator": "PAYER", "initiatorType": known.initiator_type}
        return kind | ({"subScenario": known.sub_scenario} if known.sub_scenario else {})


def ordered(body: Mapping[str, Any]) -> Any:
    """The same with all keys sorted, however deep."""
    return orjson.loads(canonical(body))


def _versions(settings: MojaloopSettings) -> dict[str, tuple[str, str]]:
    """ "quotes=2.0/2" sets what is sent and what is accepted of one resource."""
    found = {}
    for said in settings.versions:
        resource, _, pair = said.partition("=")
        content, _, accept = pair.partition("/")
        if not resource.isalnum() or not _is_version(content) or not _is_version(accept):
            raise Unfit(f'versions has {said!r}; write RESOURCE=SENT/ACCEPTED such as "quotes=2.0/2"')
        found[resource] = (content, accept)
    return found


def _is_version(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()
