"""What must hold before money may move: of the party, of the quote, of its packet (4.6 and 4.7 of the reference).

Each check gives a Refused with a code of ours, or nothing. What is refused here was never sent as a transfer.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from gateway_core.contract import Money, Payment, Refused

from .fspiop import ilp, transfers
from .fspiop.amounts import minor_units
from .fspiop.texts import Malformed, read_date_time, unb64url
from .settings import MojaloopSettings


def of_party(found: Mapping[str, Any], payment: Payment, settings: MojaloopSettings) -> Refused | None:
    """Whether this payee can be paid: another FSP than ours, the currency, the name."""
    if found["fsp"] == settings.fsp_id and not settings.on_us:
        return Refused("on_us", "the payee's account is with ourselves; the hub moves nothing from us to us")
    currencies = found.get("currencies") or ()
    if currencies and payment.amount.currency not in currencies:
        return Refused("currency", f"the payee's account takes {', '.join(currencies)}, not {payment.amount.currency}")
    # Comparing names costs more than all other checks together: only where somebody wants it.
    if not settings.name_threshold or not found.get("name"):
        return None
    alike = likeness(payment.name, found["name"])
    if alike < settings.name_threshold:
        return Refused("name_differs", f"the payee's FSP knows the party as {found['name']!r}: {alike:.2f} alike")
    return None


def likeness(ours: str, theirs: str) -> float:
    """How alike two names are, from 0 to 1: without accents, case, and the order of words."""
    one, other = (" ".join(sorted(_plain(name).split())) for name in (ours, theirs))
    return difflib.SequenceMatcher(None, one, other).ratio()


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter if letter.isalnum() else " " for letter in letters if not unicodedata.combining(letter))


def lasts(quote: Mapping[str, Any], now: datetime, settings: MojaloopSettings) -> bool:
    """Whether a quote is still good when its transfer leaves."""
    return read_date_time(quote["expiration"]) > now + timedelta(seconds=settings.quote_margin)


def of_quote(asked: Mapping[str, Any], quote: Mapping[str, Any], settings: MojaloopSettings) -> Refused | None:
    """`asked`: the body of POST /quotes, `quote`: that of PUT /quotes. The first thing that is wrong."""
    try:
        return next((Refused(f"quote_{code}", why) for code, why in _quote_faults(asked, quote, settings)), None)
    except Malformed as error:
        return Refused("quote_malformed", str(error))


def _quote_faults(
    asked: Mapping[str, Any], quote: Mapping[str, Any], settings: MojaloopSettings
) -> Iterator[tuple[str, str]]:
    transfer, wanted = quote["transferAmount"], asked["amount"]
    if transfer["currency"] != wanted["currency"]:
        yield "currency", f"the quote is in {transfer['currency']}, the payment in {wanted['currency']}"
    if minor_units(**transfer) <= 0:
        yield "amount", "the quote moves nothing"
    if len(unb64url(quote["condition"])) != ilp.HASH:
        yield "condition", "the condition is not 32 bytes"
    yield from _amounts(asked, quote, settings)
    yield from _packet(asked, quote, settings)


def _amounts(
    asked: Mapping[str, Any], quote: Mapping[str, Any], settings: MojaloopSettings
) -> Iterator[tuple[str, str]]:
    """Amounts and fees agree (listings 7 to 11), and the fees are below their ceilings."""
    currency = asked["amount"]["currency"]
    moved, wanted = minor_units(**quote["transferAmount"]), minor_units(**asked["amount"])
    fee, commission = (_part(quote, name, currency) for name in ("payeeFspFee", "payeeFspCommission"))
    received = moved - fee + commission
    said = quote.get("payeeReceiveAmount")
    if said is not None and (said["currency"] != currency or minor_units(**said) != received):
        yield "amount", f"the payee is said to receive {said['amount']}, transfer, fee and commission say otherwise"
    if asked["amountType"] == "RECEIVE" and received < wanted:
        yield "amount", f"the payee would receive less than {asked['amount']['amount']} {currency}"
    if asked["amountType"] == "SEND" and moved > wanted:
        yield "amount", f"more than {asked['amount']['amount']} {currency} would be taken from us"
    cost = moved - wanted if asked["amountType"] == "RECEIVE" else wanted - received
    if cost > _ceiling(wanted, currency, settings):
        yield "fee", f"fees of {Money(cost, currency)} are above the ceiling"


def _part(quote: Mapping[str, Any], name: str, currency: str) -> int:
    said = quote.get(name)
    if said is None:
        return 0
    if said["currency"] != currency:
        raise Malformed(f"{name} is in {said['currency']}")
    return minor_units(**said)


def _ceiling(wanted: int, currency: str, settings: MojaloopSettings) -> int:
    """The larger of the two ceilings, in smallest units."""
    percent = int(Decimal(wanted) * Decimal(str(settings.max_fee_percent)) / 100)
    return max(minor_units(settings.max_fee, currency), percent)


def _packet(
    asked: Mapping[str, Any], quote: Mapping[str, Any], settings: MojaloopSettings
) -> Iterator[tuple[str, str]]:
    try:
        packet = ilp.decode(quote["ilpPacket"])
    except ilp.Opaque as error:
        if not settings.opaque_packets:
            yield "packet", str(error)
        return
    except Malformed as error:
        yield "packet", f"the packet cannot be read: {error}"
        return
    yield from (("packet", why) for why in _contradictions(packet, asked, quote))


def _contradictions(packet: ilp.Packet, asked: Mapping[str, Any], quote: Mapping[str, Any]) -> Iterator[str]:
    said, payee = packet.transaction, asked["payee"]["partyIdInfo"]
    transfer = {
        "payerFsp": asked["payer"]["partyIdInfo"]["fspId"], "payeeFsp": payee["fspId"],
        "amount": quote["transferAmount"], "condition": quote["condition"],
    }  # fmt: skip
    if why := transfers.contradiction(packet, transfer):
        yield why
    for name in ("quoteId", "transactionId"):
        if said.get(name) != asked[name]:
            yield f"the packet has another {name}"
    for name in ("partyIdType", "partyIdentifier", "partySubIdOrType"):
        if said.get("payee", {}).get("partyIdInfo", {}).get(name) != payee.get(name):
            yield f"the packet has another {name}"
    # The specification's own example has the amount that was asked for, implementations the amount of the transfer.
    if said["amount"].get("amount") not in (quote["transferAmount"]["amount"], asked["amount"]["amount"]):
        yield "the packet's data have another amount"
    if packet.expires_at and packet.expires_at < read_date_time(quote["expiration"]) - timedelta(seconds=1):
        yield "the packet expires before the quote"
