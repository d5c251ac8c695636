"""The rules in the cases: `body.amount: "required|in:50"`, as much of Laravel's validation as that is.

Laravel's own manual: https://laravel.com/docs/validation. A rule that is not known here fails what it stands beside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from .twig import at

Test = Callable[[Any, str], bool]


def _size(value: Any) -> float:
    """Of a list how many, of a number itself, of a text its length."""
    if isinstance(value, list | dict):
        return float(len(value))
    return float(value) if isinstance(value, int | float) else float(len(str(value)))


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", str(value)) is not None


def _regex(value: Any, text: str) -> bool:
    """PHP's: between two equal marks, with flags behind."""
    body, _, flags = text[1:].rpartition(text[:1])
    kinds = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE, "u": re.UNICODE, "x": re.VERBOSE}
    used = 0
    for flag in flags:
        used |= kinds[flag]
    return isinstance(value, str | int | float) and re.search(body, str(value), used) is not None


def _url(value: Any, _: str) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)


def _date(value: Any, _: str) -> bool:
    datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return True


def _parses(made: Callable[[str], Any]) -> Test:
    def test(value: Any, _: str) -> bool:
        return isinstance(value, str) and made(value) is not None

    return test


def _among(value: Any, text: str) -> bool:
    said = "true" if value is True else "false" if value is False else str(value)
    return not isinstance(value, list | dict) and said in [one.strip('"') for one in text.split(",")]


TESTS: Mapping[str, Test] = {
    "in": _among,
    "not_in": lambda value, text: not _among(value, text),
    "regex": _regex,
    "not_regex": lambda value, text: not _regex(value, text),
    "url": _url,
    "active_url": _url,
    "uuid": _parses(UUID),
    "json": _parses(json.loads),
    "date": _date,
    "string": lambda value, _: isinstance(value, str),
    "numeric": lambda value, _: _number(value),
    "integer": lambda value, _: _number(value) and float(value) == int(float(value)),
    "boolean": lambda value, _: value in (True, False, 0, 1, "0", "1"),
    "array": lambda value, _: isinstance(value, list | dict),
    "min": lambda value, text: _size(value) >= float(text),
    "max": lambda value, text: _size(value) <= float(text),
    "size": lambda value, text: _size(value) == float(text),
    "between": lambda value, text: float(text.split(",")[0]) <= _size(value) <= float(text.split(",")[1]),
    "digits": lambda value, text: str(value).isdigit() and len(str(value)) == int(text),
    "starts_with": lambda value, text: str(value).startswith(tuple(text.split(","))),
    "ends_with": lambda value, text: str(value).endswith(tuple(text.split(","))),
    "alpha_num": lambda value, _: str(value).isalnum(),
}
NEUTRAL = frozenset({"required", "nullable", "sometimes", "present", "filled", "bail"})


def faults(rules: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[str]:
    """What a message breaks: `message` has status, headers (each a list of values) and body."""
    for place, text in rules.items():
        wanted = split(text)
        names = {name for name, _ in wanted}
        for where, value in list(_found(message, str(place).split("."))) or [(str(place), None)]:
            if value in (None, "", []):
                if names & {"required", "present", "filled"} and not ("present" in names and value is not None):
                    yield f"{where} is missing"
                continue
            yield from _broken(where, value, wanted)


def split(text: Any) -> list[tuple[str, str]]:
    """ "required|in:1,2" as pairs of name and arguments; a pattern may hold bars."""
    parts = list(map(str, text)) if isinstance(text, list) else _bars(str(text))
    return [(name.strip().lower(), rest) for name, _, rest in (part.partition(":") for part in parts) if name.strip()]


def _bars(text: str) -> list[str]:
    before, mark, pattern = text.partition("regex:")
    if not mark:
        return text.split("|")
    # Up to its last delimiter the pattern is one piece; rules may follow.
    body, close, rest = pattern.rpartition(pattern[:1])
    flags, _, more = rest.partition("|")
    name = "not_regex:" if before.endswith("not_") else "regex:"
    front = before.removesuffix("not_").split("|")
    return [*front, name + body + close + flags, *(more.split("|") if more else [])]


def _broken(where: str, value: Any, wanted: list[tuple[str, str]]) -> Iterator[str]:
    for name, text in wanted:
        if name in NEUTRAL:
            continue
        try:
            good = TESTS[name](value, text)
        except KeyError:
            yield f"{where}: rule {name!r} is not known here"
            continue
        except (ValueError, TypeError, IndexError, AttributeError, re.error):
            good = False
        if not good:
            yield f"{where} is {str(value)[:80]!r}, not {name}{':' + text if text else ''}"


def _found(value: Any, places: list[str], where: str = "") -> Iterator[tuple[str, Any]]:
    """All that a place with stars leads to."""
    if not places:
        yield where, value
        return
    first, *rest = places
    if first != "*":
        yield from _found(at(value, first), rest, f"{where}.{first}".lstrip("."))
        return
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from _found(member, rest, f"{where}.{key}".lstrip("."))
