"""What is said to us, row by row: every error code in both columns, every check of a party, a quote and a transfer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from gateway_mojaloop import MojaloopGateway, MojaloopSettings
from gateway_mojaloop.fspiop import ilp
from gateway_mojaloop.fspiop.texts import canonical, date_time
from gateway_mojaloop.tables import CODES, code_of

from gateway_core.contract import (
    Account,
    Ask,
    Ctx,
    Done,
    Money,
    NotFound,
    NotTaken,
    Paid,
    Payment,
    Refused,
    Reply,
    Unknown,
    Waiting,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
PERSON = Account("msisdn", "256772123456")


def gateway(**more: Any) -> MojaloopGateway:
    known = {"base_url": "https://hub", "fsp_id": "grantsfsp", "institution_account": "treasury"}
    return MojaloopGateway(MojaloopSettings(**{**known, **more}))


def payment(account: Account = PERSON) -> Payment:
    return Payment(
        id="p-1", number=1, invoice="i", entitlement="e", beneficiary="b", name="Amina Nakato", account=account,
        amount=Money(10_000, "USD"), programme="", cycle="", instalment="", reference="", channel="hub", extra={},
    )  # fmt: skip


class Talk:
    """One payment's conversation, step by step."""

    def __init__(self, wanted: Payment | None = None, **settings: Any) -> None:
        self.gateway, self.ctx = gateway(**settings), Ctx("deployment", "e", 1, 1, NOW)
        self._flow = self.gateway.execute_payment(wanted or payment(), self.ctx)
        self.ask: Any = next(self._flow)
        self.end: Any = None

    def answer(self, answer: Done | Refused, after: float = 1.0) -> Any:
        """What it does then: the next ask, or how it ended."""
        self.ctx.now += timedelta(seconds=after)
        try:
            self.ask = self._flow.send(answer)
            return self.ask
        except StopIteration as stop:
            self.ask, self.end = None, stop.value
            return stop.value

    def quoted(self) -> Ask:
        """At its first quote."""
        ask: Ask = self.answer(Done({"fsp": "payeefsp", "name": "Nakato Amina"}))
        return ask

    def transferring(self) -> Ask:
        """At its transfer."""
        self.quoted()
        ask: Ask = self.answer(Done(terms(self.ask)))
        return ask

    def hears(self, body: Any, path: str, source: str = "Hub", **headers: str) -> Any:
        """The verdict on a callback."""
        told = {"fspiop-source": source, "date": format_datetime(NOW, usegmt=True), **headers}
        return self.gateway.parse_response(self.ask, Reply(200, told, canonical(body), "callback", path))

    def told(self, status: int, body: Any = None, to: Any = "ask") -> Any:
        """The verdict on an answer."""
        raw = canonical(body) if body is not None else b""
        return self.gateway.parse_response(self.ask, Reply(status, {}, raw, to, self.ask.request.path))


def terms(asked: Ask, *, version: int = 4, life: float = 120.0, **changes: Any) -> dict[str, Any]:
    """A payee's answer to a quote; `changes` are made after the packet was."""
    body = asked.request.json
    until = date_time(NOW + timedelta(seconds=life))
    answer = {"transferAmount": changes.pop("made_for", body["amount"]), "expiration": until}
    made = ilp.make(version, "secret", ilp.transaction_object(changes.pop("instead", body), answer))
    return {**answer, "ilpPacket": made.packet, "condition": made.condition, **changes}


def error(code: str) -> dict[str, Any]:
    return {"errorInformation": {"errorCode": code, "errorDescription": "why"}}


# -- the table of errors ----------------------------------------------------------------------------------------------

