"""Accounts: where the money goes. Shape checks only; whether the account exists is the rail's to say."""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs


@attrs.frozen
class Account:
    """`type` is one of ACCOUNT_TYPES, `value` its normal form (see `parse_account`)."""

    type: str
    value: str

    def __str__(self) -> str:
        return f"{self.type} {self.value}"


class AccountError(ValueError):
    """Why a value is not an account of its type."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason, self.mend = reason, mend


def _shape(pattern: str, mend: str, strip: str = "") -> Callable[[str], str]:
    compiled = re.compile(pattern)
    drop = str.maketrans("", "", strip)

    def read(value: str) -> str:
        if drop:
            value = value.translate(drop)
        if not compiled.fullmatch(value):
            raise AccountError(f"{value!r} is not plausible", mend)
        return value

    return read


def _msisdn(value: str) -> str:
    """E.164 without the plus sign: country code and number, 8 to 15 digits."""
    digits = _MSISDN(value).removeprefix("+")
    if len(set(digits)) == 1:
        raise AccountError(f"{value!r} is one digit repeated", "write the beneficiary's own number")
    return digits


def _iban(value: str) -> str:
    """ISO 13616 with its check digits (ISO 7064, mod 97-10)."""
    value = _IBAN(value.upper())
    rearranged = value[4:] + value[:4]
    if int("".join(str(int(c, 36)) for c in rearranged)) % 97 != 1:
        raise AccountError(f"{value!r} has wrong check digits", "copy the IBAN again from the bank's own document")
    return value


# [0-9], not \d: digits of other scripts would make a second spelling of one account.
_MSISDN = _shape(
    r"\+?[1-9][0-9]{7,14}", "write country code and number, digits only, for example 256700123456", " -().\u00a0"
)
_IBAN = _shape(
    r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", "write the whole IBAN, for example DE89370400440532013000", " \u00a0"
)

READERS: dict[str, Callable[[str], str]] = {
    "wallet": _shape(r"[A-Za-z0-9][A-Za-z0-9._@+-]{2,63}", "write the wallet's identifier, 3 to 64 letters or digits"),
    "msisdn": _msisdn,
    "iban": _iban,
    "bank_account": _shape(
        r"[A-Za-z0-9-]{2,20}(/[A-Za-z0-9-]{1,20})?:[A-Za-z0-9-]{3,34}",
        "write BANKCODE:NUMBER or BANKCODE/BRANCH:NUMBER",
    ),
    "party": _shape(
        r"[A-Z_]{2,32}(/[A-Za-z0-9_-]{1,32})?:[^\s\x00-\x1f/]{1,128}", "write TYPE:VALUE or TYPE/SUBTYPE:VALUE"
    ),
    "payment_point": _shape(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "write the payment point's code"),
}
ACCOUNT_TYPES = tuple(READERS)


def parse_account(type: str, value: str) -> Account:
    """The account in normal form. Raises AccountError with the reason and the mend."""
    reader = READERS.get(type)
    if reader is None:
        raise AccountError(f"{type!r} is not an account type", f"write one of {', '.join(ACCOUNT_TYPES)}")
    if not value.strip():
        raise AccountError("the account is empty", "write where the money goes")
    return Account(type, reader(value.strip()))
