"""Everything that a file of ISO 20022 says, as one tree of texts: for looking at it, and for comparing readers."""

from __future__ import annotations

from typing import Any, BinaryIO

from .reading.iso import parts
from .reading.safe import LARGEST


def extracted(file: BinaryIO, largest: int = LARGEST) -> dict[str, Any]:
    """The tree: of a statement its statements, of a report its batches. In memory; raises reading.safe.Refused."""
    stream = parts(file, largest, full=True)
    _, whole = next(stream)
    known = {name: said for name, said in whole.items() if not name.startswith("_")}
    if known["kind"] == "pain.002":
        return _report(known, stream)
    return {**known, "statements": _statements(stream)}


def _report(whole: dict[str, Any], stream: Any) -> dict[str, Any]:
    batches: list[dict[str, Any]] = []
    for kind, said in stream:
        said = {name: value for name, value in said.items() if not name.startswith("_")}
        if kind == "report":
            whole |= said
        elif kind == "batch":
            batches.append({**said, "transactions": []})
        elif kind == "transaction":
            batches[-1]["transactions"].append(said)
    return {**whole, "payment_infos": batches}


def _statements(stream: Any) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = []
    for kind, said in stream:
        match kind:
            case "statement":
                statements.append({**said, "balances": [], "entries": []})
            case "balance":
                statements[-1]["balances"].append(said)
            case "entry":
                statements[-1]["entries"].append({**said, "additional_info": None, "details": []})
            case "details":
                statements[-1]["entries"][-1]["details"].append({"batch": said["batch"], "transactions": []})
            case "transaction":
                statements[-1]["entries"][-1]["details"][-1]["transactions"].append(said)
            case "closed":
                statements[-1]["entries"][-1] |= said
    return statements
