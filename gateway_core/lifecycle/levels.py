"""Levels of approval: who has agreed to exactly this content, and whose approval is still missing."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ..model.errors import NotPermitted
from ..model.facts import Fact
from ..model.money import Money
from ..model.people import differ
from ..model.roles import Matrix
from ..store.database import Record

# How the reason begins why a payroll is paused until it is approved again.
PAUSED_FOR_APPROVAL = "approval: "
# What was agreed before one of these was agreed to something else, or is used up.
_ANEW = ("proposed", "sent_back", "approved")


@attrs.frozen
class Agreed:
    """One approval. `role` is the level that it was given for ('': any)."""

    by: str
    role: str
    at: int
    note: str


@attrs.frozen
class Approvals:
    """`given` so far, and the roles whose approval is `missing`, in order ('': anybody who may approve)."""

    given: Sequence[Agreed]
    missing: Sequence[str]


def standing(facts: Sequence[Fact], digest: bytes, since: int) -> list[Agreed]:
    """Approvals of this digest that count towards the next one, not older than `since`."""
    begins = max((fact.no for fact in facts if fact.kind in _ANEW), default=0)
    return [
        _agreed(fact) for fact in facts
        if fact.kind == "agreed" and fact.no > begins and fact.at >= since and fact.body.get("digest") == digest.hex()
    ]  # fmt: skip


def _agreed(fact: Fact) -> Agreed:
    return Agreed(fact.source, fact.body.get("role", ""), fact.at, fact.body.get("note", ""))


def next_level(
    row: Record, facts: Sequence[Fact], agreed: Sequence[Agreed], by: str, matrix: Matrix
) -> tuple[str, bool]:
    """The level at which this person approves now, and whether it is the last one.

    Raises MakerIsChecker for who acted on it already, NotPermitted for who has not the role of the next level.
    """
    for fact in facts:
        if fact.kind == "proposed":
            differ(fact.source, by, "proposed this payroll")
    for one in agreed:
        differ(one.by, by, "approved this payroll already")
    total = Money(row.total, row.currency)
    missing = left(matrix.needed(total), agreed)
    if not missing:
        # The levels were lowered since: whoever comes next closes the round.
        return "", True
    if not matrix.is_a(by, missing[0]):
        raise NotPermitted(f"{by!r} is no {missing[0]}; a payroll of {total} needs the approval of one now")
    return missing[0], len(missing) == 1


def left(needed: Sequence[str], agreed: Sequence[Agreed]) -> list[str]:
    """The levels that are not given yet, in order."""
    missing = list(needed)
    for one in agreed:
        if one.role in missing:
            missing.remove(one.role)
    return missing


def approvals(row: Record, facts: Sequence[Fact], digest: bytes, since: int, matrix: Matrix) -> Approvals:
    """Who approved, and who must: of the present round, or of the last one where nothing waits."""
    given = standing(facts, digest, since)
    if row.state in ("draft", "awaiting_approval") or row.paused.startswith(PAUSED_FOR_APPROVAL):
        return Approvals(given, left(matrix.needed(Money(row.total, row.currency)), given))
    last = next((fact for fact in reversed(facts) if fact.kind == "approved"), None)
    if last is None:
        return Approvals([], [])
    before = [fact for fact in facts if fact.kind == "agreed" and fact.source in last.body.get("agreed", ())]
    return Approvals([*map(_agreed, before), _agreed(last)], [])
