"""Test vectors of others, held against our codecs: `python -m gateway_mojaloop.vectors DIR --keys KEYS`.

A line per file with what passed and failed; exit 1 on any failure. Each file's name says its kind (jws_sign,
jws_verify, ilp_v1, ilp_v4, fulfilment, transfer_vs_packet, lexical). The answer that counts is ours where it stands
(`expected_ours`, `strict_accepts`), else that of the package which made the vectors.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .fspiop import ilp, jws, texts, transfers
from .keys import private_key, public_keys

Vector = Mapping[str, Any]
_NO = re.compile(r"rais|refus|reject|error|throw|invalid|fail|not accept|must not", re.IGNORECASE)


class Differs(Exception):
    """We say something else than the vector expects."""


def _wanted(vector: Vector, *names: str) -> bool:
    """What is expected of us: ours, the strict answer, the package's."""
    said = vector["expected"]
    places = [vector, said] if isinstance(said, Mapping) else [vector]
    for name in ("expected_ours", "strict_accepts", *names):
        for place in places:
            if isinstance(place.get(name), bool):
                return bool(place[name])
            if name == "expected_ours" and isinstance(place.get(name), str):
                return not _NO.search(place[name])
    raise Differs("the vector does not say what is expected")


def _ours(vector: Vector) -> Any:
    said = vector["expected"]
    return vector.get("expected_ours", said.get("expected_ours") if isinstance(said, Mapping) else None)


def _must_raise(vector: Vector, proof: str) -> bool:
    """Whether the package raised, or ours must."""
    ours, said = _ours(vector), vector["expected"]
    if isinstance(ours, str):
        return bool(_NO.search(ours))
    if isinstance(ours, Mapping):
        return any(_NO.search(str(name)) and ours[name] for name in ours) and proof not in ours
    return proof not in said if ours is None else ours is False


