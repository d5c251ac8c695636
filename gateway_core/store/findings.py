"""What a verification found: plain sentences, bounded in number, and how to show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import attrs

from ..model.facts import Fact
from .database import Record

# A store of which every row was altered is as broken as one with this many findings.
LISTED = 500


@attrs.define
class Verification:
    """`findings` are contradictions: each one sentence that names its payroll, payment or row. `notes` are none.

    `more` counts findings beyond those listed.
    """

    findings: list[str] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    more: int = 0
    sessions: int = 0
    facts: int = 0
    payrolls: int = 0
    payments: int = 0

    @property
    def ok(self) -> bool:
        """Nothing contradicts anything."""
        return not self.findings

    def found(self, sentence: str) -> None:
        """Add a finding."""
        if len(self.findings) < LISTED:
            self.findings.append(sentence)
        else:
            self.more += 1

    def note(self, sentence: str) -> None:
        """Add what a reader should know but contradicts nothing."""
        self.notes.append(sentence)

    def lines(self) -> list[str]:
        """The verification for people, a line each."""
        checked = (
            f"checked {self.facts:,} facts in {self.sessions:,} sessions, "
            f"{self.payments:,} payments in {self.payrolls:,} payrolls"
        )
        lines = [checked, *(f"FOUND: {finding}" for finding in self.findings)]
        if self.more:
            lines.append(f"FOUND: {self.more:,} more like these")
        lines += [f"note: {note}" for note in self.notes]
        if self.ok:
            return [*lines, "every chain is whole, and every state follows from its facts"]
        return [
            *lines,
            f"{len(self.findings) + self.more:,} findings: pay nothing from this store until each is explained",
        ]


def miscounted(row: Record, facts: Sequence[Record | Fact]) -> str:
    """What is wrong with the numbers of a row's own facts, or ''."""
    if [fact.no for fact in facts] == list(range(1, row.facts + 1)):
        return ""
    return f"the table counts {row.facts} facts, the journal has {len(facts)}"


def shown_time(us: int) -> str:
    """UTC microseconds for people; an altered row may hold anything."""
    try:
        return datetime.fromtimestamp(us / 1_000_000, UTC).isoformat(sep=" ", timespec="seconds")
    except (ValueError, OverflowError, OSError, TypeError):
        return f"time {us!r}"


def shown_row(row: Record) -> str:
    """A row of the journal for people: "row 7 (payment 1f.., outcome paid, 2026-11-03 10:00:00+00:00)"."""
    about = f"payment {row.payment}" if row.payment else f"payroll {row.payroll}"
    said = f"{row.kind} {row.value}".strip()
    return f"row {row.n} ({about}, {said}, {shown_time(row.at)})"
