"""The pieces by themselves: numbers, names, addresses, encryption, settings, requests."""

from __future__ import annotations

import base64
import csv
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from gateway_mobile_money import MobileMoneyGateway, MobileMoneySettings, names, numbers
from gateway_mobile_money.addresses import address, called, filled
from gateway_mobile_money.amounts import money_of, plain_amount, same_amount
from gateway_mobile_money.encrypting import with_certificate, with_public_key
from gateway_mobile_money.gsma_links import link

from gateway_core.contract import Account, Arrival, Callback, Hidden, Money, Objection, Refused, Secret, Unfit
from gateway_core.engine.wire import journal_form

from .conftest import PASSWORD, PIN, certificate, decrypt, public_key, rsa_key
from .saying import BASE, NOW, ctx, gateway, pay, payment

VECTORS = Path(__file__).parents[4] / "shared" / "data" / "mobile-money" / "vectors" / "msisdn.csv"


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not VECTORS.is_file(), reason="the reference's vectors are not beside this repository")
def test_every_number_of_the_reference() -> None:
    rows = list(csv.DictReader(VECTORS.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 16
    for row in rows:
        try:
            said = numbers.read(row["raw"], row["default_region"])
        except numbers.Wrong:
            said = ""
        assert said == (row["e164"] if row["accept"] == "yes" else ""), row


@pytest.mark.parametrize(
    ("raw", "country", "form", "out"),
    [
        ("+256772123456", "UG", "+e164", "+256772123456"),
        ("+256772123456", "UG", "digits", "256772123456"),
        ("+256772123456", "UG", "national", "772123456"),
        ("+2250712345678", "CI", "national", "0712345678"),
        ("+260977123456", "ZM", "national", "977123456"),
    ],
)
def test_a_number_is_rendered_as_each_operator_wants_it(raw: str, country: str, form: Any, out: str) -> None:
    assert numbers.rendered(numbers.read(raw, country), form) == out


def test_cross_border_and_sandbox_numbers_are_let_through_where_that_is_said() -> None:
    assert numbers.read("+254712345678", "UG", cross_border=True) == "+254712345678"
    assert numbers.read("+46733123450", "UG", check=False) == "+46733123450"
    assert numbers.allocated_to("+256772123456") == "MTN"
    assert numbers.allocated_to("+254712345678") == ""


CHECKS: list[tuple[str, str, list[tuple[str, bool]]]] = [
    ("mtn", "256772123456", []),
    ("mtn", "254712345678", [("another_country", True)]),
    ("mtn", "256414123456", [("not_mobile", True)]),
    ("mtn", "25677212345", [("not_in_the_number_plan", True)]),
    ("airtel", "256772123456", [("another_operator", False)]),
    ("mpesa", "254712345678", []),
]


@pytest.mark.parametrize(("profile", "number", "said"), CHECKS)
def test_an_account_is_checked_by_the_number_plan(profile: str, number: str, said: list[tuple[str, bool]]) -> None:
    flow = gateway(profile).validate_beneficiary(Account("msisdn", number), ctx())
    found: list[Objection] = []
    try:
        next(flow)
        # It goes on to ask the operator: nothing that blocks was found.
        assert not any(blocks for _, blocks in said)
        return
    except StopIteration as end:
        found = end.value
    assert [(one.code, one.blocks) for one in found] == said


def test_only_telephone_numbers_are_paid() -> None:
    flow = gateway("mtn").validate_beneficiary(Account("iban", "DE89370400440532013000"), ctx())
    with pytest.raises(StopIteration) as end:
        next(flow)
    assert [one.code for one in end.value.value] == ["not_a_number"]


# -- names -----------------------------------------------------------------------------------------------------------

ALIKE = [
    ("Amina Nakato", "AMINA NAKATO"), ("Amina Nakato", "Nakato, Amina"), ("Amina Nakato", "Amina Grace Nakato"),
    ("Amina Nakato", "A. Nakato"), ("Mrs. Aminá  Nakató", "amina nakato"), ("Mohammed Ali", "Muhammad Ali"),
    ("N'Golo Kanté", "NGOLO KANTE"), ("Amina Nakato", "AminaNakato"), ("Wanjiru Kamau", "Wanjiku Kamau"),
]  # fmt: skip
DIFFERENT = [
    ("Amina Nakato", "Peter Okello"), ("Amina Nakato", "Amina Okello"), ("Amina Nakato", "Grace Namutebi"),
    ("Amina Nakato", ""), ("", ""), ("Joseph Mukasa", "Josephine Akello"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_are_one(one: str, other: str) -> None:
    assert names.score(one, other) == names.score(other, one) >= 0.75


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_are_two(one: str, other: str) -> None:
    assert names.score(one, other) < 0.75


# -- addresses -------------------------------------------------------------------------------------------------------

KEY = "0f8fad5b-d9cb-469f-a165-70867728950e"
SECRET = Hidden("the-client-secret")


def test_what_is_journaled_of_an_address_has_no_token() -> None:
    for profile in ("gsma", "mtn", "mpesa"):
        ask = pay(profile)
        assert ask.find_out is not None
        written = str(journal_form(ask.request)) + str(journal_form(ask.find_out))
        assert f"{{token:{ask.request.key}/told}}" in written
        assert "the-client-secret" not in written and PASSWORD not in written


def test_an_address_that_leaves_is_one_that_is_known_again() -> None:
    there = filled(address("https://x/callbacks/c", KEY, "told"), "the-client-secret", 1.0)
    path = there.removeprefix("https://x/callbacks/c")
    found = called(path, SECRET)
    assert found is not None
    assert (found.key, found.purpose, found.asked_at) == (KEY, "told", 0)
    # The same copy again has the same address.
    assert there == filled(address("https://x/callbacks/c", KEY, "told"), "the-client-secret", 2.0)
    for other in (path[:-1] + "0", path.replace("told", "answer"), path.replace("0f8f", "1f8f"), "/", "", path + "/x"):
        assert called(other, SECRET) is None or other == path
    assert called(path, Hidden("another")) is None and called(path, None) is None


def test_the_address_of_an_answer_has_the_time_of_its_question() -> None:
    there = filled(address("https://x", KEY, "answer", asked=True), "the-client-secret", 1_700_000_000.5)
    found = called(there.removeprefix("https://x"), SECRET)
    assert found is not None and found.asked_at == 1_700_000_000
    later = there.replace("1700000000", "1700000999")
    assert called(later.removeprefix("https://x"), SECRET) is None


@pytest.mark.parametrize(("profile", "purpose", "age", "authentic"), [
    ("mpesa", "answer", 10, True), ("mpesa", "answer", 301, False), ("mpesa", "answer", -301, False),
    ("mpesa", "told", 0, False), ("mpesa", "late", 0, False), ("mtn", "told", 0, False), ("gsma", "told", 0, False),
])  # fmt: skip
def test_only_the_prompt_answer_to_our_own_query_counts(profile: str, purpose: str, age: int, authentic: bool) -> None:
    asked_at = NOW.timestamp() - age
    there = filled(address("https://x", KEY, purpose, asked=purpose == "answer"), "the-client-secret", asked_at)
    arrival = Arrival("POST", there.removeprefix("https://x"), {}, b"{}", NOW)
    assert gateway(profile).parse_callback(arrival) == Callback(KEY, authentic)
    assert gateway(profile).parse_callback(Arrival("POST", "/" + KEY, {}, b"{}", NOW)) is None


# -- links -----------------------------------------------------------------------------------------------------------

LINKS = [
    ("/transactions/T1", "/transactions/T1"), (BASE + "/transactions/T1", "/transactions/T1"),
    ("/v1.2/mm/transactions/T1", "/transactions/T1"), ("transactions/T1", "/transactions/T1"),
    ("https://evil.example/v1.2/mm/transactions/T1", ""), ("//evil.example/transactions/T1", ""),
    ("http://api.operator.example/v1.2/mm/transactions/T1", ""), ("https://api.operator.example:444/v1.2/mm/x/T1", ""),
    ("https://api.operator.example/elsewhere/T1", ""), ("/transactions/../admin", ""), ("/transactions/%2e%2e", ""),
    ("/transactions/T1?x=1", ""), ("/transactions/T1#x", ""), ("/transactions/a%2Fb", ""), ("string", ""), ("", ""),
    (None, ""), (7, ""), ("https://[", ""), ("/", ""),
]  # fmt: skip


@pytest.mark.parametrize(("said", "path"), LINKS)
def test_links_lead_only_where_the_questions_go(said: object, path: str) -> None:
    assert link(BASE, said) == path


def test_a_bare_reference_is_an_id_of_its_collection() -> None:
    assert link(BASE, "T1", "transactions") == "/transactions/T1"
    assert link(BASE, "..", "transactions") == ""


# -- encryption ------------------------------------------------------------------------------------------------------


def test_the_password_goes_encrypted_with_the_operators_certificate() -> None:
    made = gateway("mpesa").settings.security_credential
    assert made is not None
    assert decrypt(base64.b64decode(made.reveal())) == PASSWORD
    assert pay("mpesa").request.json["SecurityCredential"] == Secret("security_credential")
    assert len(with_certificate("x", certificate())) == 344


@pytest.mark.parametrize("name", ["pkcs1v15", "oaep", "oaep-sha256"])
def test_the_pin_goes_encrypted_with_the_padding_of_the_market(name: str) -> None:
    raw = base64.b64decode(with_public_key(PIN, public_key(), name))
    hash_ = {"oaep": hashes.SHA1(), "oaep-sha256": hashes.SHA256()}.get(name)  # noqa: S303
    pad: Any = padding.OAEP(padding.MGF1(hash_), hash_, None) if hash_ else padding.PKCS1v15()
    assert rsa_key().decrypt(raw, pad).decode() == PIN
    pem = "-----BEGIN PUBLIC KEY-----\n" + public_key() + "\n-----END PUBLIC KEY-----\n"
    assert with_public_key(PIN, pem, name) != with_public_key(PIN, pem, name)


# -- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "change", "reason"),
    [
        ("mtn", {"subscription_key": None}, "profile 'mtn' needs subscription_key"),
        ("mtn", {"target_environment": "sandbox"}, "disagree"),
        ("mpesa", {"callback_url": ""}, "needs callback_url"),
        ("mpesa", {"certificate": Hidden("not a certificate, but a secret")}, "no X.509 certificate"),
        ("airtel", {"public_key": Hidden("not a key, but a secret")}, "no RSA key in base64"),
        ("airtel", {"pin_padding": "none"}, "pin_padding is none of"),
        ("airtel", {"api_version": "v3"}, "neither v1 nor v2"),
        ("gsma", {"callback_secret": None}, "callback_url needs callback_secret"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_in_words(
    profile: str, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unfit) as caught:
        gateway(profile, **change)
    assert reason in str(caught.value) and "secret," not in str(caught.value)


def test_an_unknown_profile_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Unfit, match="airtel, gsma, mpesa, mtn"):
        MobileMoneyGateway(MobileMoneySettings(country="SN", profile="orange"))


def test_a_channel_dedupes_only_where_that_was_proven() -> None:
    assert not gateway("mtn").capabilities.dedupes
    assert gateway("mtn", dedupe_proven=True).capabilities.dedupes


# -- amounts and payments that an operator cannot pay -----------------------------------------------------------------


@pytest.mark.parametrize(("minor", "currency", "text"), [
    (20_000, "KES", "200"), (20_050, "KES", "200.5"), (20_005, "KES", "200.05"), (500, "UGX", "500"),
    (1, "KES", "0.01"),
])  # fmt: skip
def test_an_amount_is_written_so_that_every_version_of_the_api_takes_it(minor: int, currency: str, text: str) -> None:
    assert plain_amount(Money(minor, currency)) == text
    assert money_of({"available": text, "currency": currency}) == Money(minor, currency)


@pytest.mark.parametrize(("said", "same"), [
    ("50", True), (50, True), ("50.00", True), (50.0, True), (" 50 ", True), ("51", False), (True, False),
    (None, False),
    ("5\n0", False), ("NaN", False), ({}, False), ("", False),
])  # fmt: skip
def test_amounts_are_compared_as_amounts(said: object, same: bool) -> None:
    assert same_amount(said, "50") is same


@pytest.mark.parametrize(("minor", "currency", "code"), [(50_050, "KES", "amount"), (50_000, "UGX", "currency")])
def test_what_mpesa_cannot_pay_is_refused_before_anything_is_sent(minor: int, currency: str, code: str) -> None:
    with pytest.raises(StopIteration) as end:
        next(gateway("mpesa").execute_payment(payment("mpesa", minor, currency=currency), ctx()))
    assert isinstance(end.value.value, Refused) and end.value.value.code == code


def test_two_runs_of_a_flow_ask_the_same_and_another_attempt_another_key() -> None:
    for profile in ("gsma", "mtn", "mpesa", "airtel"):
        made = gateway(profile)
        first, again = (next(made.execute_payment(payment(profile), ctx())) for _ in range(2))
        other = next(made.execute_payment(payment(profile), ctx(2)))
        assert first == again and other.request.key != first.request.key
