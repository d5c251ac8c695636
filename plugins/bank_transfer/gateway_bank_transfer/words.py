"""What a bank's file says, in words that are the same for every format: about a line, a whole file, or nothing of ours.

Readers make words, `facts` makes of them what the core is told, `book` a picture of one file's lines.
"""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """One thing that a file says.

    scope: line (one payment), batch (a whole file of ours), rest (every line of it that was not named).
    says: submitted, pending, accepted, executing, settled, credited, rejected, cancelled, duplicate, booked, returned,
    noted; or review: people must look, `why` says at what. None of ours: foreign.
    group: the entry it belongs to; what is found wrong of an entry at its end (`Held`) turns its words into reviews.
    cancellation: of an answer to a request to cancel, what it says of it: accepted, rejected, pending.
    e2e .. pmt_inf: ids as the file quotes them. reference: the bank's own. amount, currency: as they stand there.
    """

    scope: str
    says: str
    group: int = 0
    e2e: str = ""
    instr: str = ""
    uetr: str = ""
    msg_id: str = ""
    pmt_inf: str = ""
    reference: str = ""
    amount: str | None = None
    currency: str | None = None
    lines: int | None = None
    reason: str = ""
    text: str = ""
    why: str = ""
    cancellation: str = ""


class Held(NamedTuple):
    """Entry `group` must not be believed, found at its end."""

    group: int
    why: str


class Stated(NamedTuple):
    """A statement of an account, told at its end: who, which, and whether it is in balance (None: it does not say)."""

    account: str
    ident: str
    sequence: str
    opening: tuple[str, str, str] | None
    closing: tuple[str, str, str] | None
    at: str
    balanced: bool | None
    ours: bool
    final: bool
    why: str = ""
