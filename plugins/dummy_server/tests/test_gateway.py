"""The page that a plugin author copies: its flows driven by hand, and its reading of replies as one table."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import httpx
import pytest
from gateway_dummy_server import DummyGateway, DummySettings
from gateway_dummy_server.signing import SIGNATURE, TIMESTAMP, sign

from gateway_core.contract import (
    Account,
    Arrival,
    Ask,
    Balance,
    Callback,
    Ctx,
    Done,
    Hidden,
    Money,
    NotFound,
    NotTaken,
    Objection,
    Paid,
    Payment,
    Refused,
    Reply,
    Returned,
    Unknown,
    Verdict,
    Waiting,
)
from gateway_core.contract.channel import Channel

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYMENT = Payment(
    id="5f0c2d5e-0000-4000-8000-000000000001", number=1, invoice="inv-1", entitlement="child/2026-11/b1/",
    beneficiary="b1", name="Amina", account=Account("wallet", "w-1"), amount=Money(50_000, "UGX"), programme="child",
    cycle="2026-11", instalment="", reference="", channel="dummy", extra={},
)  # fmt: skip


def ctx() -> Ctx:
    return Ctx("test", PAYMENT.entitlement, 1, 1, NOW)


def gateway(**settings: Any) -> DummyGateway:
    return DummyGateway(DummySettings(base_url="http://127.0.0.1:1", **settings))


def pay_ask(**settings: Any) -> Ask:
    return next(gateway(**settings).execute_payment(PAYMENT, ctx()))


ASK = pay_ask()
KEY = ASK.request.key


def said(status: str, **other: Any) -> dict[str, Any]:
    """A payment as the server writes it, about our ask."""
    about = {name: ASK.request.json[name] for name in ("key", "reference", "account", "amount", "currency")}
    receipt = {"receipt": "D-1"} if status in ("paid", "reversed") else {}
    return {**about, "entitlement": "", "status": status, **receipt, **other}


def error(code: str, key: str = KEY) -> dict[str, Any]:
    return {"code": code, "reason": "because", "key": key}


OTHER_ACCOUNT = {"type": "wallet", "value": "w-2"}
PAID, REFUSED = Done({"receipt": "D-1"}), Refused("no_such_account", "nobody has this account")
VERDICTS: list[tuple[str, int, dict[str, Any], Verdict | type]] = [
    ("ask", 201, said("paid"), PAID),
    ("ask", 200, said("paid"), PAID),
    ("find_out", 200, said("paid"), PAID),
    ("callback", 200, said("paid"), PAID),
    ("ask", 202, said("pending"), Waiting()),
    ("find_out", 200, said("pending"), Waiting()),
    ("callback", 0, said("pending"), Waiting()),
    ("ask", 422, said("refused", code="no_such_account"), REFUSED),
    ("find_out", 200, said("refused", code="no_such_account"), REFUSED),
    ("callback", 200, said("refused", code="no_such_account"), REFUSED),
    ("find_out", 200, said("reversed"), Returned("D-1", "reversed by the provider")),
    ("ask", 200, said("reversed"), Returned("D-1", "reversed by the provider")),
    ("ask", 429, error("too_many_requests"), NotTaken(3.0)),
    ("ask", 503, error("busy"), NotTaken(3.0)),
    ("ask", 401, error("unauthorised"), Refused("unauthorised", "the API key is wrong", stops_channel=True)),
    ("find_out", 404, error("unknown_key"), NotFound()),
    # A question that was refused or not taken says nothing about the payment.
    ("find_out", 429, error("too_many_requests"), Unknown),
    ("find_out", 503, error("busy"), Unknown),
    ("find_out", 401, error("unauthorised"), Unknown),
    ("find_out", 422, said("refused", code="no_such_account"), Unknown),
    ("ask", 404, error("unknown_key"), Unknown),
    # Not listed, so not definite.
    ("ask", 409, error("duplicate"), Unknown),
    ("ask", 503, error("maintenance"), Unknown),
    ("ask", 422, said("refused", code="not_in_the_manual"), Unknown),
    ("ask", 422, said("refused"), Unknown),
    ("ask", 422, {}, Unknown),
    ("ask", 500, {}, Unknown),
    ("ask", 500, said("paid"), Unknown),
    ("ask", 500, said("refused", code="no_such_account"), Unknown),
    ("ask", 307, {}, Unknown),
    ("ask", 201, {}, Unknown),
    ("ask", 201, said("paid", receipt=""), Unknown),
    ("ask", 201, said("pending"), Unknown),
    ("ask", 201, said("rejected"), Unknown),
    ("ask", 400, error("invalid"), Unknown),
    # About another payment.
    ("ask", 201, said("paid", key="another-key"), Unknown),
    ("ask", 201, said("paid", amount=50_001), Unknown),
    ("ask", 201, said("paid", currency="USD"), Unknown),
    ("ask", 201, said("paid", account=OTHER_ACCOUNT), Unknown),
    ("ask", 201, said("paid", reference="another"), Unknown),
    ("find_out", 200, said("refused", code="no_such_account", account=OTHER_ACCOUNT), Unknown),
    ("find_out", 404, error("unknown_key", "another-key"), Unknown),
    ("ask", 429, error("too_many_requests", "another-key"), Unknown),
    ("ask", 401, error("unauthorised", ""), Unknown),
    ("callback", 200, said("paid", amount=1), Unknown),
]


@pytest.mark.parametrize(("to", "status", "body", "verdict"), VERDICTS)
def test_what_a_reply_means(to: Any, status: int, body: dict[str, Any], verdict: Verdict | type) -> None:
    reply = Reply(status, {"retry-after": "3"}, json.dumps(body).encode(), to)
    read = gateway().parse_response(ASK, reply)
    assert isinstance(read, verdict) if isinstance(verdict, type) else read == verdict


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[]", b'"paid"', b"null", b"{", b'{"key": 1}', b'{"status": []}'])
@pytest.mark.parametrize("status", [200, 201, 202, 404, 422, 429, 503])
@pytest.mark.parametrize("to", ["ask", "find_out", "callback"])
def test_garbage_is_unknown(to: Any, status: int, body: bytes) -> None:
    assert isinstance(gateway().parse_response(ASK, Reply(status, {}, body, to)), Unknown)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", 0.0), ("99999", 60.0), ("soon", 1.0), ("-1", 1.0)])
def test_retry_after(header: str, seconds: float) -> None:
    reply = Reply(429, {"retry-after": header}, json.dumps(error("too_many_requests")).encode())
    assert gateway().parse_response(ASK, reply) == NotTaken(seconds)


def test_one_ask_moves_the_money() -> None:
    flow = gateway().execute_payment(PAYMENT, ctx())
    ask = next(flow)
    assert ask.moves_money and ask.request.path == "/payments" and ask.request.headers == {"Idempotency-Key": KEY}
    assert ask.request.json["reference"] == PAYMENT.id and ask.request.json["amount"] == 50_000
    assert "callback_url" not in ask.request.json
    assert ask.find_out is not None and ask.find_out.path == f"/payments/{KEY}"
    with pytest.raises(StopIteration) as end:
        flow.send(Done({"receipt": "D-9"}))
    assert end.value.value == Paid("D-9")


def test_a_refusal_ends_the_flow_and_two_runs_yield_the_same() -> None:
    flow = gateway().execute_payment(PAYMENT, ctx())
    assert next(flow) == ASK
    with pytest.raises(StopIteration) as end:
        flow.send(REFUSED)
    assert end.value.value == REFUSED
    assert pay_ask(callback_url="http://127.0.0.1:2/cb").request.json["callback_url"] == "http://127.0.0.1:2/cb"


ACCOUNTS: list[tuple[int, dict[str, Any], list[Objection] | None]] = [
    (200, {"account": {}, "status": "open"}, []),
    (404, {"code": "no_such_account"}, [Objection("no_such_account", "nobody has this account")]),
    (404, {"code": "no_such_route"}, None),
    (500, {}, None),
]


@pytest.mark.parametrize(("status", "body", "objections"), ACCOUNTS)
def test_account_enquiry(status: int, body: dict[str, Any], objections: list[Objection] | None) -> None:
    flow = gateway().validate_beneficiary(Account("party", "ID:../x"), ctx())
    ask = next(flow)
    assert ask.request.path == "/accounts/party/ID%3A..%2Fx" and not ask.moves_money
    answer = gateway().parse_response(ask, Reply(status, {}, json.dumps(body).encode()))
    if objections is None:
        assert isinstance(answer, Unknown)
        return
    assert isinstance(answer, Done | Refused)
    with pytest.raises(StopIteration) as end:
        flow.send(answer)
    assert end.value.value == objections


def test_balance() -> None:
    flow = gateway(currency="KES").check_balance(ctx())
    assert next(flow).request.query == {"currency": "KES"}
    with pytest.raises(StopIteration) as end:
        flow.send(Done({"available": 1200, "currency": "KES"}))
    assert end.value.value == Balance(Money(1200, "KES"))
    refused = gateway().check_balance(ctx())
    next(refused)
    with pytest.raises(StopIteration) as end:
        refused.send(Refused("unauthorised"))
    assert end.value.value is None


SECRET = "s3"
BODY = json.dumps(said("paid")).encode()


def arrival(secret: str = SECRET, age: int = 0, **change: Any) -> Arrival:
    stamp = str(int(NOW.timestamp()) - age)
    headers = {TIMESTAMP: stamp, SIGNATURE: sign(secret, stamp, BODY)}
    return attrs.evolve(Arrival("POST", "", headers, BODY, NOW), **change)


STAMP = str(int(NOW.timestamp()))
ARRIVALS = [
    (arrival(), True),
    (arrival(age=299), True),
    (arrival(age=301), False),
    (arrival(age=-301), False),
    (arrival("another"), False),
    (arrival(headers={}), False),
    (arrival(headers={TIMESTAMP: STAMP}), False),
    (arrival(headers={TIMESTAMP: STAMP, SIGNATURE: "é"}), False),
    (arrival(headers={TIMESTAMP: "1e9", SIGNATURE: sign("s3", "1e9", BODY)}), False),
    (arrival(headers={TIMESTAMP: "9" * 400, SIGNATURE: sign("s3", "9" * 400, BODY)}), False),
    (arrival(body=BODY + b" "), False),
    (arrival(received_at=NOW + timedelta(hours=1)), False),
]


@pytest.mark.parametrize(("arrived", "authentic"), ARRIVALS)
def test_a_callback_is_believed_only_with_a_fresh_signature_over_its_body(arrived: Arrival, authentic: bool) -> None:
    assert gateway(callback_secret=Hidden("s3")).parse_callback(arrived) == Callback(KEY, authentic)


def test_without_a_secret_no_callback_is_believed_and_others_are_none_of_ours() -> None:
    assert gateway().parse_callback(arrival("")) == Callback(KEY, False)
    for body in (b"", b"{}", b"[1]", b'{"key": 3}', b"\xff"):
        assert gateway().parse_callback(arrival(body=body)) is None


def test_the_key_is_brought_only_when_sending() -> None:
    assert gateway().auth() is None
    auth = gateway(api_key=Hidden("k")).auth()
    assert auth is not None
    sent = next(auth.auth_flow(httpx.Request("GET", "http://127.0.0.1/")))
    assert sent.headers["authorization"] == "Bearer k"


def test_the_channel_knows_when_the_server_does_not_dedupe() -> None:
    assert Channel("dummy", gateway()).capabilities.dedupes
    assert not Channel("dummy", gateway(profile="no-dedupe")).capabilities.dedupes
    assert DummyGateway.capabilities.dedupes


def test_the_page_is_short_and_brings_no_server() -> None:
    code = "import sys, gateway_dummy_server; assert not {'gateway_dummy_server.server', 'pytest'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
