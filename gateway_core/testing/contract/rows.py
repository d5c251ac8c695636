"""The tour: payments that all go at once, each with a story of its own on the wire.

Each law looks at the rows that are about it. What a row is called is its invoice, and what a failure calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs

from ...contract.gateway import Capabilities
from ..behaviours import MAGIC_AMOUNTS
from . import faults as f
from .laws import always
from .proxy import Fault

Calls: TypeAlias = Literal["pass", "as answers"]


@attrs.frozen
class Row:
    """One payment. `sample`: what the simulator is asked to do with it; "" is to pay it at once.

    `answer` is what happens to the first copy of the ask that moves money, `later` to further ones, `questions` to
    each question about it. `calls`: which callbacks get through: all, or only those that answer a question.
    """

    name: str
    sample: str = ""
    answer: Fault = f.honest
    later: Fault = f.honest
    questions: Fault = f.honest
    calls: Calls = "pass"
    applies: Callable[[Capabilities], bool] = always


def finds_out(c: Capabilities) -> bool:
    """The rail can be asked."""
    return c.finds_out


def calls_back(c: Capabilities) -> bool:
    """The rail calls back."""
    return c.callbacks


def dedupes(c: Capabilities) -> bool:
    """The same key moves money once."""
    return c.dedupes


def sends_again(c: Capabilities) -> bool:
    """The core may send the same bytes again."""
    return c.dedupes and c.finds_out


def _taken(name: str, answer: Fault, sample: str = "") -> Row:
    """The rail has it, and our side does not learn so until it asks."""
    return Row(name, sample, answer, calls="as answers")


PLAIN = (Row("plain-1"), Row("plain-2"), Row("plain-3"))
REFUSED = Row("refused", "refused")
PENDING_PAID = Row("pending, then paid", "pending-then-paid")
PENDING_REFUSED = Row("pending, then refused", "pending-then-refused")
PENDING_FOR_EVER = Row("pending for ever", "pending-for-ever")
# The rail took it and paid; what came back says nothing of the kind.
TAKEN = (
    _taken("answer lost", f.answer_lost),
    _taken("reset", f.reset),
    _taken("no answer", f.silence),
    _taken("half an answer", f.truncated),
    _taken("an answer that drips", f.dripped),
)
REFUSED_UNHEARD = _taken("refused, answer lost", f.answer_lost, "refused")
# What somebody on the way says about a payment that the rail took and paid.
STRANGE = (
    _taken("paid, then 500", f.instead(500)),
    _taken("paid, then 404", f.instead(404)),
    _taken("paid, then 409", f.instead(409)),
    _taken("paid, then a page", f.instead(200)),
)
NEVER_CAME = Row("request lost", answer=f.request_lost)
TWICE = Row("delivered twice", answer=f.twice, applies=dedupes)
LATE = Row("delivered late", answer=f.late, later=f.then_the_late_one, applies=sends_again)
BY_CALLBACK = Row("told by callback", answer=f.answer_lost, questions=f.unheard, applies=calls_back)

ROWS = (
    *PLAIN, REFUSED, PENDING_PAID, PENDING_REFUSED, PENDING_FOR_EVER, *TAKEN, REFUSED_UNHEARD, *STRANGE, NEVER_CAME,
    TWICE, LATE, BY_CALLBACK,
)  # fmt: skip
# A simulator that is built on `gateway_core.testing.provider` misbehaves when it is asked to by these amounts.
SAMPLES = {name: MAGIC_AMOUNTS[name] for name in sorted({row.sample for row in ROWS} - {""})}
