"""What a rail proves by not knowing a payment: nothing for long, then that no copy of it can happen any more."""

from __future__ import annotations

from .facts import Fact
from .step import Step


def first(known: int, at: int) -> int:
    """Since when. A clock that was ahead and was put right does not make a patience longer."""
    return min(known or at, at)


def outlived(step: Step, not_found_at: int) -> bool:
    """One copy was refused, no other can still land (the rail's longest request life has passed), asking finds none.

    Two "not found" in a row, and the earlier one after that life: the later question was asked when nothing could land.
    """
    life_of_a_request = int(step.body.get("longest_request", 0))
    return bool(step.refused_in_doubt and life_of_a_request and not_found_at > step.copied_at + life_of_a_request)


def gone(step: Step, fact: Fact) -> bool:
    """The rail refuses what is expired, and has said twice since, `settle` apart, that it never took any copy.

    It said so at times of its own which lie behind the expiry, too: a clock that is wrong on one side proves nothing.
    """
    if not step.expires or fact.at <= step.expires or not fact.body.get("expired"):
        return False
    step.gone_since = first(step.gone_since, fact.at)
    return step.gone_since < fact.at and fact.at - step.gone_since >= int(step.body.get("settle", 0))
