"""The state tables as diagrams (mermaid), for `docs/states.md`: drawn from the tables, so they cannot lag behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .states import DOCUMENT, PAYMENT, PAYROLL

Table = Mapping[str, frozenset[str]]


def payment() -> str:
    """The life of a payment."""
    return diagram(PAYMENT, "planned")


def payroll() -> str:
    """The life of a payroll."""
    return diagram(PAYROLL, "draft")


def document() -> str:
    """The life of a file."""
    return diagram(DOCUMENT, "planned")


def diagram(table: Table, first: str) -> str:
    """A mermaid state diagram: every edge of the table, in the table's order. It ends where no edge leaves."""
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in _edges(table, first))])


def _edges(table: Table, first: str) -> Iterator[str]:
    yield f"[*] --> {first}"
    for state, following in table.items():
        for other in (name for name in table if name in following):
            yield f"{state} --> {other}"
        if not following:
            yield f"{state} --> [*]"
