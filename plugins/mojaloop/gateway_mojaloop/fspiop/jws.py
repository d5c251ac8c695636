"""FSPIOP-Signature: detached JWS over the body and the headers that say from whom, to whom, what and when.

Sources: Signature 1.1, followed in what is signed and compared; and what implementations in use really verify, a body
of sorted keys without spaces. They compare neither the real path nor the method, and let a key come twice. We are
stricter, so that a valid message cannot be played to another address or be read in two ways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from .texts import Malformed, b64url, canonical, in_order, parse, unb64url

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
RESOURCES = frozenset({
    "participants", "parties", "quotes", "bulkQuotes", "transfers", "bulkTransfers", "transactionRequests",
    "thirdpartyRequests", "authorizations", "consents", "consentRequests", "fxQuotes", "fxTransfers", "transactions",
    "services",
})  # fmt: skip
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256")
_RSA = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}
_P256 = 32
# Members of a protected header that are JOSE's own and name no header of HTTP.
_JOSE = frozenset({"alg", "typ", "cty", "kid", "x5t", "x5t#S256", "x5c", "x5u", "jwk", "jku"})
_COMPARED = ("FSPIOP-URI", "FSPIOP-HTTP-Method", "FSPIOP-Source")
_HEADERS = ("fspiop-source", "fspiop-uri", "fspiop-http-method", "fspiop-signature")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")


class BadSignature(ValueError):
    """Not signed, or not by whom it says, or not this message. The text is for people and holds no secret."""


def uri_of(target: str) -> str:
    """What is signed of a path or address: from the resource on, as sent, with its query.

    The first segment that is a resource's name counts. (Implementations in use take the last, and sign `/quotes` of
    `/parties/ALIAS/quotes`.) Where there is none, the whole path.
    """
    path = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", "", target).partition("#")[0] or "/"
    bare, mark, query = path.partition("?")
    segments = bare.split("/")
    first = next((at for at, segment in enumerate(segments) if segment in RESOURCES), 1)
    return "/" + "/".join(segments[first:]) + mark + query


def algorithm_of(key: PrivateKey | PublicKey) -> str:
    """RS256 for RSA, ES256 for a P-256 key, however its PEM is written. Raises ValueError for other curves."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        return "RS256"
    if isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    raise ValueError("an elliptic key must be on P-256")


def protected_header(algorithm: str, method: str, uri: str, source: str, destination: str = "", date: str = "") -> str:
    """Its JSON, in the order that other implementations write."""
    said = {"alg": algorithm, "FSPIOP-URI": uri, "FSPIOP-HTTP-Method": method, "FSPIOP-Source": source}
    if destination:
        said["FSPIOP-Destination"] = destination
    if date:
        said["Date"] = date
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False)


def sign(key: PrivateKey, method: str, uri: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The three headers to add. `headers` are lower-case; `body` is exactly what is sent."""
    method = method.upper()
    protected = protected_header(
        algorithm_of(key), method, uri, headers["fspiop-source"], headers.get("fspiop-destination", ""),
        headers.get("date", ""),
    )  # fmt: skip
    bound = b64url(protected.encode())
    signature = b64url(_signed(key, f"{bound}.{b64url(body)}".encode()))
    return {
        "fspiop-http-method": method,
        "fspiop-uri": uri,
        "fspiop-signature": json.dumps({"protectedHeader": bound, "signature": signature}, separators=(",", ":")),
    }


def _signed(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(_P256, "big") + s.to_bytes(_P256, "big")


@attrs.frozen
class Verified:
    """`form`: how the body was signed: raw (as it came), sorted, or in order. `value` is the body's JSON."""

    form: str
    value: Any


def verify(
    keys: Iterable[PublicKey], method: str, target: str, headers: Mapping[str, str], body: bytes,
    algorithms: Sequence[str] = ALGORITHMS,
) -> Verified:  # fmt: skip
    """Whether the source signed this very message. `method`, `target`: the real ones; `headers` are lower-case.

    Raises BadSignature. The form of the body may be another than that which was signed (hubs write it anew): all forms
    that are tried are one JSON value, because a key may not come twice.
    """
    missing = [name for name in _HEADERS if not headers.get(name)]
    if missing:
        raise BadSignature(f"without {', '.join(missing)}")
    try:
        bound, protected, signature = _parts(headers["fspiop-signature"])
        value = parse(body)
    except Malformed as error:
        raise BadSignature(str(error)) from None
    algorithm = str(protected.get("alg"))
    if algorithm not in algorithms or algorithm not in ALGORITHMS:
        raise BadSignature(f"signed by {algorithm[:20]!r}")
    _compare(protected, method, target, headers)
    fitting = [key for key in keys if _fits(key, algorithm)]
    for form, payload in _forms(body, value):
        message = f"{bound}.{b64url(payload())}".encode()
        if any(_is_by(key, algorithm, message, signature) for key in fitting):
            return Verified(form, value)
    raise BadSignature("the signature is not the source's" if fitting else "no key of the source fits the algorithm")


def _parts(header: str) -> tuple[str, dict[str, Any], bytes]:
    said = parse(header.encode("latin-1", "replace"))
    bound, signature = (said.get("protectedHeader"), said.get("signature")) if isinstance(said, dict) else ("", "")
    if not isinstance(bound, str) or not isinstance(signature, str) or not _TOKEN.fullmatch(bound):
        raise Malformed("FSPIOP-Signature holds no protectedHeader and signature")
    protected = parse(unb64url(bound))
    if not isinstance(protected, dict):
        raise Malformed("the protected header is no object")
    return bound, protected, unb64url(signature)


def _compare(protected: Mapping[str, Any], method: str, target: str, headers: Mapping[str, str]) -> None:
    """What was signed, against the headers, and against the request as it really came."""
    for name in _COMPARED:
        if not protected.get(name) or protected[name] != headers.get(name.lower()):
            raise BadSignature(f"{name} is not what was signed")
    if protected["FSPIOP-HTTP-Method"] != method:
        raise BadSignature("signed for another method")
    if protected["FSPIOP-URI"] != uri_of(target):
        raise BadSignature("signed for another address")
    if (protected.get("FSPIOP-Destination") or "") != (headers.get("fspiop-destination") or ""):
        raise BadSignature("FSPIOP-Destination is not what was signed")
    for name, value in protected.items():
        if name in _COMPARED or name in _JOSE or name == "FSPIOP-Destination":
            continue
        if headers.get(name.lower()) != value:
            raise BadSignature(f"{name[:40]} is not what was signed")


def _forms(body: bytes, value: Any) -> list[tuple[str, Callable[[], bytes]]]:
    return [
        ("raw", lambda: body),
        ("sorted", lambda: _or(canonical, value)),
        ("in order", lambda: _or(in_order, value)),
    ]


def _or(write: Callable[[object], bytes], value: Any) -> bytes:
    """Halves of characters cannot be written: then this form is none."""
    try:
        return write(value)
    except (TypeError, ValueError):
        return b""


def _fits(key: PublicKey, algorithm: str) -> bool:
    if isinstance(key, rsa.RSAPublicKey):
        return algorithm in _RSA
    return algorithm == "ES256" and isinstance(key.curve, ec.SECP256R1)


def _is_by(key: PublicKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, padding.PKCS1v15(), _RSA[algorithm])
        else:
            if len(signature) != 2 * _P256:
                return False
            pair = (int.from_bytes(signature[:_P256], "big"), int.from_bytes(signature[_P256:], "big"))
            key.verify(encode_dss_signature(*pair), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