# What each word makes of a callback: before money may move, and after.
BEFORE: dict[str, Callable[[Any], bool]] = {
    "retry": lambda said: isinstance(said, Unknown),
    "ask": lambda said: isinstance(said, Unknown),
    "requote": lambda said: isinstance(said, Refused) and not said.stops_channel,
    "fail": lambda said: isinstance(said, Refused) and not said.stops_channel,
    "config": lambda said: isinstance(said, Refused) and said.stops_channel and not said.final,
    "pause": lambda said: isinstance(said, Refused) and said.stops_channel and not said.final,
}
AFTER: dict[str, Callable[[Any], bool]] = {
    "ask": lambda said: isinstance(said, Unknown),
    "fail": lambda said: isinstance(said, Unknown),
    "config": lambda said: isinstance(said, Refused) and said.stops_channel and not said.final,
    "pause": lambda said: isinstance(said, Refused) and said.stops_channel and not said.final,
    "gone": lambda said: isinstance(said, NotFound) and not said.expired,
}


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_word_in_both_columns(code: str) -> None:
    talk, row = Talk(), CODES[code]
    party = "/parties/MSISDN/256772123456/error"
    assert BEFORE[row.before](talk.hears(error(code), party)), "party"
    quote = talk.quoted()
    assert BEFORE[row.before](talk.hears(error(code), f"/quotes/{quote.request.key}/error", "payeefsp")), "quote"
    transfer = talk.transferring() if talk.ask is None else talk.answer(Done(terms(talk.ask)))
    said = talk.hears(error(code), f"/transfers/{transfer.request.key}/error")
    assert AFTER[row.after](said), said
    assert isinstance(said, NotFound) or code in str(said)


@pytest.mark.parametrize("code", CODES)
def test_at_the_door_only_a_listed_refusal_of_this_copy_is_one(code: str) -> None:
    talk = Talk()
    talk.transferring()
    said, row = talk.told(400, error(code)), CODES[code]
    if row.after in ("config", "pause"):
        assert isinstance(said, Refused) and said.stops_channel
    else:
        assert isinstance(said, Refused if row.after == "fail" else Unknown)
    assert isinstance(talk.told(400, error(code), "find_out"), Unknown)


@pytest.mark.parametrize(
    ("said", "read_as"),
    [("5199", "5100"), ("3250", "3200"), ("6000", None), ("5999", "5000"), ("0001", None), ("", None), ("51", None),
     ("٣٣٣٣", None)],
)  # fmt: skip
def test_an_unlisted_code_is_read_as_the_generic_one(said: str, read_as: str | None) -> None:
    row = code_of(said)
    assert (row and row.name) == (CODES[read_as].name if read_as else None)
    assert row is None or row.code == said


@pytest.mark.parametrize(
    ("status", "before", "after"),
    [
        (202, Waiting, Waiting), (200, Unknown, Unknown), (307, Unknown, Unknown), (400, Refused, Unknown),
        (401, Refused, Refused), (403, Refused, Refused), (404, Refused, Unknown), (405, Refused, Unknown),
        (406, Refused, Unknown), (408, Unknown, Unknown), (429, NotTaken, Unknown), (500, Unknown, Unknown),
        (501, Refused, Unknown), (503, NotTaken, Unknown),
    ],
)  # fmt: skip
def test_a_status_without_a_code(status: int, before: type, after: type) -> None:
    talk = Talk()
    assert isinstance(talk.told(status), before)
    talk.transferring()
    assert isinstance(talk.told(status), after)
    found = talk.told(status, to="find_out")
    assert found == Waiting(by_callback=True) if status == 202 else isinstance(found, Unknown)


