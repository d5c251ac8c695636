"""Checks of single keys of a profile: each takes what TOML gave, and gives it back or raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any, TypeAlias

Check: TypeAlias = Callable[[Any], Any]


def shaped(pattern: str) -> Check:
    """Text that matches as a whole."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise ValueError(f"{value!r} does not look like {pattern}")
        return value

    return check


def texts(pattern: str) -> Check:
    """A list of such texts, at least one."""
    one = shaped(pattern)

    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise ValueError("write a list of texts")
        return tuple(map(one, value))

    return check


def one_of(*choices: str) -> Check:
    """One of a few words."""

    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, choices))}")
        return str(value)

    return check


def some_of(*choices: str) -> Check:
    """A list of a few words."""
    one = one_of(*choices)

    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise ValueError("write a list of texts")
        return tuple(map(one, value))

    return check


def integer(least: int, most: int = 2**62) -> Check:
    """A whole number between two."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{value!r} is no whole number from {least} to {most}")
        return value

    return check


def truth(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def mapping(one: Check) -> Check:
    """A table of texts, each checked."""

    def check(value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError("write a table")
        return {str(name): one(inner) for name, inner in value.items()}

    return check


def date_of(value: Any) -> date:
    """A day as TOML has it, or as text."""
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value))


def time_of(value: Any) -> time:
    """A time of day as TOML has it, or as text."""
    return value if isinstance(value, time) else time.fromisoformat(str(value))
