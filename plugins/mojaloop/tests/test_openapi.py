"""Every request that we send, and every callback of the simulator, is what the official documents say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from gateway_mojaloop import MojaloopGateway, MojaloopSettings
from gateway_mojaloop.fspiop import ilp
from gateway_mojaloop.fspiop.amounts import amount_text
from gateway_mojaloop.fspiop.texts import canonical
from gateway_mojaloop.messages import PARTY_TYPES
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core.contract import Account, Ctx, Done, Money, Payment, Request
from gateway_core.testing.behaviours import FAULTS

from .openapi import DOCUMENTS, FOLDER, Judge, Message

if TYPE_CHECKING:
    from .conftest import Scheme, Shop

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the scheme's documents are not beside this repository")
# Words of any script, without what no account has in it.
_printable = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co", "Zs", "Zl", "Zp"], exclude_characters="/?")
_names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=160).filter(str.strip)
_ids = st.text(_printable, min_size=1, max_size=60).filter(lambda text: text not in (".", ".."))
_accounts = st.one_of(
    st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True).map(lambda digits: Account("msisdn", digits)),
    st.builds(lambda kind, value: Account("party", f"{kind}:{value}"), st.sampled_from(sorted(PARTY_TYPES)), _ids),
    st.builds(lambda value: Account("party", f"PERSONAL_ID/PASSPORT:{value}"), _ids),
)
_amounts = st.builds(Money, st.integers(1, 10**14), st.sampled_from(["UGX", "USD", "KWD", "XOF"]))
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


def as_message(request: Request) -> Message:
    """As it leaves, with what is added then."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = canonical(request.json) if request.json is not None else b""
    return Message(request.method, request.path, {**headers, "date": DATE, "content-length": str(len(body))}, body)


def payment(account: Account, amount: Money, name: str, note: str) -> Payment:
    return Payment(
        id="p-1", number=1, invoice="i", entitlement="e", beneficiary="b", name=name, account=account, amount=amount,
        programme="", cycle="", instalment="", reference=note, channel="hub", extra={},
    )  # fmt: skip


def spoken(gateway: MojaloopGateway, paid: Payment) -> list[Request]:
    """All requests of one payment, the question about its fate, and the account check."""
    now = datetime(2026, 11, 25, 12, 0, 0, 123_456, tzinfo=UTC)
    ctx = Ctx("deployment", paid.entitlement, 1, 1, now)
    check = next(gateway.validate_beneficiary(paid.account, ctx))
    flow = gateway.execute_payment(paid, ctx)
    lookup = next(flow)
    quote = flow.send(Done({"fsp": "payeefsp", "name": ""}))
    asked = quote.request.json
    answer = {"transferAmount": asked["amount"], "expiration": "2026-11-25T12:05:00.000Z"}
    made = ilp.make(4, "secret", ilp.transaction_object(asked, answer))
    transfer = flow.send(Done({**answer, "ilpPacket": made.packet, "condition": made.condition}))
    assert transfer.find_out is not None and transfer.moves_money
    assert transfer.expires == now.replace(microsecond=123_000) + timedelta(seconds=180)
    return [check.request, lookup.request, quote.request, transfer.request, transfer.find_out]


@pytest.mark.parametrize("version", DOCUMENTS)
@settings(deadline=None)
@given(account=_accounts, amount=_amounts, name=_names, note=_names, payer=_names)
def test_what_we_send_is_valid(version: str, account: Account, amount: Money, name: str, note: str, payer: str) -> None:
    known = MojaloopSettings(
        base_url="https://hub", fsp_id="grantsfsp", institution_account="treasury", payer_name=payer, profile=version,
        sub_scenario="SOCIAL_BENEFIT",
    )  # fmt: skip
    requests = spoken(MojaloopGateway(known), payment(account, amount, name, note))
    faults = [fault for request in requests for fault in Judge(version).faults(as_message(request))]
    assert faults == []
    assert requests[2].json["amount"]["amount"] == amount_text(amount)


@pytest.mark.few(1)
@pytest.mark.parametrize("version", DOCUMENTS)
def test_what_the_simulator_calls_back_is_valid(
    version: str, start: Callable[..., Scheme], open_shop: Callable[..., Shop]
) -> None:
    seen: list[Any] = []
    scheme = start(version=version, ilp=1 if version == "1.0" else 4, seen=seen, chaos=3, chaos_rate=0.5, fee=3)
    shop = open_shop(scheme, profile=version, max_fee="5", payer_name="Ministère de l’Action sociale")
    lines = [shop.invoice(n) for n in range(11)] + [shop.invoice(11, fault=list(FAULTS).index("refused") + 1)]
    odd = [Account("party", "ALIAS:o'brien&sons=1+2"), Account("party", "PERSONAL_ID/PASSPORT:ÄÖ-12")]
    lines += [shop.invoice(20 + n, account=account) for n, account in enumerate(odd)]
    payroll = shop.approved(lines)
    shop.paymaster.check(payroll)
    shop.run_on(payroll)
    judge = Judge(version)
    for method, path, headers, body in seen:
        told = {name.lower(): value for name, value in headers.items()} | {"content-length": str(len(body))}
        assert list(judge.faults(Message(method, path, told, body))) == [], (method, path, body)
    kinds = {(path.split("/")[1], path.endswith("/error")) for _, path, _, _ in seen}
    assert {("parties", False), ("quotes", False), ("transfers", False), ("transfers", True)} <= kinds


def test_the_judge_sees_what_is_wrong() -> None:
    known = MojaloopSettings(base_url="https://hub", fsp_id="grantsfsp", institution_account="treasury")
    good = spoken(MojaloopGateway(known), payment(Account("msisdn", "256772123456"), Money(5, "UGX"), "A", "b"))[3]
    message = as_message(good)
    changes: list[dict[str, Any]] = [
        {"headers": {}},
        {"body": b"{}"},
        {"body": message.body.replace(b'"5"', b'"5.00"')},
        {"body": message.body.replace(b'"payeeFsp":"payeefsp"', b'"payeeFsp":"' + b"x" * 40 + b'"')},
        {"path": "/transfer"},
        {"method": "PUT"},
    ]
    for change in changes:
        changed: Any = {"method": "POST", "path": message.path, "headers": message.headers, "body": message.body}
        assert list(Judge("1.1").faults(Message(**(changed | change)))) != [], change
