"""Proofs of pay-outs by hand: what a record of an officer's phone says about a line, before and after it is settled.

A proof settles nothing alone: the line stays pending until a checker accepts it. But money that somebody may have in
hand is never paid again, so a proof that cannot be true beside what is known already opens a case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .states import UNPAID

if TYPE_CHECKING:
    from .facts import Fact
    from .life import Life, Step

DOUBLE = "possible_double_payment"


def heard(life: Life, step: Step | None, fact: Fact) -> None:
    """A word that brings a record, or takes one back. Notes it, and the case that it opens."""
    if rejected := str(fact.body.get("proof_rejected", "")):
        if step is not None and rejected in step.proofs:
            step.proofs.remove(rejected)
    elif fact.body.get("proof"):
        others = step is not None and bool(step.proofs) and fact.key not in step.proofs
        if step is None or others or life.state in UNPAID:
            life.cases.append((DOUBLE, fact.attempt))
        if step is not None and fact.key not in step.proofs:
            step.proofs.append(fact.key)


def late_case(value: str) -> str:
    """The kind of case that a fact about a closed payroll opens."""
    return DOUBLE if value == "proof" else f"late_{value}"
