"""What this plugin asks for itself where a case has its client ask, and what it must make of the answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from gateway_core.contract import Account, Ask, Ctx, Hidden, Money, Payment, Reply, Request, Secret, Verdict

from ..addresses import filled
from ..amounts import money_of, plain_amount, same_amount
from ..gateway import MobileMoneyGateway
from ..profile import get
from ..profiles.gsma import Gsma
from ..settings import MobileMoneySettings
from .twig import at

PROVIDER, CALLBACKS, SECRET = "http://provider.invalid", "http://callbacks.invalid/callbacks/channel", "told-to-nobody"
PAY = ("/transactions", "/transactions/type/disbursement")


def gateway(request: Mapping[str, Any]) -> MobileMoneyGateway:
    """As a channel would make it whose provider is this case."""
    headers, body = request.get("headers") or {}, request.get("body")
    debit = at(body, "debitParty") or []
    pairs = [f"{party['key']}@{party['value']}" for party in debit if isinstance(party, dict) and len(party) == 2]
    return MobileMoneyGateway(
        MobileMoneySettings(
            profile="gsma", base_url=PROVIDER, country="UG", institution_account="$".join(pairs) or "accountid@2999",
            client_id=_first(at(headers, "x-client-id")), callback_secret=Hidden(SECRET), check_numbers=False,
            callback_url=CALLBACKS if at(headers, "x-callback-url") else "",
        )
    )  # fmt: skip


def payment(here: MobileMoneyGateway, order: Any) -> Ask | None:
    """Our request for a disbursement like this one; None where it is none that we make."""
    party = (at(order, "creditParty") or [None])[0]
    if at(party, "key") != "msisdn" or at(order, "type") not in (None, "disbursement"):
        return None
    try:
        money = money_of({"available": at(order, "amount"), "currency": at(order, "currency")})
        account = Account("msisdn", str(at(party, "value")).lstrip("+"))
    except (ValueError, KeyError, TypeError):
        return None
    if not same_amount(at(order, "amount"), plain_amount(money)):
        return None
    asked = next(here.execute_payment(_payment(account, money), Ctx("compliance", "e", 1, 1, datetime.now(UTC))))
    return asked if isinstance(asked, Ask) else None


def _payment(account: Account, amount: Money) -> Payment:
    return Payment(
        id="00000000-0000-4000-8000-00000000c0de", number=1, invoice="i", entitlement="e", beneficiary="b", name="",
        account=account, amount=amount, programme="", cycle="", instalment="", reference="", channel="channel",
        extra={},
    )  # fmt: skip


def stand_in(here: MobileMoneyGateway) -> Ask:
    """A payment of ours to which nothing in a case belongs."""
    asked = payment(
        here, {"amount": "50", "currency": "UGX", "creditParty": [{"key": "msisdn", "value": "256772100001"}]}
    )
    assert asked is not None
    return asked


def question(here: MobileMoneyGateway, method: str, path: str) -> Ask | None:
    """Our question about an account; None where it is none that we ask."""
    parts, profile = path.strip("/").split("/"), here.profile
    if method != "GET" or not isinstance(profile, Gsma) or parts[0] != "accounts" or len(parts) != 4:
        return None
    asked = {
        "status": lambda: profile.status(parts[2]), "accountname": lambda: profile.name(parts[2]),
        "balance": lambda: Ask("balance", get(path, profile.headers())),
        "transactions": lambda: Ask("statement-0", get(path, profile.headers())),
    }.get(parts[3])  # fmt: skip
    return asked() if asked is not None else None


def message(here: MobileMoneyGateway, request: Request) -> dict[str, Any]:
    """Our request as it leaves, in the shape that the rules are about."""
    headers = {name: "(secret)" if isinstance(value, Secret) else value for name, value in request.headers.items()}
    out = httpx.Request(request.method, PROVIDER + request.path, headers=headers, json=request.json)
    here.profile.sign(out)
    for name, value in list(out.headers.items()):
        out.headers[name] = filled(value, SECRET, datetime.now(UTC).timestamp())
    body = request.json
    if request.path.startswith("/transactions/type/"):
        # In this form of the request its type stands in the path.
        body = {**body, "type": request.path.rpartition("/")[2]}
    return {
        "method": request.method,
        "uri": request.path,
        "headers": {k: [v] for k, v in out.headers.items()},
        "body": body,
    }


def read(here: MobileMoneyGateway, ask: Ask, asked: Request, answer: Mapping[str, Any]) -> Verdict:
    """What we make of an answer."""
    body = answer.get("body")
    raw = b"" if body is None else json.dumps(body).encode()
    to = "ask" if asked is ask.request else "find_out"
    # The ids of a case's client are not ours, and its provider need not repeat them.
    headers = {name.lower(): _first(value) for name, value in (answer.get("headers") or {}).items()}
    headers.pop("x-correlationid", None)
    return here.parse_response(ask, Reply(int(answer["status"]), headers, raw, to, asked.path))  # type: ignore[arg-type]


def _first(value: Any) -> str:
    return str((value[0] if value else "") if isinstance(value, list) else value or "")
