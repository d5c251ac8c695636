"""What comes late: an answer to an attempt that is over, or to a payment that is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import line

if TYPE_CHECKING:
    from .facts import Fact
    from .life import Life
    from .step import Step

# Nothing of it was paid, as far as was known.
NOT_PAID = ("refused", "cancelled")


def answered(life: Life, step: Step | None, fact: Fact) -> None:
    """A definite answer. `step` is None where the attempt that it is about is over."""
    if not fact.body.get("moves_money", True):
        return
    if fact.value == "returned":
        _returned(life, step, fact)
    elif fact.value == "done" and life.state in NOT_PAID:
        _paid_after_all(life, step, fact)
    elif step is None:
        _former(life, fact)
    elif step.document and fact.value == "done" and life.state in ("paid", "returned"):
        if line.paid_again(life, step, fact):
            life.cases.append(("paid_twice", fact.attempt))
        elif _paid_again(life, fact):
            life.cases.append(("contradiction", fact.attempt))
    elif (fact.value == "refused" and life.state == "paid") or _paid_again(life, fact):
        life.cases.append(("contradiction", fact.attempt))


def carried_out(life: Life, fact: Fact) -> None:
    """The rail says that it carries out what it had refused, or what was tried anew since: people must look."""
    over, case = fact.attempt != life.attempt or life.state in NOT_PAID, ("contradiction", fact.attempt)
    if over and case not in life.cases:
        life.cases.append(case)


def _former(life: Life, fact: Fact) -> None:
    """An earlier attempt was paid, while a later one lives."""
    if fact.value == "done":
        life.cases.append(("possible_double_payment", fact.attempt))
        if not life.settled:
            life.state, life.reason = "held", "possible double payment: an earlier attempt was paid after all"


def _returned(life: Life, step: Step | None, fact: Fact) -> None:
    """The money came back. Where it was never known to have left, that is remembered for when it is."""
    if life.state == "paid" and (step is not None or fact.attempt == life.paid_late):
        life.state, life.reason = "returned", str(fact.body.get("reason", "returned"))
    elif life.state in NOT_PAID:
        life.came_back.add(fact.attempt)
        life.cases.append(("contradiction", fact.attempt))


def _paid_after_all(life: Life, step: Step | None, fact: Fact) -> None:
    """It was refused, and was paid. If the return of that money was heard before, it is back already."""
    life.cases.append(("possible_double_payment", fact.attempt))
    life.paid_late = fact.attempt
    life.reference = life.reference or str(fact.body.get("reference", step.key if step else ""))
    if fact.attempt in life.came_back:
        life.state, life.reason = "returned", "its return was heard before it was known as paid"
    else:
        life.state = "paid"
    if step is not None and step.document:
        # The next booking of it is held against this one.
        step.verdict, step.answer = fact.value, fact


def _paid_again(life: Life, fact: Fact) -> bool:
    """We have it as returned, and the rail, asked now, as paid. (A callback may only be late.)"""
    return life.state == "returned" and fact.value == "done" and fact.source == "reconcile"
