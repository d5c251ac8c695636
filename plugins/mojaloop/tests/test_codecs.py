"""The forms of FSPIOP, by their laws: what is written reads back, a signature is of one message, amounts are exact."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from gateway_mojaloop.fspiop import ilp, jws, texts, transfers
from gateway_mojaloop.fspiop.amounts import amount_text, minor_units, packet_amount
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core.contract import Money

PATH = "/transfers/11436b17-c690-4a30-8505-42a2c4eafb9d"
HEADERS = {"fspiop-source": "payee", "fspiop-destination": "payer", "date": "Mon, 01 Jan 2024 00:00:00 GMT"}
BODY = {"transferState": "COMMITTED", "fulfilment": "mhPUT9ZAwd-BXLfeSd7-YPh46rBWRNBiTCSWjpku90s"}
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefgXYZ", max_size=6), inner, max_size=4),
    max_leaves=12,
)


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


KEYS: dict[str, Any] = {"RS256": rsa_key, "ES256": ec_key}


def signed(body: bytes, key: Any, method: str = "PUT", uri: str = PATH) -> dict[str, str]:
    return {**HEADERS, **jws.sign(key, method, uri, HEADERS, body)}


# -- JSON -------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(_json)
def test_canonical_json_is_the_sorted_compact_form(value: Any) -> None:
    wanted = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert texts.canonical(value) == wanted and texts.parse(wanted) == value


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'[{"x":{"b":1,"b":2}}]', b"{", b"", b"NaN", b"\xff", b"[" * 99_999])
def test_what_two_readers_could_read_differently_is_no_json(raw: bytes) -> None:
    with pytest.raises(texts.Malformed):
        texts.parse(raw)


@settings(deadline=None)
@given(st.binary(max_size=99))
def test_base64url_reads_back(raw: bytes) -> None:
    assert texts.unb64url(texts.b64url(raw)) == raw == texts.lenient_b64(texts.b64url(raw) + "=")


# -- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", KEYS)
@settings(deadline=None)
@given(value=st.dictionaries(st.text("abcXYZ", max_size=5), _json, max_size=5))
def test_what_is_signed_verifies_in_every_form_of_the_body(algorithm: str, value: Any) -> None:
    key = KEYS[algorithm]()
    made = signed(texts.canonical(value), key)
    for form in (texts.canonical(value), json.dumps(value, indent=2).encode()):
        assert jws.verify([key.public_key()], "PUT", "/fsp/callbacks" + PATH, made, form).value == value
    # An older signer signs keys as they come, and somebody on the way writes the body anew.
    made = signed(texts.in_order(value), key)
    jws.verify([key.public_key()], "PUT", PATH, made, json.dumps(value, indent=1).encode())


def _changed(**headers: str | None) -> Any:
    def change(made: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if value is None:
                made.pop(name.replace("_", "-"), None)
            else:
                made[name.replace("_", "-")] = value
        return made

    return change


@pytest.mark.parametrize("algorithm", KEYS)
@pytest.mark.parametrize(
    ("method", "path", "change"),
    [
        ("POST", PATH, _changed()),
        ("PUT", PATH + "/error", _changed()),
        ("PUT", "/quotes/11436b17-c690-4a30-8505-42a2c4eafb9d", _changed()),
        ("PUT", PATH + "?a=1", _changed()),
        ("PUT", PATH, _changed(fspiop_source="other")),
        ("PUT", PATH, _changed(fspiop_source="PAYEE")),
        ("PUT", PATH, _changed(fspiop_destination="other")),
        ("PUT", PATH, _changed(fspiop_destination=None)),
        ("PUT", PATH, _changed(date="Mon, 01 Jan 2024 00:00:01 GMT")),
        ("PUT", PATH, _changed(date=None)),
        ("PUT", PATH, _changed(fspiop_uri="/transfers/1")),
        ("PUT", PATH, _changed(fspiop_http_method="put")),
        ("PUT", PATH, _changed(fspiop_signature="{}")),
        ("PUT", PATH, _changed(fspiop_signature="nothing")),
        ("PUT", PATH, _changed(fspiop_signature=None)),
    ],
)  # fmt: skip
def test_another_message_is_not_signed(algorithm: str, method: str, path: str, change: Any) -> None:
    key, body = KEYS[algorithm](), texts.canonical(BODY)
    with pytest.raises(jws.BadSignature):
        jws.verify([key.public_key()], method, path, change(signed(body, key)), body)


def _protected(**members: Any) -> dict[str, str]:
    """A message whose protected header has these members besides, or others instead; signed by its key all the same."""
    header = {"alg": "RS256", "FSPIOP-URI": PATH, "FSPIOP-HTTP-Method": "PUT", "FSPIOP-Source": "payee",
              "FSPIOP-Destination": "payer", **members}  # fmt: skip
    bound = texts.b64url(json.dumps(header).encode())
    message = f"{bound}.{texts.b64url(texts.canonical(BODY))}".encode()
    token = json.dumps({"protectedHeader": bound, "signature": texts.b64url(jws._signed(rsa_key(), message))})
    return {**HEADERS, "fspiop-uri": PATH, "fspiop-http-method": "PUT", "fspiop-signature": token}


@pytest.mark.parametrize(
    ("members", "good"),
    [
        ({}, True),
        ({"typ": "JWT", "kid": "one"}, True),
        ({"alg": "none"}, False),
        ({"alg": "HS256"}, False),
        ({"alg": "ES256"}, False),
        ({"alg": None}, False),
        ({"crit": ["b64"], "b64": False}, False),
        ({"Content-Type": "text/plain"}, False),
        ({"FSPIOP-URI": ""}, False),
    ],
)  # fmt: skip
def test_the_protected_header_says_what_counts(members: dict[str, Any], good: bool) -> None:
    keys: list[Any] = [rsa_key().public_key(), ec_key().public_key()]
    headers, body = _protected(**members), texts.canonical(BODY)
    if good:
        assert jws.verify(keys, "PUT", PATH, headers, body).value == BODY
        return
    with pytest.raises(jws.BadSignature):
        jws.verify(keys, "PUT", PATH, headers, body)


def test_a_key_that_comes_twice_and_an_algorithm_that_is_not_configured_are_refused() -> None:
    twice = b'{"transferState":"ABORTED","transferState":"COMMITTED"}'
    with pytest.raises(jws.BadSignature, match="twice"):
        jws.verify([rsa_key().public_key()], "PUT", PATH, signed(twice, rsa_key()), twice)
    body = texts.canonical(BODY)
    with pytest.raises(jws.BadSignature):
        jws.verify([ec_key().public_key()], "PUT", PATH, signed(body, ec_key()), body, ["RS256"])
    with pytest.raises(jws.BadSignature):
        jws.verify([], "PUT", PATH, signed(body, rsa_key()), body)


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("https://hub.example.org/switch/transfers/1?a=b", "/transfers/1?a=b"),
        ("/parties/ALIAS/quotes", "/parties/ALIAS/quotes"),
        ("/parties/MSISDN/%2B256772123456", "/parties/MSISDN/%2B256772123456"),
        ("http://hub:4003/quotes#here", "/quotes"),
        ("/ping", "/ping"),
    ],
)
def test_what_is_signed_of_an_address_begins_at_its_resource(target: str, uri: str) -> None:
    assert jws.uri_of(target) == uri


# -- amounts ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 10**17), st.sampled_from(["USD", "UGX", "KWD", "CLF", "XOF"]))
def test_amounts_read_back_exactly_and_have_the_form(minor: int, currency: str) -> None:
    text = amount_text(Money(minor, currency))
    assert minor_units(text, currency) == minor and texts.fits("Amount", text)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("100.00", "USD"), ("1e2", "USD"), (" 1", "USD"), ("1\n", "USD"), ("٣", "USD"), ("-1", "USD"), ("1.5", "XOF"),
     ("1.001", "USD"), ("1", "QQQ"), ("1", "usd"), (1, "USD"), (None, "USD"), ("1", None)],
)  # fmt: skip
def test_what_is_no_amount_is_refused(amount: Any, currency: Any) -> None:
    with pytest.raises(texts.Malformed):
        minor_units(amount, currency)


def test_a_packet_does_not_wrap_around() -> None:
    assert packet_amount("184467440737095516", "USD") == 18446744073709551600
    with pytest.raises(texts.Malformed):
        packet_amount("999999999999999999", "USD")


# -- packets ----------------------------------------------------------------------------------------------------------

_ids = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)


def transaction(identifier: str, name: str, minor: int) -> dict[str, Any]:
    return {
        "quoteId": "7c23e80c-d078-4077-8263-2c047876fcf6", "transactionId": "85feac2f-39b2-491b-817e-4a03203d4f14",
        "payee": {"partyIdInfo": {"partyIdType": "ALIAS", "partyIdentifier": identifier, "fspId": "b"}, "name": name},
        "payer": {"partyIdInfo": {"partyIdType": "BUSINESS", "partyIdentifier": "x", "fspId": "a"}},
        "amount": {"amount": amount_text(Money(minor, "USD")), "currency": "USD"},
        "expiration": "2024-01-01T00:01:00.250Z",
        "transactionType": {"scenario": "TRANSFER", "initiator": "PAYER", "initiatorType": "BUSINESS"},
    }  # fmt: skip


@pytest.mark.parametrize("version", [1, 4])
@settings(deadline=None)
@given(identifier=_ids, name=_text, minor=st.integers(1, 10**15), secret=_text)
def test_packets_read_back_and_fulfil(version: int, identifier: str, name: str, minor: int, secret: str) -> None:
    said = transaction(identifier, name, minor)
    made = ilp.make(version, secret, said)
    packet = ilp.decode(made.packet)
    assert (packet.amount, packet.transaction, packet.version) == (minor, said, version)
    assert ilp.is_fulfilled(made.fulfilment, made.condition)
    assert ilp.fulfilment_again(version, secret, made.packet) == made.fulfilment
    transfer = {"payerFsp": "a", "payeeFsp": "b", "amount": said["amount"], "condition": made.condition}
    assert transfers.contradiction(packet, transfer) == ""
    other = amount_text(Money(minor + 1, "USD"))
    for change in ({"payeeFsp": "c"}, {"payerFsp": "c"}, {"amount": {"amount": other, "currency": "USD"}}):
        assert transfers.contradiction(packet, {**transfer, **change})


@settings(deadline=None)
@given(st.data())
def test_a_broken_packet_is_malformed_and_never_another_error(data: st.DataObject) -> None:
    made = ilp.make(data.draw(st.sampled_from([1, 4])), "secret", transaction("x", "y", 100))
    raw = bytearray(texts.unb64url(made.packet))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        ilp.decode(texts.b64url(cut))
    except texts.Malformed:
        return
    assert len(cut) == len(raw)


def test_an_unknown_kind_is_told_from_a_broken_packet() -> None:
    with pytest.raises(ilp.Opaque):
        ilp.decode("BQEA")
    with pytest.raises(texts.Malformed):
        ilp.decode("A" * 40_000)


def test_fulfilments_are_compared_as_bytes() -> None:
    made = ilp.make(4, "s", transaction("x", "y", 1))
    assert ilp.is_fulfilled(made.fulfilment + "=", made.condition) and ilp.is_fulfilled(
        made.fulfilment, made.condition + "="
    )
    for wrong in ("", "AAAA", None, made.fulfilment[:-4], made.condition):
        assert not ilp.is_fulfilled(wrong, made.condition)
    assert not ilp.is_fulfilled(made.fulfilment, None)
