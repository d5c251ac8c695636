"""Law 6: one person is one identity, and a listed approver's word needs a signature."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.lifecycle.signatures import private_key, public_key, sign, verify
from gateway_core.model.errors import NotPermitted
from gateway_core.model.people import LONGEST, normal

KEYS = {name: Ed25519PrivateKey.from_private_bytes(name[:1].encode() * 32) for name in ("joseph", "amina")}
ORDER_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03"  # sign bit set below
APPROVERS = {name: base64.b64encode(key.public_key().public_bytes_raw()).decode() for name, key in KEYS.items()}


@pytest.mark.parametrize(("written", "same"), [
    (" Joseph\u00a0 OKELLO ", "joseph okello"), ("JOSEPH", "joseph"), ("ｊｏｓｅｐｈ", "joseph"),
    ("Ste\u0301phane", "st\u00e9phane"), ("Groß", "gross"), ("o\ufb03ce", "office"), ("joseph\n", "joseph"),
    ("ΣΊΣΥΦΟΣ", "σίσυφοσ"), ("Σίσυφος", "σίσυφοσ"),
])  # fmt: skip
def test_spellings_of_one_person_are_one(written: str, same: str) -> None:
    assert normal(written) == same


@pytest.mark.parametrize(
    "written",
    ["", "  ", "\u3000", "jo\x00seph", "jo\tseph", "jo\u200bseph", "\u202ejoseph", "jo\u00adseph", "joseph\ufe0f",
     "\u3164", "jo\U000e0101seph", "jo\ud800", "x" * (LONGEST + 1), "\ufdfa" * LONGEST, "x" * 10_000_000],
)  # fmt: skip
def test_what_is_no_name_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="name"):
        normal(written)


@given(st.text(max_size=40))
def test_a_normal_name_is_normal_and_case_never_matters(written: str) -> None:
    try:
        once = normal(written)
    except ValueError:
        return
    assert normal(once) == once
    assert normal(f"  {written}\u2003 ") == once
    assert normal(written.casefold()) == once


def test_a_signature_of_the_person_over_the_message_is_accepted() -> None:
    verify(APPROVERS, " JOSEPH ", b"digest", sign(KEYS["joseph"], b"digest"))


def test_without_approvers_the_host_vouches() -> None:
    verify({}, "anybody", b"digest", "")


@pytest.mark.parametrize(("by", "signature", "reason"), [
    ("joseph", "", "is needed"), ("joseph", "nonsense", "cannot be read"), ("joseph", "ümlaut", "cannot be read"),
    ("joseph", base64.b64encode(bytes(64)).decode(), "not by 'joseph'"),
    ("joseph", sign(KEYS["amina"], b"digest"), "not by 'joseph'"),
    ("joseph", sign(KEYS["joseph"], b"other digest"), "not by 'joseph'"),
    ("mallory", sign(KEYS["joseph"], b"digest"), "not among the approvers"), ("", "x", "name is needed"),
])  # fmt: skip
def test_anything_else_is_not_permitted(by: str, signature: str, reason: str) -> None:
    with pytest.raises(NotPermitted, match=reason):
        verify(APPROVERS, by, b"digest", signature)


@given(st.binary(max_size=64), st.integers(0, 511))
def test_one_changed_bit_of_a_signature_is_found(message: bytes, bit: int) -> None:
    signature = bytearray(KEYS["joseph"].sign(message))
    signature[bit // 8] ^= 1 << bit % 8
    with pytest.raises(NotPermitted):
        verify(APPROVERS, "joseph", message, base64.b64encode(bytes(signature)).decode())


def test_a_private_key_is_read_from_base64_and_from_pem() -> None:
    key = KEYS["joseph"]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in (base64.b64encode(key.private_bytes_raw()).decode() + "\n", pem, "\n" + pem):
        assert private_key(text).private_bytes_raw() == key.private_bytes_raw()


@pytest.mark.parametrize("raw", [
    bytes(32), b"\1" + bytes(31), bytes(31) + b"\x80", (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"), bytes.fromhex(ORDER_8 + "fa"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
])  # fmt: skip
def test_a_key_under_which_anybody_could_sign_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        public_key(base64.b64encode(raw).decode())
