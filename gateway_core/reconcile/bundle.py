"""An evidence bundle: all that proves one payroll, in one archive that is checked without the database.

manifest.json    what the bundle is, and the SHA-256 of every other part
signature.json   an Ed25519 signature over the bytes of the manifest, where the configuration has a signing key
payroll.json     its row                          payments.jsonl     its lines, as they were approved
facts.jsonl      the journal: proposals, approvals with signatures, requests (without secrets), answers, decisions
arrivals.jsonl   callbacks, as they came           statements.jsonl, lines.jsonl    what files say
cases.jsonl      disputes.jsonl      explanations.jsonl      documents.jsonl      heads.jsonl
lists.jsonl      proofs.jsonl        cash: lists that were counted and sealed, records of phones with their decisions
files/SHA256     the files themselves, as they were given or came from a bank
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..store import Store, files, payments, payrolls, proofs, statements
from ..store import cash_tables as c
from ..store import document_tables as d
from ..store import statement_tables as s
from ..store import tables as t
from ..store.database import Record, now_us

FORMAT = "gateway-core evidence bundle 1"
MESSAGE = b"gateway_core bundle v1\n"
PAGE = 500
# A bundle of the same payroll is the same bytes, but for its manifest: parts carry no time of their own.
EPOCH = (1980, 1, 1, 0, 0, 0)


def write(store: Store, payroll: str, path: Path, key: Ed25519PrivateKey | None) -> int:
    """Write the bundle of a payroll; it appears whole, or not at all. Returns how many parts it has."""
    part = path.with_name(f".{path.name}.part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            count = _fill(archive, store, payroll, key)
        part.replace(path)
        return count
    finally:
        part.unlink(missing_ok=True)


def _fill(archive: zipfile.ZipFile, store: Store, payroll: str, key: Ed25519PrivateKey | None) -> int:
    with store.read() as connection:
        row = payrolls.get(connection, payroll)
    parts: dict[str, dict[str, Any]] = {}
    for name, pieces in _parts(store, row):
        parts[name] = _add(archive, name, pieces)
    manifest = {
        "format": FORMAT, "store": store.identity, "deployment": store.deployment, "environment": store.environment,
        "payroll": row.id, "name": row.name, "state": row.state, "made_at": now_us(), "parts": parts,
    }  # fmt: skip
    data = json.dumps(manifest, sort_keys=True, indent=1).encode()
    _add(archive, "manifest.json", [data])
    if key is not None:
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        said = {"key": base64_text(public), "signature": base64_text(key.sign(MESSAGE + data))}
        _add(archive, "signature.json", [json.dumps(said).encode()])
    return len(parts)


def base64_text(raw: bytes) -> str:
    """Keys and signatures as text."""
    return base64.b64encode(raw).decode()


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    with archive.open(info, "w", force_zip64=True) as part:
        for piece in pieces:
            part.write(piece)
            digest.update(piece)
            size += len(piece)
    return {"sha256": digest.hexdigest(), "size": size}


def _parts(store: Store, row: Record) -> Iterator[tuple[str, Iterable[bytes]]]:
    """(name, bytes piece by piece) of every part."""
    with store.read() as connection:
        given = [one for one in statements.listed(connection) if row.id in statements.payrolls_of(one)]
        documents = _rows(connection, sa.select(d.documents).where(d.documents.c.payroll == row.id))
        cases = _rows(connection, sa.select(t.cases).where(t.cases.c.payroll == row.id).order_by(t.cases.c.id))
        disputes = _rows(connection, sa.select(s.disputes).where(s.disputes.c.payroll == row.id))
        explained = _rows(connection, sa.select(s.explanations).where(s.explanations.c.payroll == row.id))
        heads = _rows(connection, sa.select(t.heads).order_by(t.heads.c.id))
        channels = sorted(payrolls.channels_of(row))
        banks = _rows(connection, sa.select(d.answers).where(d.answers.c.channel.in_(channels)))
        of = c.lists.c.document.in_([one["id"] for one in documents])
        lists = _rows(connection, sa.select(c.lists).where(of).order_by(c.lists.c.document))
    subjects = [row.id, *(one["id"] for one in (*documents, *disputes, *lists)), *(one.id for one in given)]
    yield "payroll.json", [_json(_dict(row))]
    yield "payments.jsonl", (_json(_dict(line)) for page in _pages(store, row) for line in page)
    yield "facts.jsonl", _facts(store, row, subjects)
    yield "arrivals.jsonl", _arrivals(store, row)
    yield "statements.jsonl", map(_json, map(_dict, given))
    yield "lines.jsonl", (_json(_dict(n)) for one in given for page in statements.pages(store, one.id) for n in page)
    for name, rows in (
        ("documents", documents), ("cases", cases), ("disputes", disputes), ("explanations", explained),
        ("heads", heads), ("answers", banks), ("lists", lists),
    ):  # fmt: skip
        yield f"{name}.jsonl", map(_json, rows)
    yield "proofs.jsonl", _proofs(store, documents)
    kept = {one.sha256 for one in given} | {str(one["sha256"]) for one in (*documents, *banks)}
    for sha256 in sorted(kept):
        yield f"files/{sha256}", files.read(store, sha256)


def _pages(store: Store, row: Record) -> Iterator[list[Record]]:
    return payments.pages(store.read, row.id, PAGE)


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> list[dict[str, Any]]:
    return [_dict(row) for row in connection.execute(query)]


def _dict(row: Any) -> dict[str, Any]:
    named = row._mapping if hasattr(row, "_mapping") else row._asdict()
    return {str(name): _plain(value) for name, value in named.items()}


def _plain(value: Any) -> Any:
    return bytes(value).hex() if isinstance(value, bytes | memoryview | bytearray) else value


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str).encode() + b"\n"


def _facts(store: Store, row: Record, subjects: list[str]) -> Iterator[bytes]:
    f = t.facts.c
    own = sa.select(t.facts).where(f.payment == "", f.payroll.in_(subjects)).order_by(f.payroll, f.no)
    with store.read() as connection:
        facts = list(connection.execute(own))
    yield from (_json(_dict(fact)) for fact in facts)
    for page in _pages(store, row):
        ids = [line.id for line in page]
        with store.read() as connection:
            facts = list(connection.execute(sa.select(t.facts).where(f.payment.in_(ids)).order_by(f.payment, f.no)))
        yield from (_json(_dict(fact)) for fact in facts)


def _proofs(store: Store, documents: list[dict[str, Any]]) -> Iterator[bytes]:
    """Records of officers' phones about its lists, with what a checker decided. (Photographs lie elsewhere.)"""
    for document in documents:
        after = ""
        while True:
            with store.read() as connection:
                page = proofs.of_list(connection, document["id"], after, PAGE)
            if not page:
                break
            after = page[-1].id
            yield from (_json(_dict(one)) for one in page)


def _arrivals(store: Store, row: Record) -> Iterator[bytes]:
    """Callbacks about its payments' keys: when, authentic or not, and the body. (Headers may carry a token.)"""
    f, a, b = t.facts.c, t.arrivals.c, t.blobs.c
    for page in _pages(store, row):
        keys = sa.select(f.key).where(f.payment.in_([line.id for line in page]), f.kind == "intent", f.key != "")
        query = (
            sa.select(a.id, a.channel, a.at, a.key, a.authentic, a.state, a.times, b.body)
            .join(t.blobs, b.digest == a.blob)
            .where(a.key.in_(keys))
            .order_by(a.id)
        )
        with store.read() as connection:
            found = list(connection.execute(query))
        yield from (_json(_dict(one)) for one in found)
