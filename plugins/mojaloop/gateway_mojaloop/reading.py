"""What is said to us: answers of the hub, and callbacks. What is not listed, or about another matter, is Unknown.

An answer to a request is only ever an acknowledgement or a refusal of that copy; everything else comes by callback.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote

from gateway_core.contract import Ask, Done, NotFound, NotTaken, Refused, Reply, Unknown, Verdict, Waiting

from .fspiop import ilp
from .fspiop.texts import LEXICAL, Malformed, parse, read_date_time
from .settings import MojaloopSettings
from .tables import code_of

# Statuses by which a copy is refused without a doubt; others may come from a proxy on the way (7.4 of the reference).
REFUSING = frozenset({400, 401, 403, 404, 405, 406, 501})
# What they mean where the body names no code.
BY_STATUS: Mapping[int, str] = {401: "4300", 403: "4300", 404: "3002", 405: "3002", 406: "3001", 501: "2002"}
DOORS = frozenset({401, 403})
COMMITTED = frozenset({"COMMITTED", "SETTLED"})
UNDECIDED = frozenset({"RECEIVED", "RESERVED"})


class Reader:
    """Pure: the same ask and reply always give the same verdict."""

    def __init__(self, settings: MojaloopSettings) -> None:
        self._settings = settings

    def read(self, ask: Ask, reply: Reply) -> Verdict:
        """See `Gateway.parse_response`."""
        if reply.to == "callback":
            return self._callback(ask, reply)
        return self._acknowledged(ask, reply)

    # -- answers to requests ------------------------------------------------------------------------------------------

    def _acknowledged(self, ask: Ask, reply: Reply) -> Verdict:
        if reply.status == 202:
            if reply.to == "find_out":
                return Waiting(by_callback=True)
            # Nothing is asked before the transfer's own time is over: until then its callback may come.
            window = self._settings.transfer_window if ask.moves_money else 0.0
            return Waiting(not_before=window + self._settings.callback_patience)
        said = _error(reply)
        if reply.to == "find_out" or reply.status not in REFUSING:
            busy = reply.status in (429, 503) and reply.to == "ask" and not ask.moves_money
            return NotTaken(_retry_after(reply)) if busy else Unknown(f"status {reply.status} {said}".strip())
        if ask.moves_money and not said and reply.status not in DOORS:
            # A page of somebody on the way is no word of the hub's; the reference's 7.4 would take it for one.
            return Unknown(f"status {reply.status} without a code")
        return self._refused(ask, reply, said or BY_STATUS.get(reply.status, "3100"))

    def _refused(self, ask: Ask, reply: Reply, code: str) -> Verdict:
        """This copy was turned away at the hub's door. Whether another one got in, the core knows."""
        row = code_of(code)
        if row is None:
            return Unknown(f"status {reply.status} {code[:20]}".strip())
        why = f"{row.name} ({reply.status} {_description(reply)})".replace(" )", ")")
        word = row.after if ask.moves_money else row.before
        if word in ("config", "pause"):
            return Refused(row.code, f"{row.code}: {why}", stops_channel=True)
        if ask.moves_money:
            return Refused(row.code, why) if word == "fail" else Unknown(f"{row.code}: {why}")
        return NotTaken(_retry_after(reply)) if word in ("retry", "ask") else Refused(row.code, why)

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def _callback(self, ask: Ask, reply: Reply) -> Verdict:
        wanted, came = _about(ask), reply.path
        try:
            if unquote(reply.headers.get("fspiop-uri", came)).partition("?")[0] != came:
                return Unknown("signed for another address")
            if came == wanted + "/error":
                return self._error_callback(ask, reply)
            if came != wanted:
                return Unknown("about another matter")
            said = parse(reply.body)
            if not isinstance(said, dict):
                raise Malformed("no object")
            return self._READ[ask.name.partition("-")[0]](self, ask, reply, said)
        except (Malformed, KeyError, TypeError, AttributeError) as error:
            return Unknown(f"malformed: {type(error).__name__}: {error}"[:200])

    def _error_callback(self, ask: Ask, reply: Reply) -> Verdict:
        code, source = _error(reply), reply.headers.get("fspiop-source", "")
        row = code_of(code)
        if row is None:
            return Unknown(f"an error without a code from {source}")
        why = f"{row.code} {row.name}: {_description(reply)} (says {source})"
        word = row.after if ask.moves_money else row.before
        if source not in (self._settings.hub_id, ask.request.headers.get("FSPIOP-Destination")) and (
            word in ("config", "pause") or ask.request.method == "POST"
        ):
            return Unknown(f"{why}, who has no say in this")
        if word in ("config", "pause"):
            return Refused(row.code, why, stops_channel=True)
        if word == "gone":
            return self._gone(ask, reply) if source == self._settings.hub_id else Unknown(why)
        if ask.moves_money or word in ("retry", "ask"):
            return Unknown(why)
        return Refused(row.code, why)

    def _gone(self, ask: Ask, reply: Reply) -> Verdict:
        """The hub does not know the transfer. It proves something only once the hub itself would refuse it as expired.

        Between schemes it never does: hubs do not keep the expiry of what is forwarded.
        """
        order = ask.request.json
        said_at = _date(reply)
        over = said_at is not None and said_at > read_date_time(order["expiration"])
        return NotFound(expired=over and not is_external(order["payeeFsp"], self._settings))

    def _party(self, ask: Ask, reply: Reply, said: Mapping[str, Any]) -> Verdict:
        known = said["party"]["partyIdInfo"]
        *_, kind, value = _about(ask).split("/")[:4]
        given = (known["partyIdType"], known["partyIdentifier"], *_sub(known))
        if given != tuple(_about(ask).split("/")[2:]):
            return Unknown(f"another party: {kind} {value}")
        fsp, source = str(known.get("fspId") or ""), reply.headers.get("fspiop-source", "")
        if not 0 < len(fsp) <= 32:
            return Unknown("a party without an FSP cannot be paid")
        if source not in (fsp, self._settings.hub_id) and not is_external(fsp, self._settings):
            return Unknown(f"{source} speaks of a party of {fsp}")
        found: dict[str, Any] = {"fsp": fsp, "name": str(said["party"].get("name") or "")[:128]}
        currencies = said["party"].get("supportedCurrencies")
        return Done(found | ({"currencies": [str(one)[:3] for one in currencies][:16]} if currencies else {}))

    def _participant(self, ask: Ask, reply: Reply, said: Mapping[str, Any]) -> Verdict:
        fsp = str(said.get("fspId") or "")
        return Done({"fsp": fsp}) if 0 < len(fsp) <= 32 else Unknown("no FSP is named")

    def _quote(self, ask: Ask, reply: Reply, said: Mapping[str, Any]) -> Verdict:
        payee, source = ask.request.json["payee"]["partyIdInfo"]["fspId"], reply.headers.get("fspiop-source", "")
        if source != payee and not is_external(payee, self._settings):
            return Unknown(f"a quote of {source}, where {payee} was asked")
        read_date_time(said["expiration"])
        for name in ("ilpPacket", "condition"):
            if not LEXICAL["IlpPacket"].fullmatch(said[name]) or len(said[name]) > ilp.LONGEST:
                raise Malformed(name)
        kept = {name: said[name] for name in ("expiration", "ilpPacket", "condition")}
        for name in ("transferAmount", "payeeReceiveAmount", "payeeFspFee", "payeeFspCommission"):
            if name in said or name == "transferAmount":
                kept[name] = _money(said[name])
        return Done(kept)

    def _transfer(self, ask: Ask, reply: Reply, said: Mapping[str, Any]) -> Verdict:
        """Paid is a state and a fulfilment together (4.8 of the reference)."""
        order, source, state = ask.request.json, reply.headers.get("fspiop-source", ""), said["transferState"]
        payee = order["payeeFsp"]
        if source not in (payee, self._settings.hub_id) and not is_external(payee, self._settings):
            return Unknown(f"{source} has no say in this transfer")
        if state in COMMITTED:
            if not ilp.is_fulfilled(said.get("fulfilment"), order["condition"]):
                what = "a wrong" if said.get("fulfilment") else "no"
                return Unknown(f"ALARM: {source} says {state} with {what} fulfilment; money may have moved")
            return Done({"reference": order["transferId"], "fulfilment": said["fulfilment"]})
        if state in UNDECIDED:
            return Waiting()
        # The ledger's word only: a payee's refusal is not yet the hub's.
        if state == "ABORTED" and source == self._settings.hub_id:
            return Refused("ABORTED", "the hub has ended the transfer")
        return Unknown(f"{source} says {str(state)[:40]}")

    _READ = {  # noqa: RUF012 - the names of our asks
        "party": _party, "participant": _participant, "quote": _quote, "transfer": _transfer,
    }  # fmt: skip


