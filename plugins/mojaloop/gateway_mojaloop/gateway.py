"""The gateway: a payer DFSP of a Mojaloop scheme. The flow reads as the manual does: discovery, agreement, transfer.

we ask                     the hub acknowledges with 202, and its callback answers
GET  /parties/{type}/{id}  PUT /parties/{type}/{id}      who holds the payee's account
POST /quotes               PUT /quotes/{id}              what it costs, and the condition
POST /transfers            PUT /transfers/{id}           the fulfilment: the money has moved
"""

# ruff: noqa: I001 - one name per line would make this page longer than what it says
from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quoted
from urllib.parse import unquote

import attrs
import httpx

from gateway_core.contract import (
    Account, Arrival, Ask, Balances, Callback, Capabilities, Checks, Ctx, Done, Gateway, Objection, Paid, PayFlow,
    Payment, Refused, Reply, Unfit, Verdict,
    Tokens,
)  # fmt: skip

from . import checks, position
from .fspiop import jws
from .fspiop.texts import Malformed, parse, read_date_time
from .keys import KeyFolder
from .messages import Messages, Party, Unpayable, key_of
from .reading import Reader, is_external
from .settings import MojaloopSettings
from .tables import CODES
from .tokens import AtSending, Clock, Signer

if TYPE_CHECKING:
    from starlette.applications import Starlette

# So many quotes at most in one attempt: one that expires meanwhile is asked for anew, under new ids.
QUOTES = 3
HOUR, DAY = 3600.0, 86_400.0
# What may be called back: how many segments name it at least.
IDS = {"parties": 2, "participants": 2, "quotes": 1, "transfers": 1}


