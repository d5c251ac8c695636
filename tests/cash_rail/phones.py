"""Officers' phones: each writes a chain of records and sends what it has whenever it can."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import attrs

from gateway_core.cash.record import FIRST, NOT_COLLECTED, PAID, PhotoRef, Position, ProofRecord, as_json, sealed
from gateway_core.model.identity import canonical
from gateway_core.store.clock import now_us

AT = now_us()


@attrs.define
class Phone:
    """One device of one officer, offline."""

    device: str = "phone-1"
    officer: str = "grace"
    records: list[ProofRecord] = attrs.field(factory=list)

    def pay(self, paper: dict[str, Any], line: int, **changes: Any) -> ProofRecord:
        """Pay a line of a list (its JSON), with a photograph of its own."""
        about = f"{self.device} {len(self.records)} {line}".encode()
        photo = PhotoRef(sha256=hashlib.sha256(about).hexdigest(), format="jpeg")
        return self._record(paper, line, {"kind": PAID, "photo": photo, **changes})

    def miss(self, paper: dict[str, Any], line: int) -> ProofRecord:
        """Nobody came for a line."""
        return self._record(paper, line, {"kind": NOT_COLLECTED, "amount": 0, "reason": "absent"})

    def _record(self, paper: dict[str, Any], line: int, changes: dict[str, Any]) -> ProofRecord:
        one = paper["lines"][line - 1]
        known = {
            "device": self.device, "number": len(self.records) + 1, "officer": self.officer,
            "previous": self.records[-1].hash if self.records else FIRST, "list": paper["id"], "line": line,
            "payment": one["payment"], "invoice": one["invoice"], "amount": one["amount"],
            "currency": paper["currency"], "at": AT + len(self.records), "position": Position(latitude=1, longitude=1),
        }  # fmt: skip
        self.records.append(sealed(ProofRecord(**(known | changes))))
        return self.records[-1]

    def sends(self, first: int = 1, last: int | None = None) -> bytes:
        """Records from one number to another, as they are sent."""
        return b"".join(canonical(as_json(record)) + b"\n" for record in self.records[first - 1 : last])


def papers(outbox: Path) -> list[dict[str, Any]]:
    """The lists that lie in the outbox."""
    return [json.loads(file.read_bytes()) for file in sorted(outbox.glob("PAYLIST-*.json"))]
