"""Which payment of ours a line from outside names: one rule for banks' files, providers' statements, officers' lists.

    by reference    the rail gave it to one payment of ours
    by our ids      a key, a payment's id, an invoice's
    as a proposal   the only payment with this account, this amount and this date: a person decides

Nothing is guessed: what names none, or several, or two different ones, is told with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import attrs

# A payment and the attempt of it that is meant.
Hit: TypeAlias = tuple[str, int]
SEVERAL_REFERENCES = "several lines of ours have this reference"
NO_KEY = "no line of ours has this key"
NO_NAME = "it names no line of ours"


@attrs.frozen
class Found:
    """The one payment that is named, and by what: reference, id or proposed."""

    payment: str
    attempt: int
    how: str


def nobody() -> Sequence[Hit]:
    """No payment is looked for by what it looks like."""
    return ()


def find(
    ids: Sequence[Hit] | None, references: Sequence[Hit] | None, alike: Callable[[], Sequence[Hit]] = nobody,
    *, own_references: bool = False,
) -> Found | str:  # fmt: skip
    """The payment, or why there is none. None: the line gives no id, or no reference.

    `own_references`: the rail gives each payment a reference of its own, so that one which contradicts our id is no
    slip. (A bank may give a whole file one reference: there our key decides.)
    """
    by_id, by_reference = list(dict.fromkeys(ids or ())), list(dict.fromkeys(references or ()))
    both = [hit for hit in by_reference if hit in by_id]
    if own_references and by_id and by_reference and not both:
        return f"its reference is that of payment {by_reference[0][0]}, its id that of payment {by_id[0][0]}"
    if both and (own_references or len(by_id) > 1):
        return Found(*both[0], "reference") if len(both) == 1 else SEVERAL_REFERENCES
    if ids is not None:
        return Found(*by_id[0], "id") if len(by_id) == 1 else NO_KEY if not by_id else "several of ours have this id"
    if by_reference:
        return Found(*by_reference[0], "reference") if len(by_reference) == 1 else SEVERAL_REFERENCES
    similar = list(dict.fromkeys(alike()))
    if len(similar) > 1:
        return f"{len(similar)} payments have this account, amount and date"
    return Found(*similar[0], "proposed") if similar else NO_NAME