class MojaloopGateway(Gateway[MojaloopSettings]):
    """Pays into accounts that the scheme's participants hold."""

    name = "mojaloop"
    contract = 1
    # FSPIOP lists 200 for callbacks, and nothing else.
    stored_status = 200
    capabilities = Capabilities(
        finds_out=True, callbacks=True, dedupes=True, dedupe_window=50.0, settle=30.0, ask_after=5.0,
        ask_at_most=HOUR, ask_limit=100, patience=3 * DAY, max_concurrency=16,
    )  # fmt: skip

    def __init__(self, settings: MojaloopSettings) -> None:
        super().__init__(settings)
        if settings.transfer_window <= settings.send_margin:
            raise Unfit("transfer_window must be longer than send_margin, or nothing could ever be sent")
        if settings.token_url and not (settings.client_id and settings.client_secret):
            raise Unfit("token_url needs client_id and client_secret")
        if settings.keys_dir and not Path(settings.keys_dir).is_dir():
            raise Unfit("keys_dir is no folder; write its whole path")
        # The hub takes the same bytes again until they expire; later it would refuse them.
        window = settings.transfer_window - settings.send_margin
        self.capabilities = attrs.evolve(self.capabilities, dedupe_window=window)
        self.messages, self._reader = Messages(settings), Reader(settings)
        self._keys = KeyFolder(Path(settings.keys_dir)) if settings.keys_dir else None
        self._signer, self._clock = Signer(settings), Clock(settings.clock_limit)
        self._tokens = Tokens(renew_after=settings.token_refresh)

    # -- one payment --------------------------------------------------------------------------------------------------

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        """Discovery, agreement, transfer. Until the transfer everything may be asked again without risk."""
        try:
            party = Party.of(payment.account)
        except Unpayable as error:
            return Refused("not_a_party", str(error))
        found = yield self._look_up("party", "parties", party)
        if isinstance(found, Refused) and CODES.get(found.code, CODES["3204"]).again:
            found = yield self._look_up("party-2", "parties", party)
        if isinstance(found, Refused):
            return found
        refused = checks.of_party(found.body, payment, self.settings)
        if refused is not None:
            return refused
        fsp = str(found.body["fsp"])
        for number in range(1, QUOTES + 1):
            ask = self._quote(number, payment, party, fsp, ctx)
            quote = yield ask
            if isinstance(quote, Done):
                refused = checks.of_quote(ask.request.json, quote.body, self.settings)
                if refused is not None:
                    return refused
                if checks.lasts(quote.body, ctx.now, self.settings):
                    break
            elif not _worth_another(quote):
                return quote
        else:
            return Refused("no_lasting_quote", f"{QUOTES} quotes were asked for, and each was over or refused as such")
        done = yield self._transfer(ask, quote.body, fsp, ctx)
        return Paid(str(done.body["reference"])) if isinstance(done, Done) else done

    def _look_up(self, name: str, resource: str, party: Party) -> Ask:
        return Ask(name, self.messages.look_up(resource, party), callback=key_of(resource, *party.segments))

    def _quote(self, number: int, payment: Payment, party: Party, fsp: str, ctx: Ctx) -> Ask:
        until = ctx.now + timedelta(seconds=self.settings.quote_window)
        ids = {"quote": ctx.new_id(f"quote-{number}"), "transaction": ctx.new_id(f"transfer-{number}")}
        note = payment.reference or self.settings.note
        return Ask(f"quote-{number}", self.messages.quote(party, fsp, payment.amount, until=until, note=note, **ids))

    def _transfer(self, asked: Ask, quote: Mapping[str, Any], fsp: str, ctx: Ctx) -> Ask:
        """It has the id of the quote's transaction, by which some payees know it. Nothing of ours can cancel it."""
        transfer, until = (
            asked.request.json["transactionId"],
            ctx.now + timedelta(seconds=self.settings.transfer_window),
        )
        request = self.messages.transfer(quote, fsp, transfer=transfer, until=until)
        # As written, without parts of a millisecond.
        until = read_date_time(request.json["expiration"])
        return Ask(
            "transfer", request, moves_money=True, find_out=self.messages.find_transfer(transfer),
            send_before=until - timedelta(seconds=self.settings.send_margin),
            expires=None if is_external(fsp, self.settings) else until + timedelta(seconds=self.settings.grace),
        )  # fmt: skip

    # -- questions ----------------------------------------------------------------------------------------------------

    def validate_beneficiary(self, account: Account, ctx: Ctx) -> Checks:
        """Does anybody in the scheme hold this account?"""
        try:
            party = Party.of(account)
        except Unpayable as error:
            return [Objection("not_a_party", str(error))]
        if not self.settings.check_accounts:
            return []
        found = yield self._look_up("participant", "participants", party)
        if isinstance(found, Refused):
            return [Objection(found.code, found.reason)]
        if found.body["fsp"] == self.settings.fsp_id and not self.settings.on_us:
            return [Objection("on_us", "the account is with ourselves; the hub moves nothing from us to us")]
        return []

    def check_balance(self, ctx: Ctx) -> Balances:
        """The net debit cap less the position, where the scheme offers both; otherwise not known."""
        return (yield from position.balance(self.settings))

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        """As the tables have it."""
        if ask.name in position.ASKS:
            return position.read(reply)
        return self._reader.read(ask, reply)

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        """The address says what it is about; the signature, who says it."""
        target = arrival.target or quoted(arrival.path)
        resource, *rest = (unquote(segment) for segment in target.partition("?")[0].strip("/").split("/"))
        if len(rest) < IDS.get(resource, len(rest) + 1):
            return None
        if len(rest) > IDS[resource] and rest[-1] == "error":
            rest.pop()
        return Callback(key_of(resource, *rest), self._is_authentic(resource, target, arrival))

    def _is_authentic(self, resource: str, target: str, arrival: Arrival) -> bool:
        source, settings = arrival.headers.get("fspiop-source", ""), self.settings
        if not source or arrival.headers.get("fspiop-destination") not in (None, "", settings.fsp_id):
            return False
        keys = self._keys.of(source, arrival.received_at.timestamp()) if self._keys else ()
        signed = "fspiop-signature" in arrival.headers
        if signed and keys:
            try:
                jws.verify(keys, arrival.method, target, arrival.headers, arrival.body, settings.algorithms)
            except jws.BadSignature:
                return False
            return True
        of_parties = settings.unsigned_parties and resource in ("parties", "participants")
        trusted = {source, "*"} & set(settings.unsigned_sources) or of_parties
        return bool(trusted) and _is_json(arrival.body)

    def auth(self) -> httpx.Auth:
        """Dates, signs and brings tokens when something is sent; all lanes share one token and one clock."""
        return AtSending(self.settings, self._signer, self._tokens, self._clock)

    @classmethod
    def simulator(cls) -> Callable[..., Starlette]:
        """A hub with a payee behind it: `gateway simulator mojaloop`. Loaded only when somebody asks for it."""
        from .simulator import create_app

        return create_app


def _worth_another(refused: Refused) -> bool:
    """Whether a quote may be asked for anew: this one was over, or its id was used."""
    row = CODES.get(refused.code)
    return row is not None and (row.before == "requote" or row.again)


def _is_json(body: bytes) -> bool:
    try:
        parse(body)
    except Malformed:
        return False
    return True