def is_external(fsp: str, settings: MojaloopSettings) -> bool:
    """Whether an FSP belongs to another scheme and is reached through a proxy."""
    return fsp in settings.external_fsps or "*" in settings.external_fsps


def _about(ask: Ask) -> str:
    """The path of the callback that answers an ask, as a callback's path is kept: unquoted."""
    request = ask.request
    return f"{request.path}/{request.key}" if request.method == "POST" else unquote(request.path)


def _sub(known: Mapping[str, Any]) -> tuple[str, ...]:
    return (known["partySubIdOrType"],) if known.get("partySubIdOrType") else ()


def _money(said: Mapping[str, Any]) -> dict[str, str]:
    amount, currency = said["amount"], said["currency"]
    if not isinstance(currency, str) or not isinstance(amount, str) or not LEXICAL["Amount"].fullmatch(amount):
        raise Malformed("an amount that is none")
    return {"amount": amount, "currency": currency}


def _error(reply: Reply) -> str:
    """The code of an error body; "" where there is none."""
    information = reply.json().get("errorInformation")
    return str(information.get("errorCode") or "") if isinstance(information, dict) else ""


def _description(reply: Reply) -> str:
    information = reply.json().get("errorInformation")
    return str(information.get("errorDescription") or "")[:128] if isinstance(information, dict) else ""


def _date(reply: Reply) -> datetime | None:
    try:
        return parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError, TypeError):
        return None


def _retry_after(reply: Reply) -> float:
    """Seconds, at most ten minutes; 5 where the hub names none."""
    text = reply.headers.get("retry-after", "")
    return min(float(text), 600.0) if text.isascii() and text.isdigit() else 5.0
