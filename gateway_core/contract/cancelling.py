"""Asking the bank to cancel what it has: lines of a file, or all of it. The request is a file of its own.

It moves nothing. What the bank answers comes as lines of its files like everything else, with `cancellation` set:

    accepted    with `Refused`: the line never will be carried out
    rejected    with `Unknown`: the bank does not cancel; the line lives on as it was
    pending     with `Waiting`: it has not decided
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import BinaryIO

import attrs

ACCEPTED, REJECTED, PENDING = "accepted", "rejected", "pending"
ANSWERS = ("", ACCEPTED, REJECTED, PENDING)


@attrs.frozen
class Cancelling:
    """What the bank is to cancel. `keys`: line keys of the file, in its order; none for all of it.

    `name` is the file's, `open()` gives its bytes as they were handed over. `ident`: 15 of A-Z and 0-9, of this request
    alone. `code`: one of `cancel_codes()`. `at`: when it was asked for, UTC.
    """

    name: str
    keys: Sequence[str]
    code: str
    ident: str
    at: datetime
    open: Callable[[], BinaryIO] = attrs.field(repr=False)


@attrs.frozen
class CancelRequest:
    """The file that asks for it. `name` as a `Document`'s: the bank's for it, never used twice."""

    name: str
    content: bytes = attrs.field(repr=False)