# -- the quote --------------------------------------------------------------------------------------------------------


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize(
    ("settings", "changes", "code"),
    [
        ({}, {}, ""),
        # Fees: on top of what she receives, or taken from it.
        ({}, {"made_for": usd("101"), "payeeFspFee": usd("1")}, "quote_fee"),
        ({"max_fee": "1"}, {"made_for": usd("101"), "payeeFspFee": usd("1")}, ""),
        ({"max_fee": "1"}, {"made_for": usd("101"), "payeeFspFee": usd("1"), "payeeReceiveAmount": usd("100")}, ""),
        ({"max_fee": "1"}, {"made_for": usd("101"), "payeeFspFee": usd("1"), "payeeReceiveAmount": usd("99")},
         "quote_amount"),
        ({"max_fee_percent": 1.0}, {"made_for": usd("101"), "payeeFspFee": usd("1")}, ""),
        ({"max_fee_percent": 0.9}, {"made_for": usd("101"), "payeeFspFee": usd("1")}, "quote_fee"),
        ({"max_fee": "5"}, {"made_for": usd("100"), "payeeFspFee": usd("1")}, "quote_amount"),
        ({"max_fee": "5"}, {"made_for": usd("99"), "payeeFspCommission": usd("1")}, ""),
        ({"amount_type": "SEND"}, {}, ""),
        ({"amount_type": "SEND"}, {"payeeFspFee": usd("1")}, "quote_fee"),
        ({"amount_type": "SEND", "max_fee": "1"}, {"payeeFspFee": usd("1")}, ""),
        ({"amount_type": "SEND", "max_fee": "9"}, {"made_for": usd("101")}, "quote_amount"),
        # Another matter.
        ({}, {"made_for": {"amount": "100", "currency": "KES"}}, "quote_currency"),
        ({}, {"payeeFspFee": {"amount": "0", "currency": "KES"}}, "quote_malformed"),
        ({}, {"made_for": usd("100.001")}, "raises"),
        ({"max_fee": "5"}, {"transferAmount": usd("101"), "payeeFspFee": usd("1")}, "quote_packet"),
        ({}, {"condition": "A" * 43}, "v4:quote_packet"),
        ({}, {"condition": "AAAA"}, "quote_condition"),
        ({}, {"ilpPacket": "AAAA"}, "quote_packet"),
        ({}, {"ilpPacket": "BQEA"}, "quote_packet"),
        ({"opaque_packets": True}, {"ilpPacket": "BQEA"}, ""),
        ({"opaque_packets": True}, {"ilpPacket": "AQEA"}, "quote_packet"),
    ],
)  # fmt: skip
def test_a_quote_is_held_against_the_request_and_its_packet(
    version: int, settings: Any, changes: dict[str, Any], code: str
) -> None:
    talk = Talk(**settings)
    ask = talk.quoted()
    if code == "raises":
        with pytest.raises(ValueError, match="smallest unit"):
            terms(ask, version=version, **changes)
        return
    said = talk.answer(Done(terms(ask, version=version, **changes)))
    if code.startswith("v4:"):
        # A packet of version 1 has no condition in it: the fulfilment alone will tell.
        code = code[3:] if version == 4 else ""
    assert (said.code == code) if code else said.name == "transfer", said


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize("name", ["quoteId", "transactionId", "partyIdentifier", "partyIdType", "payee", "payer"])
def test_a_packet_of_another_quote_is_refused(version: int, name: str) -> None:
    talk = Talk()
    ask = talk.quoted()
    body = ask.request.json
    other = {**body, "payee": {"partyIdInfo": dict(body["payee"]["partyIdInfo"])},
             "payer": {**body["payer"], "partyIdInfo": dict(body["payer"]["partyIdInfo"])}}  # fmt: skip
    if name in ("payee", "payer"):
        other[name]["partyIdInfo"]["fspId"] = "otherfsp"
    elif name.startswith("party"):
        other["payee"]["partyIdInfo"][name] = "ALIAS"
    else:
        other[name] = "11111111-1111-4111-8111-111111111111"
    said = talk.answer(Done(terms(ask, version=version, instead=other)))
    assert said.code == "quote_packet", said


def test_a_quote_that_is_over_is_asked_for_anew_under_new_ids_and_that_has_a_bound() -> None:
    talk, ids = Talk(), set()
    ask = talk.quoted()
    for number in (1, 2, 3):
        ids |= {ask.request.json["quoteId"], ask.request.json["transactionId"]}
        assert ask.name == f"quote-{number}" and len(ids) == 2 * number
        # The payee's time is over when its answer comes.
        ask = talk.answer(Done(terms(ask, life=3.0)), after=1.0) if number < 3 else ask
    assert talk.answer(Refused("3302", "over")).code == "no_lasting_quote"


@pytest.mark.parametrize("code", ["3106", "3205", "3300", "3302"])
def test_a_quote_that_is_refused_as_such_is_asked_for_anew(code: str) -> None:
    talk = Talk()
    talk.quoted()
    assert talk.answer(Refused(code, "?")).name == "quote-2"


def test_a_quote_is_the_payees_and_about_this_id() -> None:
    talk = Talk()
    ask = talk.quoted()
    path = f"/quotes/{ask.request.key}"
    assert isinstance(talk.hears(terms(ask), path, "payeefsp"), Done)
    for source, where in (
        ("otherfsp", path),
        ("Hub", path),
        ("payeefsp", path + "0"),
        ("payeefsp", "/parties/MSISDN/256772123456"),
    ):
        assert isinstance(talk.hears(terms(ask), where, source), Unknown), (source, where)
    for broken in ({"expiration": "soon"}, {"transferAmount": usd("1.00")}, {"condition": 7}, {"ilpPacket": "ä"}):
        assert isinstance(talk.hears({**terms(ask), **broken}, path, "payeefsp"), Unknown), broken


