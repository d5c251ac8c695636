"""Bytes and texts as FSPIOP has them: canonical JSON, base64url, and the lexical rules of its data types.

Sources: API Definition 1.1.1 sections 7.2 to 7.5, the OpenAPI documents of 1.0, 1.1 and 2.0.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

_sorted = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode
_plain = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_B64URL = re.compile(r"[A-Za-z0-9_-]*")


class Malformed(ValueError):
    """A message that is not what FSPIOP allows. The text is for people."""


def canonical(value: object) -> bytes:
    """Sorted keys, no spaces, raw UTF-8: the one form that every implementation in use verifies.

    Raises TypeError or ValueError for what is not JSON (halves of characters, too).
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _sorted(value).encode()


def in_order(value: object) -> bytes:
    """No spaces, raw UTF-8, keys as they came: what older signers signed."""
    return _plain(value).encode()


def parse(body: bytes) -> Any:
    """The JSON value. Raises Malformed, also where a key comes twice: two readers would read two messages."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_none, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {error}"[:200]) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _none(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _number(text: str) -> float | int:
    """As JavaScript writes it again: 1.0 is 1."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def b64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    """Raises Malformed for padding, foreign characters and lengths that no bytes have."""
    if not isinstance(text, str) or not _B64URL.fullmatch(text) or len(text) % 4 == 1:
        raise Malformed("no base64url without padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def lenient_b64(text: str) -> bytes:
    """Either alphabet, with or without padding, as others accept it. Raises Malformed."""
    return unb64url(text.rstrip("=").replace("+", "-").replace("/", "_"))


# `re.fullmatch` and [0-9]: `$` lets a line end pass, and \d other scripts' digits.
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[%s][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_DATE = (
    r"(?:[1-9][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29)"
)
_CODE, _HASH, _BINARY = r"[0-9A-Za-z]{4,32}", r"[A-Za-z0-9_-]{43}", r"[A-Za-z0-9_-]+={0,2}"
# Letters, marks, digits, connectors and joiners of any script; `re` knows no classes by property.
_PERSON = r"(?!\s*\Z)[\w .,'\u0300-\u036f\u200c\u200d-]{1,128}"
_SHAPES: Mapping[str, str] = {
    "Amount": r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,3}[1-9])?",
    "AuthenticationValue": r"[0-9]{3,10}|\S{1,64}",
    "BalanceOfPayments": r"[1-9][0-9]{2}",
    "BinaryString": _BINARY,
    "BinaryString32": _HASH,
    "Code": _CODE,
    "CorrelationId": _UUID % "1-5",
    "Date": _DATE,
    "DateOfBirth": _DATE,
    "DateTime": _DATE + r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}(?:Z|[+-][01][0-9]:[0-5][0-9])",
    "ErrorCode": r"[1-9][0-9]{3}",
    "FirstName": _PERSON,
    "IlpCondition": _HASH,
    "IlpFulfilment": _HASH,
    "IlpPacket": _BINARY,
    "Integer": r"[1-9][0-9]*",
    "LastName": _PERSON,
    "Latitude": r"[+-]?(?:90(?:\.0{1,6})?|(?:[0-9]|[1-8][0-9])(?:\.[0-9]{1,6})?)",
    "Longitude": r"[+-]?(?:180(?:\.0{1,6})?|(?:[0-9]|[1-9][0-9]|1[0-7][0-9])(?:\.[0-9]{1,6})?)",
    "MerchantClassificationCode": r"[0-9]{1,4}",
    "MiddleName": _PERSON,
    # \w of JavaScript, in which hubs judge it: ASCII.
    "Name": r"(?!\s*\Z)[A-Za-z0-9_ .,'-]{1,128}",
    "OtpValue": r"[0-9]{3,10}",
    "TokenCode": _CODE,
    "TransactionSubScenario": r"[A-Z_]{1,32}",
    "U2FPIN": r"\S{1,64}",
    "UndefinedEnum": r"[A-Z_]{1,32}",
}
LEXICAL: Mapping[str, re.Pattern[str]] = {name: re.compile(shape) for name, shape in _SHAPES.items()}
_SECOND: Mapping[str, re.Pattern[str]] = {
    "CorrelationId": re.compile(_UUID % "1-7" + "|[0-9A-HJKMNP-TV-Z]{26}"),
}


def fits(schema: str, value: str, version: str = "1.1") -> bool:
    """Whether a text has the form of a data type, in FSPIOP 1.1 or 2.0. Raises KeyError for a type without a form."""
    known = _SECOND if version.startswith("2") and schema in _SECOND else LEXICAL
    return bool(known[schema].fullmatch(value))


def date_time(at: datetime) -> str:
    """ "2024-01-01T00:01:00.000Z": three decimals, always UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def read_date_time(text: object) -> datetime:
    """UTC. Raises Malformed."""
    if not isinstance(text, str) or not LEXICAL["DateTime"].fullmatch(text):
        raise Malformed(f"{str(text)[:40]!r} is no DateTime")
    return datetime.fromisoformat(text).astimezone(UTC)
