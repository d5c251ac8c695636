"""The life of a payment that is a line of a file: no flow goes on after the bank's word, which settles it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .facts import Fact
    from .life import Life, Step

SETTLES = {"done": "paid", "refused": "refused"}


def settled(life: Life, fact: Fact) -> None:
    """A definite answer about this line. One that people hold stays with them: they see what the bank said."""
    if not life.settled:
        life.state = SETTLES.get(fact.value, life.state)
        life.reference = str(fact.body.get("reference", "")) or life.reference
        life.reason = str(fact.body.get("reason", ""))


def paid_again(life: Life, step: Step, fact: Fact) -> bool:
    """Whether the bank booked it a second time: both times with a reference of its own, and they differ; twice in one
    entry, or as a line of a file that it booked whole a second time; or, once its money came back, with the first
    reference that was heard.

    Of a line that two people called paid, or that the bank spoke of as returned first, this is its first word. A
    booking with a reference after one without may be the same: the next one is held against it.
    """
    if fact.body.get("again"):
        return True
    if step.verdict != "done" or step.answer is None:
        step.verdict, step.answer = fact.value, fact
        return False
    before, now = (str(said.body.get("reference", "")) for said in (step.answer, fact))
    if now and not before:
        step.answer = fact
        return life.state == "returned"
    return bool(before and now and before != now)
