"""ILP packets of versions 1 and 4, conditions and fulfilments.

A payer carries packet and condition unchanged, reads the packet to hold it against the quote, and checks the
fulfilment. Making them is the payee's (our simulator's) part. Nobody recomputes a peer's fulfilment: how it is made is
the payee's secret. The specification takes the HMAC over the binary packet (6.5.2.3); we make it as implementations in
use do, so that their tests and ours agree.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import attrs

from .amounts import packet_amount
from .texts import Malformed, b64url, canonical, lenient_b64, parse, read_date_time, unb64url

V1, V4 = 0x01, 0x0C
HASH = 32
LONGEST = 32_768
DESTINATION = "g.mojaloop"
_TIME = "%Y%m%d%H%M%S"


@attrs.frozen
class Packet:
    """A packet that was read. `transaction`: the object in its data. v1 has no `condition` and no `expires_at`."""

    version: Literal[1, 4]
    amount: int
    destination: str
    data: bytes
    transaction: Mapping[str, Any]
    condition: bytes = b""
    expires_at: datetime | None = None


@attrs.frozen
class Terms:
    """What a payee answers a quote with: the three texts, of which it keeps the first."""

    fulfilment: str
    condition: str
    packet: str


class Opaque(Malformed):
    """A packet of a kind that we do not know; whether that will do is a policy."""


# -- fulfilments ------------------------------------------------------------------------------------------------------


def condition_of(fulfilment: str) -> str:
    """The condition of a fulfilment, as others calculate it. Raises Malformed unless it is 32 bytes."""
    return b64url(hashlib.sha256(_hash(fulfilment)).digest())


def is_fulfilled(fulfilment: object, condition: object) -> bool:
    """Whether the 32 bytes of the fulfilment hash to those of the condition, however the texts are padded."""
    if not isinstance(fulfilment, str) or not isinstance(condition, str):
        return False
    try:
        return hmac.compare_digest(hashlib.sha256(_hash(fulfilment)).digest(), _hash(condition))
    except Malformed:
        return False


def _hash(text: str) -> bytes:
    found = lenient_b64(text)
    if len(found) != HASH:
        raise Malformed("not 32 bytes")
    return found


# -- reading ----------------------------------------------------------------------------------------------------------


def decode(text: object) -> Packet:
    """Read a packet. Raises Opaque for an unknown kind, Malformed for a broken one."""
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST:
        raise Malformed("no packet")
    raw = lenient_b64(text)
    if raw[:1] not in (bytes([V1]), bytes([V4])):
        raise Opaque("a packet of an unknown kind")
    body, rest = _var(raw[1:])
    if rest:
        raise Malformed("bytes after the packet")
    return _v1(body) if raw[0] == V1 else _v4(body)


def _v1(body: bytes) -> Packet:
    amount, body = _take(body, 8)
    account, body = _var(body)
    data, body = _var(body)
    if body not in (b"", b"\0"):
        raise Malformed("extensions in a packet")
    return Packet(1, int.from_bytes(amount, "big"), _ascii(account), data, _transaction(data))


def _v4(body: bytes) -> Packet:
    amount, body = _take(body, 8)
    until, body = _take(body, 17)
    condition, body = _take(body, HASH)
    destination, body = _var(body)
    data, body = _var(body)
    if body:
        raise Malformed("bytes after the packet's data")
    return Packet(
        4, int.from_bytes(amount, "big"), _ascii(destination), data, _transaction(data), condition, _read_time(until)
    )


def _take(body: bytes, count: int) -> tuple[bytes, bytes]:
    if len(body) < count:
        raise Malformed("a packet that ends too soon")
    return body[:count], body[count:]


def _var(body: bytes) -> tuple[bytes, bytes]:
    """An octet string with its OER length before it."""
    first, body = _take(body, 1)
    length = first[0]
    if length & 0x80:
        size, body = _take(body, length & 0x7F)
        if not 0 < len(size) <= 3:
            raise Malformed("a length that no packet has")
        length = int.from_bytes(size, "big")
    return _take(body, length)


def _ascii(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("an address that is not ASCII") from None


def _transaction(data: bytes) -> Mapping[str, Any]:
    value = parse(unb64url(_ascii(data)))
    if not isinstance(value, dict):
        raise Malformed("the packet's data is no object")
    return value


def _read_time(raw: bytes) -> datetime:
    text = _ascii(raw)
    try:
        whole = datetime.strptime(text[:14], _TIME).replace(tzinfo=UTC)
        return whole.replace(microsecond=int(text[14:]) * 1000)
    except ValueError:
        raise Malformed("a packet's expiry that is no time") from None


# -- making (the payee's part) ----------------------------------------------------------------------------------------


def transaction_object(quote: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a payee puts into a packet, from the request for a quote and its answer."""
    made = {name: quote[name] for name in ("quoteId", "transactionId", "transactionType", "payee", "payer")}
    made |= {"expiration": answer["expiration"], "amount": answer["transferAmount"]}
    return made | ({"note": answer["note"]} if answer.get("note") else {})


def make(version: int, secret: str, transaction: Mapping[str, Any]) -> Terms:
    """Fulfilment, condition and packet, as implementations in use make them. Raises Malformed."""
    amount = packet_amount(transaction["amount"]["amount"], transaction["amount"]["currency"]).to_bytes(8, "big")
    spelt = canonical(transaction)
    data = b64url(spelt).encode()
    if version == 1:
        packet = b64url(
            _typed(V1, amount + _sized(_account(transaction["payee"]).encode("ascii")) + _sized(data) + b"\0")
        )
        fulfilment = _fulfilment(secret, packet.encode())
        return Terms(fulfilment, condition_of(fulfilment), packet)
    fulfilment = _fulfilment(secret, base64.b64encode(spelt))
    condition = condition_of(fulfilment)
    until = read_date_time(transaction["expiration"])
    time = (until.strftime(_TIME) + f"{until.microsecond // 1000:03d}").encode()
    body = amount + time + unb64url(condition) + _sized(DESTINATION.encode()) + _sized(data)
    return Terms(fulfilment, condition, b64url(_typed(V4, body)))


def fulfilment_again(version: int, secret: str, packet: str) -> str:
    """The payee's fulfilment, from the packet that comes back to it with the transfer."""
    if version == 1:
        return _fulfilment(secret, packet.encode())
    return _fulfilment(secret, base64.b64encode(canonical(decode(packet).transaction)))


def _fulfilment(secret: str, message: bytes) -> str:
    return b64url(hmac.new(base64.b64encode(secret.encode()), message, hashlib.sha256).digest())


def _account(payee: Mapping[str, Any]) -> str:
    """The address of the party. Raises Malformed for one that is not ASCII."""
    known = payee["partyIdInfo"]
    parts = ["g", str(known["fspId"]), known["partyIdType"].lower(), known["partyIdentifier"].lower()]
    text = ".".join([*parts, *([known["partySubIdOrType"].lower()] if known.get("partySubIdOrType") else [])])
    if not text.isascii():
        raise Malformed("an address that is not ASCII")
    return text


def _sized(raw: bytes) -> bytes:
    length = len(raw)
    if length < 0x80:
        return bytes([length]) + raw
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(size)]) + size + raw


def _typed(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _sized(body)
