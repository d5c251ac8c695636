"""Telephone numbers: read by the number plan, rendered as each operator wants them. Needs `phonenumbers`.

The rendered number lies in the journaled request, so that it stays as it was when the number plan is renewed.
"""

from __future__ import annotations

from typing import Literal

import attrs
import phonenumbers
from phonenumbers import PhoneNumberType, carrier

Form = Literal["+e164", "digits", "national"]
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


@attrs.frozen
class Wrong(Exception):
    """Why a number cannot be paid to: `code` is stable, `reason` for people."""

    code: str
    reason: str


def read(raw: str, country: str, *, cross_border: bool = False, check: bool = True) -> str:
    """E.164 with the plus sign. `country` is ISO 3166 alpha-2. Raises Wrong.

    `check=False` looks at nothing but the shape: sandboxes have numbers that no plan knows.
    """
    try:
        number = phonenumbers.parse(raw.strip(), country)
    except phonenumbers.NumberParseException:
        raise Wrong("not_a_number", f"{raw!r} is no telephone number of {country}") from None
    if number.extension:
        # E.164 has no extensions: it would silently be dropped.
        raise Wrong("extension", f"{raw!r} has an extension")
    if check:
        _check(raw, number, country, cross_border)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _check(raw: str, number: phonenumbers.PhoneNumber, country: str, cross_border: bool) -> None:
    if not phonenumbers.is_valid_number(number):
        raise Wrong("not_in_the_number_plan", f"{raw!r} is in no number plan: is it an old number?")
    if not cross_border and phonenumbers.region_code_for_number(number) != country:
        where = phonenumbers.region_code_for_number(number) or "no country"
        raise Wrong("another_country", f"{raw!r} belongs to {where}, not to {country}")
    if phonenumbers.number_type(number) not in _MOBILE:
        raise Wrong("not_mobile", f"{raw!r} is not a mobile number")


def rendered(e164: str, form: Form) -> str:
    """+256772123456, 256772123456, or 772123456 (never by cutting: a plan decides where a country's code ends).

    Raises Wrong where a national number is wanted and no country's code begins the digits.
    """
    if form == "national":
        try:
            return phonenumbers.national_significant_number(phonenumbers.parse(e164))
        except phonenumbers.NumberParseException:
            raise Wrong("not_a_number", f"{e164!r} is no telephone number") from None
    return e164 if form == "+e164" else e164.removeprefix("+")


def allocated_to(e164: str) -> str:
    """The operator that the number's prefix was given to, or "" (unknown, or a country where numbers move).

    Allocation, not the present operator: good for a warning, never for routing.
    """
    return str(carrier.safe_display_name(phonenumbers.parse(e164), "en"))
