"""Readers of single values: each takes what TOML gave and returns what the program uses, or raises Wrong."""

from __future__ import annotations

import base64
import datetime
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from ..lifecycle.signatures import public_key
from ..model import moments
from ..model.money import AmountError, Money, parse_amount
from ..model.people import normal
from .problems import Wrong

Reader: TypeAlias = Callable[[object], Any]

# The first row that fits names a value's type in a message. A bool is an int to Python, never to a person.
_NAMES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (type(None), "nothing"),
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a decimal number"),
    (Mapping, "a table"),
    ((list, tuple), "a list"),
    ((datetime.date, datetime.time), "a date or time"),
)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def expected(what: str, value: object) -> Wrong:
    """The error for a value of another type than `what`."""
    if isinstance(value, Mapping) and set(value) <= {"env", "file"} and value:
        return Wrong(
            f"is a reference to a secret, expected {what}",
            "write the value itself; only secrets are references",
        )
    is_a = next((name for kind, name in _NAMES if isinstance(value, kind)), type(value).__name__)
    return Wrong(f"is {is_a}, expected {what}")


def text(value: object) -> str:
    """Text without control characters."""
    if not isinstance(value, str):
        raise expected("text", value)
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise Wrong("holds a control character", "remove it; line ends and tabs are control characters too")
    return value


def shaped(pattern: str, looks: str) -> Reader:
    """Text that matches `pattern` as a whole; `looks` describes it."""
    compiled = re.compile(pattern)

    def read(value: object) -> str:
        if not compiled.fullmatch(text(value)):
            raise Wrong(f"is not {looks}")
        return text(value)

    return read


def one_of(*choices: str) -> Reader:
    """One of a few words."""

    def read(value: object) -> str:
        if text(value) not in choices:
            raise Wrong("is none of " + ", ".join(choices))
        return text(value)

    return read


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise expected("true or false", value)
    return value


def integer(low: float = -math.inf, high: float = math.inf) -> Reader:
    """A whole number from `low` to `high`."""

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise expected("a whole number", value)
        _within(value, low, high)
        return value

    return read


def number(low: float = -math.inf, high: float = math.inf) -> Reader:
    """A number from `low` to `high`, whole or not, never inf or nan."""

    def read(value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise expected("a number", value)
        if isinstance(value, float) and not math.isfinite(value):
            raise Wrong("is not finite")
        _within(value, low, high)
        return float(value)

    return read


def _within(value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise Wrong(f"is not between {low:g} and {high:g}" if high < math.inf else f"is less than {low:g}")


def texts(value: object) -> list[str]:
    """A list of texts."""
    if not isinstance(value, list | tuple):
        raise expected("a list of texts", value)
    return [text(item) for item in value]


def distinct(value: object) -> list[str]:
    """A list of texts in which none comes twice."""
    found = texts(value)
    if len(set(found)) < len(found):
        raise Wrong("names something twice", "name each once")
    return found


def table(value: object) -> Mapping[str, Any]:
    """A table whose keys are text."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise expected("a table", value)
    return value


def hours(value: object) -> datetime.timedelta:
    """A span given in hours."""
    return datetime.timedelta(hours=number(0.01, 24 * 366)(value))


def timezone(value: object) -> ZoneInfo:
    """A name of the IANA time zone database."""
    try:
        return ZoneInfo(text(value))
    except (KeyError, ValueError, OSError):
        raise Wrong("is no time zone of the IANA database on this machine") from None


def quiet_hours(value: object) -> tuple[str, str]:
    """Two different times of day; the first may be later than the second (over midnight)."""
    times = texts(value)
    if len(times) != 2 or not all(_CLOCK.fullmatch(time) for time in times):
        raise Wrong("is not two times of day")
    if times[0] == times[1]:
        raise Wrong("begins and ends at the same time")
    return times[0], times[1]


def days(value: object) -> frozenset[datetime.date]:
    """A list of dates, as text or as TOML's own."""
    if not isinstance(value, list | tuple):
        raise expected("a list of dates", value)
    return frozenset(map(_day, value))


def _day(value: object) -> datetime.date:
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    try:
        return moments.day(text(value))
    except ValueError:
        raise Wrong("holds something that is no date") from None


def amount(value: object) -> Money:
    """An amount with its currency. A bare number is refused: minor or major units, and of what?"""
    if not isinstance(value, str):
        raise expected("text: an amount and its currency", value)
    figure, _, currency = value.strip().partition(" ")
    try:
        return parse_amount(figure, currency.strip())
    except AmountError as error:
        raise Wrong(f"is no amount ({error.code})") from None


def approvers(value: object) -> dict[str, str]:
    """Normal names and their Ed25519 public keys. One key for two names would make one person two."""
    found: dict[str, str] = {}
    for name, given in table(value).items():
        someone = person(name)
        key = _public_key(name, given)
        if someone in found:
            raise Wrong("is another spelling of an approver listed before", "list each person once", under=name)
        if key in found.values():
            raise Wrong("has the key of another approver", "give each person a key of their own", under=name)
        found[someone] = key
    if not found:
        raise Wrong("lists nobody, so that no approval would be checked", "list people, or remove the table")
    return found


def person(name: str) -> str:
    """The identity behind a name."""
    try:
        return normal(name)
    except ValueError as error:
        raise Wrong(f"has a name that cannot be used: {error}", "rename it") from None


def _public_key(name: str, given: object) -> str:
    if isinstance(given, Mapping):
        if set(given) != {"public_key"}:
            raise Wrong("is a table with other keys than public_key", under=name)
        given = given["public_key"]
    if not isinstance(given, str):
        raise Wrong(expected("text", given).reason, under=name)
    try:
        key = public_key(given)
    except ValueError as error:
        raise Wrong(str(error), under=name) from None
    # Written anew, because base64 has several spellings of one key.
    return base64.b64encode(key.public_bytes_raw()).decode()
