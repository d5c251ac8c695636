"""Who may be paid: parties, accounts, names; and settings that no hub would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gateway_core.contract import Account, Ctx, Done, Refused, Unfit, Unknown

from .test_reading import NOW, Talk, gateway, payment

KNOWN = {"partyIdType": "MSISDN", "partyIdentifier": "256772123456", "fspId": "payeefsp"}
PARTY = "/parties/MSISDN/256772123456"


@pytest.mark.parametrize(
    ("info", "source", "good"),
    [
        (KNOWN, "payeefsp", True),
        (KNOWN, "Hub", True),
        (KNOWN, "otherfsp", False),
        ({**KNOWN, "partyIdentifier": "256772123457"}, "payeefsp", False),
        ({**KNOWN, "partyIdType": "ALIAS"}, "payeefsp", False),
        ({**KNOWN, "partySubIdOrType": "X"}, "payeefsp", False),
        ({**KNOWN, "fspId": ""}, "payeefsp", False),
        ({**KNOWN, "fspId": "x" * 33}, "x" * 33, False),
    ],
)
def test_a_party_is_the_one_that_was_asked_for(info: Mapping[str, str], source: str, good: bool) -> None:
    said = Talk().hears({"party": {"partyIdInfo": info, "name": "A"}}, PARTY, source)
    assert isinstance(said, Done if good else Unknown)


@pytest.mark.parametrize(
    ("found", "settings", "code"),
    [
        ({"fsp": "grantsfsp"}, {}, "on_us"),
        ({"fsp": "grantsfsp"}, {"on_us": True}, ""),
        ({"fsp": "p", "currencies": ["KES"]}, {}, "currency"),
        ({"fsp": "p", "currencies": ["KES", "USD"]}, {}, ""),
        ({"fsp": "p", "name": "John Okello"}, {"name_threshold": 0.8}, "name_differs"),
        ({"fsp": "p", "name": "NAKATO, Amína"}, {"name_threshold": 0.8}, ""),
        ({"fsp": "p", "name": ""}, {"name_threshold": 0.8}, ""),
    ],
)  # fmt: skip
def test_who_is_not_paid_is_told_before_a_quote(found: Any, settings: Any, code: str) -> None:
    talk = Talk(**settings)
    said = talk.answer(Done(found))
    assert (said.code == code) if code else said.name == "quote-1"


@pytest.mark.parametrize(
    "account",
    [Account("wallet", "w-1"), Account("bank_account", "BANK:12345"), Account("party", "FRIEND:x"),
     Account("party", "ALIAS:what?"), Account("payment_point", "P1")],
)  # fmt: skip
def test_what_is_no_party_is_refused_unasked(account: Account) -> None:
    with pytest.raises(StopIteration) as stop:
        next(gateway().execute_payment(payment(account=account), Ctx("d", "e", 1, 1, NOW)))
    assert stop.value.value.code == "not_a_party"
    with pytest.raises(StopIteration) as stop:
        next(gateway().validate_beneficiary(account, Ctx("d", "e", 1, 1, NOW)))
    assert [objection.code for objection in stop.value.value] == ["not_a_party"]


def test_a_generic_error_is_worth_a_second_question() -> None:
    talk = Talk()
    assert talk.answer(Refused("3000", "?")).name == "party-2"
    assert talk.answer(Refused("3000", "?")).code == "3000"


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "3.0"}, {"fsp_id": "x" * 33}, {"amount_type": "GIVE"}, {"versions": ["quotes"]},
        {"versions": ["quotes=2/x"]}, {"transfer_window": 5.0}, {"token_url": "https://hub/token"},
    ],
)  # fmt: skip
def test_settings_that_no_hub_would_take_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unfit):
        gateway(**wrong)


def test_versions_per_resource() -> None:
    messages = gateway(profile="1.1", versions=["quotes=2.0/2"]).messages
    assert messages.headers("quotes")["Content-Type"] == "application/vnd.interoperability.quotes+json;version=2.0"
    assert messages.headers("transfers")["Accept"] == "application/vnd.interoperability.transfers+json;version=1"
