"""The templates in the cases: `{{ steps.1.request.body|merge({type: "x"})|json_encode }}`, as much of Twig as that is.

Twig's own manual: https://twig.symfony.com/doc/3.x/templates.html. What is not known here is an error, never a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_HOLE = re.compile(r"\{\{(.*?)\}\}(?!\})", re.DOTALL)
_TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<number>\d+(?:\.\d+)?(?!\w))"""
                    r"""|(?P<name>[A-Za-z_]\w*)|(?P<mark>[|.,:(){}\[\]~-]))""")  # fmt: skip


class Untold(ValueError):
    """A template that cannot be filled."""


def render(node: Any, known: Mapping[str, Any]) -> Any:
    """A case's node with its templates filled, in lists and mappings, too. Raises Untold."""
    if isinstance(node, dict):
        return {str(key): render(value, known) for key, value in node.items()}
    if isinstance(node, list):
        return [render(item, known) for item in node]
    if not isinstance(node, str) or "{{" not in node:
        return node
    whole = _HOLE.fullmatch(node.strip())
    if whole and "{{" not in whole[1]:
        return _Reader(whole[1], known).value()
    return _HOLE.sub(lambda hole: _text(_Reader(hole[1], known).value()), node)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise Untold("a list or a mapping in the middle of a text")
    return "" if value is None else str(value)


def _merge(value: Any, other: Any) -> Any:
    if isinstance(value, list) and isinstance(other, list):
        return value + other
    if not isinstance(value, dict) or not isinstance(other, dict):
        raise Untold("merge of what is no mapping")
    return value | other


FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": lambda value, other="": other if value in (None, "") else value,
    "merge": _merge,
    "json_encode": lambda value: json.dumps(value),
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "trim": lambda value: str(value).strip(),
    "first": lambda value: value[0] if value else None,
    "last": lambda value: value[-1] if value else None,
    "length": lambda value: len(value or ""),
    "join": lambda value, mark="": str(mark).join(map(str, value)),
    "replace": lambda value, pairs: re.sub(
        "|".join(map(re.escape, pairs)) or "(?!)", lambda found: str(pairs[found[0]]), str(value)
    ),
}


class _Reader:
    """One expression. Precedence is that of the cases: subscripts, then filters, then `~` (which joins texts)."""

    def __init__(self, text: str, known: Mapping[str, Any]) -> None:
        self._known, self._tokens, at = known, list[tuple[str, str]](), 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise Untold(f"{text.strip()!r} is not understood at {text[at:].strip()[:10]!r}")
            self._tokens.append((str(found.lastgroup), found[found.lastgroup or 0]))
            at = found.end()
        self._tokens.append(("end", ""))

    def value(self) -> Any:
        """What the expression says."""
        said = self._joined()
        self._expect("")
        return said

    def _peek(self) -> str:
        kind, text = self._tokens[0]
        return text if kind in ("mark", "end") else ""

    def _expect(self, mark: str) -> None:
        if self._tokens[0] != (("mark", mark) if mark else ("end", "")):
            raise Untold(f"{mark or 'the end'} expected at {self._tokens[0][1]!r}")
        self._tokens.pop(0) if mark else None

    def _took(self, mark: str) -> bool:
        if self._tokens[0] != ("mark", mark):
            return False
        self._tokens.pop(0)
        return True

    def _joined(self) -> Any:
        value = self._filtered()
        while self._took("~"):
            value = _text(value) + _text(self._filtered())
        return value

    def _filtered(self) -> Any:
        value = self._reached(self._plain())
        while self._took("|"):
            name = self._name()
            if name not in FILTERS:
                raise Untold(f"filter {name!r} is not known here")
            arguments = self._listed(")") if self._took("(") else []
            try:
                value = FILTERS[name](value, *arguments)
            except (TypeError, AttributeError, KeyError, IndexError) as error:
                raise Untold(f"filter {name!r}: {error}") from None
        return value

    def _plain(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind == "text":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "name":
            return self._named(text)
        if text == "(":
            value = self._joined()
            self._expect(")")
            return value
        if text == "[":
            return self._listed("]")
        if text == "{":
            return self._mapping()
        if text == "-":
            return -self._plain()
        raise Untold(f"{text or 'nothing'!r} where a value is expected")

    def _named(self, name: str) -> Any:
        if self._took("("):
            made = self._known.get(name)
            if not callable(made):
                raise Untold(f"function {name!r} is not known here")
            return made(*self._listed(")"))
        words = {"true": True, "false": False, "null": None, "none": None}
        return words[name] if name in words else self._known.get(name)

    def _name(self) -> str:
        kind, text = self._tokens.pop(0)
        if kind not in ("name", "number", "text"):
            raise Untold(f"{text!r} is no name")
        return text.strip("\"'") if kind == "text" else text

    def _reached(self, value: Any) -> Any:
        while True:
            if self._took("."):
                value = at(value, self._name())
            elif self._took("["):
                value = self._subscript(value)
            else:
                return value

    def _subscript(self, value: Any) -> Any:
        low = None if self._peek() == ":" else self._joined()
        if not self._took(":"):
            self._expect("]")
            return at(value, low)
        # Twig's slices are [start:length].
        length = None if self._peek() == "]" else self._joined()
        self._expect("]")
        if not isinstance(value, str | list):
            raise Untold("a slice of what is neither text nor list")
        rest = value[low or 0 :]
        return rest if length is None else rest[:length]

    def _listed(self, end: str) -> list[Any]:
        values: list[Any] = []
        while not self._took(end):
            values.append(self._joined())
            if self._peek() != end:
                self._expect(",")
        return values

    def _mapping(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not self._took("}"):
            key = self._name()
            self._expect(":")
            made[key] = self._joined()
            if self._peek() != "}":
                self._expect(",")
        return made


def at(value: Any, key: Any) -> Any:
    """A member; None where there is none. Names of headers differ in case only by taste."""
    if isinstance(value, list):
        text = str(key)
        return value[int(text)] if text.isdigit() and int(text) < len(value) else None
    if not isinstance(value, dict):
        return None
    if str(key) in value:
        return value[str(key)]
    return next((found for name, found in value.items() if name.casefold() == str(key).casefold()), None)
