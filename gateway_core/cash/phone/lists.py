"""A pay list on its way to a phone: `manifest.json`, `list.json`, `lines.jsonl`, and `signature.json`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ...model.identity import canonical
from ..pay_list import LINES as MOST
from ..pay_list import STATUS, Alternate, ListLine, PayList
from ..record_json import LINE, hexadecimal, text, whole
from .limits import LINES, SMALL, refused
from .signed import Signed, open_signed, read_manifest, write_signed

FORMAT = "gateway-core pay list 1"
# (reader, whether it must be there) by name.
_Fields: TypeAlias = Mapping[str, tuple[Callable[[Any], Any], bool]]
_PARTS = {"list.json": SMALL, "lines.jsonl": LINES}


def write_list(path: Path, pay_list: PayList, key: Ed25519PrivateKey | None) -> None:
    """Write it as a ZIP: the same list is the same bytes, whenever it is written."""
    sums = pay_list.sums
    manifest = {
        "format": FORMAT, "deployment": pay_list.deployment, "environment": pay_list.environment, "list": pay_list.id,
        "status": pay_list.status, "count": sums.count, "total": sums.total, "digest": sums.digest,
    }  # fmt: skip
    head = attrs.asdict(pay_list, filter=lambda field, value: field.name != "lines" and value != "", recurse=False)
    lines = (canonical(_line(line)) + b"\n" for line in pay_list.lines)
    write_signed(path, manifest, [("list.json", [canonical(head)]), ("lines.jsonl", lines)], [], key)


def _line(line: ListLine) -> dict[str, Any]:
    return attrs.asdict(line, filter=lambda _, value: value not in ("", ()))


def read_list(path: Path) -> tuple[PayList, str]:
    """(the list, the signer's public key in base64 or ''), as a phone reads it. Raises ParcelRefused, OSError.

    A phone takes a list only when the signer is the office's key that it was given beforehand.
    """
    with open_signed(path, FORMAT, _PARTS) as signed:
        said = read_manifest(signed.manifest, _MANIFEST)
        head = _head(signed)
        pay_list = PayList(**_UNNAMED | head, lines=tuple(_lines(signed)))
        sums = pay_list.sums
        if (sums.count, sums.total, sums.digest) != (said["count"], said["total"], said["digest"]):
            raise refused("wrong_sums", "digest", "is not over the lines")
        if (pay_list.id, pay_list.status, pay_list.deployment, pay_list.environment) != tuple(
            said[name] for name in ("list", "status", "deployment", "environment")
        ):
            raise refused("broken_manifest", "list", "is not the list of list.json")
        return pay_list, signed.signer


def _head(signed: Signed) -> dict[str, Any]:
    with signed.parts.open("list.json") as part:
        said = _json("list.json", part.read(SMALL))
    return _read("list.json", said, _HEAD)


def _lines(signed: Signed) -> Iterator[ListLine]:
    for n, line in enumerate(signed.lines("lines.jsonl", LINE), 1):
        if n > MOST:
            raise refused("too_large", "lines.jsonl", f"has more than {MOST:,} lines")
        found = _read(f"line {n}", _json(f"line {n}", line), _LINE)
        if found["number"] != n:
            raise refused("broken", f"line {n}", "is not in its place")
        yield ListLine(**{"name": ""} | found)


def _json(where: str, data: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(data)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise refused("broken", where, "is no JSON object")
    return said


def _read(where: str, said: Mapping[str, Any], fields: _Fields) -> dict[str, Any]:
    found = {}
    for name, (read, needed) in fields.items():
        if not needed and name not in said:
            continue
        try:
            found[name] = read(said[name])
        except (ValueError, TypeError, KeyError) as error:
            raise refused("broken", where, f"{name}: {error}") from None
    if unknown := set(said) - set(fields):
        raise refused("broken", where, f"{min(unknown)[:40]} is no field of it")
    return found


def _one_of(*values: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in values:
            raise ValueError(f"is none of {', '.join(values)}")
        return str(value)

    return read


def _days(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= 366:
        raise ValueError("is no list of days")
    return tuple(text(day) for day in value)


def _alternates(value: Any) -> tuple[Alternate, ...]:
    if not isinstance(value, list) or len(value) > 20:
        raise ValueError("is no list of at most 20 people")
    return tuple(Alternate(**{name: _said(given) for name, given in dict(one).items()}) for one in value)


def _said(value: Any) -> str:
    """Whatever an approved payroll has: what is refused in it was refused when it was proposed."""
    if not isinstance(value, str) or len(value) > LINE:
        raise ValueError("is no text")
    return value


# Fields that a list may have empty, and then leaves out.
_UNNAMED = {"payroll_name": "", "point_name": ""}


_MANIFEST: Mapping[str, Callable[[Any], Any]] = {
    "deployment": _said, "environment": _one_of("test", "live"), "list": text, "status": _one_of(*STATUS),
    "count": whole(0), "total": whole(0), "digest": hexadecimal,
}  # fmt: skip
_HEAD: _Fields = {
    "id": (text, True), "number": (whole(1), True), "payroll": (text, True), "payroll_name": (_said, False),
    "point": (text, True), "point_name": (_said, False), "days": (_days, True), "currency": (text, True),
    "status": (_one_of(*STATUS), True), "manager": (_said, False), "replaces": (text, False),
    "deployment": (text, False), "environment": (_one_of("test", "live"), True),
}  # fmt: skip
_LINE: _Fields = {
    "number": (whole(1), True), "payment": (text, True), "invoice": (text, True), "beneficiary": (text, True),
    "name": (_said, False), "amount": (whole(1), True), "code": (text, True), "note": (_said, False),
    "alternates": (_alternates, False),
}  # fmt: skip
