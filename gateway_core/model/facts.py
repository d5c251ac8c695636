"""Facts: immutable, dated statements about a payment or a payroll, by a named source (law 7).

The kinds about a payment, in the order in which they usually come:

| kind | value | meaning |
|---|---|---|
| intent | sent, withheld | a step's request is fixed and may go from now on; withheld: a restored store asks first |
| copy | | the same bytes are about to go again |
| unsent | exception's name | that copy provably never left |
| answer | done, refused, not_taken, returned | a definite answer to this key |
| word | waiting, unknown, not_found, heard | an indefinite answer, silence, or an unauthenticated callback |
| outcome | paid, refused | what the flow made of the answers |
| ended | reason | the attempt ended before any money intent; the next begins |
| hold | reason | only people can release it |
| release | ready, pending, paid, refused, returned, cancelled | two people decided |
| retry | | an officer asks for attempt n+1 of a refused payment |
| cancelled | | withdrawn before any money intent |
| restored | | the store was restored: ask before the first send |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

# Where an answer came from, and how much it weighs. A release or a ranked fact below ASKED never settles a payment.
SOURCES = ("ask", "find_out", "callback", "reconcile", "flow", "driver", "officer")


@attrs.frozen
class Fact:
    """`no` counts a payment's facts from 1; `at` is UTC in microseconds; `attempt` counts from 1.

    `step` is the ask's name, `key` its idempotency key, `body` what replay and people need (never a secret).
    """

    no: int
    at: int
    kind: str
    value: str = ""
    source: str = "driver"
    attempt: int = 1
    step: str = ""
    key: str = ""
    body: Mapping[str, Any] = attrs.field(factory=dict)
