"""The gateway that was written from the guide alone keeps every law; its manual's traps, one by one."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import attrs
import pytest

from gateway_core.contract import (
    Account,
    Ctx,
    Done,
    Hidden,
    Money,
    NotFound,
    NotTaken,
    PayFlow,
    Payment,
    Refused,
    Reply,
    Returned,
    Unknown,
    Waiting,
)
from gateway_core.testing import GatewayContract

from .gateway_mkoba import MkobaGateway, MkobaSettings
from .gateway_mkoba.simulator import create_app

SECRET, KEY = "a-secret-for-sessions", "a-key-for-notifications"


class TestMkoba(GatewayContract):
    gateway = MkobaGateway
    currency = "TZS"
    settings: ClassVar = {
        "partner_id": "grants", "partner_secret": SECRET, "callback_url": "{callbacks}", "callback_secret": KEY,
    }  # fmt: skip

    def simulator(self, ledger: str) -> Any:
        return create_app(ledger, secret=SECRET, notification_key=KEY)

    def account(self, n: int) -> Account:
        return Account("msisdn", f"2557{n:08d}")


PAYMENT = Payment(
    id="5f0c0f4e-0000-4000-8000-000000000001", number=1, invoice="i", entitlement="e", beneficiary="b", name="Sita",
    account=Account("msisdn", "255712345678"), amount=Money(1_500_050, "TZS"), programme="", cycle="", instalment="",
    reference="", channel="mkoba", extra={},
)  # fmt: skip
MKOBA = MkobaGateway(MkobaSettings(base_url="http://127.0.0.1:1", partner_id="p", partner_secret=Hidden("s")))


def flow(payment: Payment = PAYMENT) -> PayFlow:
    return MKOBA.execute_payment(payment, Ctx("d", payment.entitlement, 1, 1, datetime.now(UTC)))


ASK = next(flow())
OURS = {"reference": ASK.request.key, "number": "0712345678", "amount": "15000.5", "currency": "TZS"}


def credit(state: str, **more: str) -> dict[str, Any]:
    return {"result": "OK", "credit": {**OURS, "state": state, **more}}


TRAPS: list[tuple[str, int, str, object, type[object]]] = [
    ("an amount without superfluous zeros", 200, "ask", {"result": "OK", **OURS, "receipt": "MK-1"}, Done),
    ("being processed", 200, "ask", {"result": "WAIT", **OURS}, Waiting),
    ("a refusal", 200, "ask", {"result": "C-13", **OURS}, Refused),
    ("a refusal of another number", 200, "ask", {"result": "C-13", **OURS, "number": "0712345679"}, Unknown),
    ("a refusal that names nobody", 200, "ask", {"result": "C-40"}, Unknown),
    ("under investigation", 200, "ask", {"result": "C-77", **OURS}, Waiting),
    ("still under investigation", 200, "find_out", credit("REJECTED", reason="C-77"), Waiting),
    ("an internal error", 200, "ask", {"result": "C-99", **OURS}, Unknown),
    ("it was refused for an internal error", 200, "find_out", credit("REJECTED", reason="C-99"), Unknown),
    ("a duplicate", 200, "ask", {"result": "DUPLICATE", "reference": ASK.request.key}, Unknown),
    ("too busy, in plain text", 429, "ask", None, NotTaken),
    ("too busy for a question", 429, "find_out", None, Unknown),
    ("a session that is over, of a question", 401, "find_out", {"result": "S-02"}, Unknown),
    ("not known", 200, "find_out", {"result": "E-04", "reference": ASK.request.key}, NotFound),
    ("another one is not known", 200, "find_out", {"result": "E-04", "reference": "ANOTHER1"}, Unknown),
    ("not known, says the answer to the credit", 200, "ask", {"result": "E-04", "reference": ASK.request.key}, Unknown),
    ("reversed", 200, "find_out", credit("REVERSED", receipt="MK-1"), Returned),
    ("a notification", 200, "callback", credit("CREDITED", receipt="MK-1")["credit"], Done),
]  # fmt: skip


@pytest.mark.parametrize(("status", "to", "body", "verdict"), [row[1:] for row in TRAPS], ids=[row[0] for row in TRAPS])
def test_the_manual_is_read_as_it_is_meant(status: int, to: Any, body: object, verdict: type[object]) -> None:
    raw = b"Too many requests" if body is None else json.dumps(body).encode()
    assert type(MKOBA.parse_response(ASK, Reply(status, {}, raw, to))) is verdict


@pytest.mark.parametrize("code", ["C-21", "S-02", "S-09"])
def test_what_is_ours_to_mend_stops_the_channel_and_refuses_nobody(code: str) -> None:
    status = {"C-21": 200, "S-02": 401, "S-09": 403}[code]
    said = MKOBA.parse_response(ASK, Reply(status, {}, json.dumps({"result": code, **OURS}).encode()))
    assert isinstance(said, Refused) and said.stops_channel


def test_the_credit_is_what_the_manual_wants() -> None:
    said = ASK.request.json
    assert re.fullmatch(r"[A-Z0-9]{6,20}", said["reference"]) and said["number"] == "0712345678"
    assert said["amount"] == "15000.50" and len(said["memo"]) <= 40 and said["memo"].isascii()


def test_a_number_of_another_country_is_refused_before_anything_is_asked() -> None:
    abroad = flow(attrs.evolve(PAYMENT, account=Account("msisdn", "254712345678")))
    with pytest.raises(StopIteration) as ended:
        next(abroad)
    assert isinstance(ended.value.value, Refused)