# -- the transfer -----------------------------------------------------------------------------------------------------


def test_a_transfer_copies_the_quote_and_has_its_own_time() -> None:
    talk = Talk()
    ask = talk.quoted()
    quote = terms(ask)
    transfer = talk.answer(Done(quote), after=5.0)
    body = transfer.request.json
    assert [body[name] for name in ("ilpPacket", "condition")] == [quote["ilpPacket"], quote["condition"]]
    assert body["amount"] == quote["transferAmount"] and body["transferId"] == ask.request.json["transactionId"]
    until = talk.ctx.now + timedelta(seconds=60)
    assert body["expiration"] == date_time(until)
    assert (transfer.send_before, transfer.expires) == (until - timedelta(seconds=10), until + timedelta(seconds=120))
    assert list(body) == sorted(body), "keys are sent in the order in which they are signed"


def test_nothing_is_concluded_from_time_where_a_payee_is_in_another_scheme() -> None:
    talk = Talk(external_fsps=["payeefsp"])
    transfer = talk.transferring()
    assert transfer.expires is None
    late = format_datetime(NOW + timedelta(hours=1), usegmt=True)
    said = talk.hears(error("3208"), f"/transfers/{transfer.request.key}/error", date=late)
    assert said == NotFound(expired=False)


@pytest.mark.parametrize(("after", "expired"), [(0, False), (59, False), (200, True)])
def test_the_hub_counts_as_not_knowing_it_by_its_own_clock(after: float, expired: bool) -> None:
    talk = Talk()
    path = f"/transfers/{talk.transferring().request.key}/error"
    date = format_datetime(NOW + timedelta(seconds=after), usegmt=True)
    assert talk.hears(error("3208"), path, date=date) == NotFound(expired=expired)
    assert talk.hears(error("3208"), path, date="yesterday") == NotFound(expired=False)
    assert isinstance(talk.hears(error("3208"), path, "payeefsp", date=date), Unknown)


@pytest.mark.parametrize(
    ("state", "fulfilment", "source", "kind"),
    [
        ("COMMITTED", "right", "payeefsp", Done),
        ("COMMITTED", "right", "Hub", Done),
        ("SETTLED", "right", "Hub", Done),
        ("COMMITTED", "right", "otherfsp", Unknown),
        ("COMMITTED", "wrong", "payeefsp", Unknown),
        ("COMMITTED", "", "Hub", Unknown),
        ("COMMITTED", "short", "Hub", Unknown),
        ("RESERVED", "", "Hub", Waiting),
        ("RESERVED", "right", "payeefsp", Waiting),
        ("RECEIVED", "", "Hub", Waiting),
        ("ABORTED", "", "Hub", Refused),
        ("ABORTED", "", "payeefsp", Unknown),
        ("committed", "right", "Hub", Unknown),
        ("DONE", "right", "Hub", Unknown),
    ],
)
def test_paid_is_a_state_and_a_fulfilment(state: str, fulfilment: str, source: str, kind: type) -> None:
    talk = Talk()
    asked = talk.quoted()
    transfer = talk.answer(Done(terms(asked)))
    answer = {"transferAmount": asked.request.json["amount"], "expiration": date_time(NOW + timedelta(seconds=120))}
    right = ilp.make(4, "secret", ilp.transaction_object(asked.request.json, answer)).fulfilment
    texts = {"right": right, "wrong": "A" * 43, "short": "AAAA"}
    body = {"transferState": state} | ({"fulfilment": texts[fulfilment]} if fulfilment else {})
    said = talk.hears(body, f"/transfers/{transfer.request.key}", source)
    assert isinstance(said, kind), said
    key = transfer.request.key
    for where in (f"/transfers/{key[:-1]}{'1' if key[-1] == '0' else '0'}", f"/quotes/{key}", "/"):
        assert isinstance(talk.hears(body, where, source), Unknown)
    if isinstance(said, Done):
        assert isinstance(talk.answer(said), Paid)
