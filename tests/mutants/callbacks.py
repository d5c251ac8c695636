"""Bugs about callbacks: whom we believe, when we answer, and which question an arrival answers (law 8)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from gateway_core.engine import driver, hear
from gateway_core.engine.callbacks import CallbackApp
from gateway_core.model.facts import Fact

from .calling import STORED_FIRST
from .hunting import Swarm, mutant
from .parties import STALE_LOOK_UP
from .worlds import ROUGH


@mutant(
    breaks="3, 8", hunt=Swarm(ROUGH, 100),
    seen="openIMIS payroll 1.5.0: no signature, no check against replay; whoever may create payrolls can say \"paid\".",
)  # fmt: skip
def believe_anybody(m: pytest.MonkeyPatch) -> None:
    """An unauthenticated callback is evidence."""
    real = hear._fact

    def fact(channel: Any, facts: Any, row: Any, *rest: Any) -> Any:
        return real(channel, facts, SimpleNamespace(**{**row._asdict(), "authentic": True}), *rest)

    m.setattr(hear, "_fact", fact)


@mutant(breaks="8", hunt=Swarm(ROUGH, 50))
def deaf(m: pytest.MonkeyPatch) -> None:
    """Callbacks about channels without payments under way are put away."""
    m.setattr(driver.Driver, "_known", lambda self, name: None)


@mutant(breaks="8", hunt=STORED_FIRST)
def answered_before_it_is_stored(m: pytest.MonkeyPatch) -> None:
    """The rail is told 2xx, and the arrival is stored a little later: it will not be sent again."""
    real, later = CallbackApp._keep, list[Callable[[], list[bool]]]()

    def keep(self: CallbackApp, arrived: Any) -> list[bool]:
        while later:
            later.pop()()
        later.append(lambda: real(self, arrived))
        return [True] * len(arrived)

    m.setattr(CallbackApp, "_keep", keep)


@mutant(
    breaks="8", hunt=STORED_FIRST,
    seen="openIMIS payroll 1.5.0: signal handlers swallow every exception, and the task is shown as completed.",
)  # fmt: skip
def answered_although_not_stored(m: pytest.MonkeyPatch) -> None:
    """The store could not write, and the rail is told 2xx all the same."""
    real = CallbackApp._keep

    def keep(self: CallbackApp, arrived: Any) -> list[bool]:
        try:
            return real(self, arrived)
        except Exception:
            return [True] * len(arrived)

    m.setattr(CallbackApp, "_keep", keep)


@mutant(
    breaks="8", hunt=STALE_LOOK_UP,
    seen="Mojaloop's PUT /parties names the person, not the question: answers to two questions cannot be told apart.",
)  # fmt: skip
def stale_look_up(m: pytest.MonkeyPatch) -> None:
    """A look-up is answered by a callback that came before it was asked: the account may have been closed since."""
    real = hear._fact

    def fact(channel: Any, facts: list[Fact], row: Any, no: int, now: int, *rest: Any) -> Any:
        newest = max(fact.no for fact in facts if fact.kind == "intent" and fact.key == row.key)
        facts = [fact for fact in facts if fact.key != row.key or fact.no == newest]
        return real(channel, facts, SimpleNamespace(**{**row._asdict(), "at": now}), no, now, *rest)

    m.setattr(hear, "_fact", fact)