def _same(name: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Differs(f"{name}: ours is {str(ours)[:120]!r}, expected {str(theirs)[:120]!r}")


def jws_sign(vector: Vector, keys: Path) -> None:
    """What we sign is byte for byte what they sign; a signature that is not the same twice is verified."""
    given, expected = vector["input"], vector["expected"]
    key = private_key((keys / f"{vector['key']}.pem").read_text())
    headers = {name.lower(): value for name, value in given["headers"].items()}
    body = given["body"].encode() if isinstance(given["body"], str) else texts.canonical(given["body"])
    uri, method = jws.uri_of(given["url"]), given["method"].upper()
    made = jws.sign(key, method, uri, headers, body)
    parts = json.loads(made["fspiop-signature"])
    ours = {
        "body_utf8": body.decode(), "body_base64url": texts.b64url(body), "fspiop_uri": uri,
        "fspiop_http_method": method, "protected_header_base64url": parts["protectedHeader"],
        "protected_header_json": texts.unb64url(parts["protectedHeader"]).decode(),
        "signature_base64url": parts["signature"], "fspiop_signature": made["fspiop-signature"],
    }  # fmt: skip
    jws.verify([key.public_key()], method, uri, {**headers, **made}, body)
    other = _ours(vector)
    wanted = dict(other) if isinstance(other, Mapping) else dict(expected)
    if isinstance(other, str):
        wanted = {"fspiop_uri": other} if other.startswith("/") else {}
    same_twice = expected.get("deterministic", True) and jws.algorithm_of(key) == "RS256"
    for name in ours.keys() & wanted.keys():
        if name == "fspiop_signature" and same_twice:
            _same(name, json.loads(ours[name]), json.loads(wanted[name]))
        elif (not name.endswith("signature") and name != "signature_base64url") or (
            name == "signature_base64url" and same_twice
        ):
            _same(name, ours[name], wanted[name])
    if other is None and expected.get("fspiop_signature"):
        theirs = {"fspiop-uri": uri, "fspiop-http-method": method, "fspiop-signature": expected["fspiop_signature"]}
        jws.verify([key.public_key()], method, uri, {**headers, **theirs}, body)


def jws_verify(vector: Vector, keys: Path) -> None:
    """We take exactly what a strict receiver must."""
    given = vector["input"]
    headers = {name.lower(): value for name, value in given["headers"].items()}
    known = vector["verify_keys"].get(headers.get("fspiop-source", ""))
    public = public_keys((keys / f"{known}.pub.pem").read_bytes()) if known else []
    try:
        jws.verify(public, given["actual_method"], given["actual_path"], headers, given["body_raw_utf8"].encode())
        accepted, why = True, "accepted"
    except jws.BadSignature as error:
        accepted, why = False, str(error)
    if accepted != _wanted(vector, "sdk_accepts"):
        raise Differs(why)


def ilp_packet(vector: Vector, keys: Path) -> None:
    """Fulfilment, condition and packet are theirs, and read back as they read it."""
    given, expected = vector["input"], vector["expected"]
    version = int(str(vector.get("version", "v1")).removeprefix("v"))
    try:
        transaction = given.get("transactionObject") or ilp.transaction_object(
            given["quoteRequest"], given["quoteResponse"]
        )
        made = ilp.make(version, given["secret"], transaction)
    except (texts.Malformed, KeyError, UnicodeEncodeError) as error:
        if _must_raise(vector, "ilpPacket"):
            return
        raise Differs(f"refused: {error}") from None
    if _must_raise(vector, "ilpPacket"):
        raise Differs("made a packet where none is right")
    wanted = _ours(vector) if isinstance(_ours(vector), Mapping) else expected
    ours = {"fulfilment": made.fulfilment, "condition": made.condition, "ilpPacket": made.packet}
    for name in ours.keys() & wanted.keys():
        _same(name, ours[name], wanted[name])
    packet = ilp.decode(made.packet)
    for name, value in wanted.get("decoded", {}).items():
        if name in (shown := _shown(packet)):
            _same(name, shown[name], value)
    if "recalculated_fulfilment" in wanted:
        _same("again", ilp.fulfilment_again(version, given["secret"], made.packet), wanted["recalculated_fulfilment"])
    if not ilp.is_fulfilled(made.fulfilment, made.condition):
        raise Differs("the fulfilment does not fit the condition")


def _shown(packet: ilp.Packet) -> dict[str, Any]:
    return {
        "amount": str(packet.amount), "account": packet.destination, "destination": packet.destination,
        "data_base64url_text": packet.data.decode(), "executionCondition": texts.b64url(packet.condition),
        "expiresAt": texts.date_time(packet.expires_at) if packet.expires_at else None,
    }  # fmt: skip


def fulfilment(vector: Vector, keys: Path) -> None:
    """Whether a fulfilment fits a condition."""
    given = vector["input"]
    said = ilp.is_fulfilled(given["fulfilment"], given["condition"])
    if said != _wanted(vector, "sdk_valid"):
        raise Differs(f"ours is {said}")


def transfer_vs_packet(vector: Vector, keys: Path) -> None:
    """Whether a packet speaks of a transfer."""
    try:
        why = transfers.contradiction(ilp.decode(vector["input"]["ilpPacket"]), vector["input"])
    except texts.Malformed as error:
        why = str(error)
    if (not why) != _wanted(vector, "sdk_valid"):
        raise Differs(why or "agrees")


def lexical(vector: Vector, keys: Path) -> None:
    """Whether a text has the form of a data type, in both versions."""
    for name, version in (("v1_1", "1.1"), ("v2_0", "2.0")):
        if isinstance(vector.get(name), bool):
            _same(name, texts.fits(vector["schema"], vector["value"], version), vector[name])


KINDS: Mapping[str, Callable[[Vector, Path], None]] = {
    "jws_sign": jws_sign, "jws_verify": jws_verify, "ilp_v1": ilp_packet, "ilp_v4": ilp_packet,
    "fulfilment": fulfilment, "transfer_vs_packet": transfer_vs_packet, "lexical": lexical,
}  # fmt: skip


def check(file: Path, keys: Path) -> tuple[int, list[str]]:
    """(how many passed, what failed) of one file."""
    kind = next((name for name in KINDS if name in file.stem.replace("-", "_")), None)
    if kind is None:
        return 0, [f"{file.name}: of no known kind"]
    passed, failed = 0, list[str]()
    said = json.loads(file.read_text(encoding="utf-8"))
    for number, vector in enumerate(said["vectors"] if isinstance(said, dict) else said):
        try:
            KINDS[kind](vector, keys)
            passed += 1
        except Exception as error:
            name = vector.get("id") or f"{vector.get('schema', '')} {vector.get('value', number)!r}".strip()
            failed.append(f"{name}: {type(error).__name__}: {error}")
    return passed, failed


def main(arguments: list[str] | None = None) -> int:
    """The command. Exit code 1 when anything failed, or there was nothing to do."""
    parser = argparse.ArgumentParser(prog="python -m gateway_mojaloop.vectors", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the vector files")
    parser.add_argument("--keys", type=Path, help="the PEM files of the keys (default: ../keys)")
    given = parser.parse_args(arguments)
    keys = given.keys or given.folder.parent / "keys"
    good = bool(files := sorted(given.folder.glob("*.json")))
    for file in files:
        passed, failed = check(file, keys)
        sys.stdout.write(f"{file.name}: {passed} passed, {len(failed)} failed\n")
        for line in failed:
            sys.stdout.write(f"  {line}\n")
        good &= not failed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
