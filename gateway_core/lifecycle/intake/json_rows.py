"""JSON Lines: one object per line. Numbers stay the text that was written; no float is ever made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .columns import Layout, layout_of
from .findings import Heard, Problem, label, shown
from .reading import Lines
from .row import NO_EXTRA, Row, lost
from .rules import Rules

# Objects may differ in their keys; a file in which each differs must not fill the memory.
_MOST_LAYOUTS = 1000
_WORDS: Mapping[Any, str] = {None: "", True: "true", False: "false"}
_NAMELESS = Problem("line", "nameless_column", "has a value without a name", "name it, or leave it out")
_MEND = 'write one object per line, for example {"invoice": "1", "amount": "500.00", ...}'


def json_rows(lines: Lines, feed: Iterable[str], rules: Rules, heard: Heard) -> Iterator[Row]:
    """One row per object. Mistakes in its keys are found on every line, notes on unknown keys once."""
    layouts: dict[tuple[str, ...], Layout] = {}
    for number, text in enumerate(feed, 1):
        lines.done()
        if text.isspace():
            continue
        found = _object(text)
        if isinstance(found, Problem):
            yield lost(number, found)
            continue
        keys = tuple(found)
        layout = layouts.get(keys)
        if layout is None:
            if len(layouts) >= _MOST_LAYOUTS:
                layouts.clear()
            layout = layouts[keys] = _layout(keys, number, rules, heard)
        yield _row(layout, number, found)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {shown(twice)} comes twice")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=str)


def _object(text: str) -> dict[str, Any] | Problem:
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        return Problem("line", "bad_json", f"is not JSON: {error}", _MEND)
    if not isinstance(found, dict) or not found:
        return Problem("line", "bad_json", "is not an object with names and values", _MEND)
    return found


def _layout(keys: tuple[str, ...], number: int, rules: Rules, heard: Heard) -> Layout:
    layout = layout_of(keys, rules)
    for note in layout.notes:
        if note.field not in heard.extra and len(heard.extra) < rules.max_columns:
            heard.extra[note.field] = None
            heard.notes.add(note.at(number))
    return layout


def _row(layout: Layout, number: int, found: dict[str, Any]) -> Row:
    problems = list(layout.problems)
    cells = [_text(name, value, problems) for name, value in found.items()]
    problems += [_NAMELESS for place in layout.nameless if cells[place]]
    picked = layout.pick([*cells, "", None])
    if not layout.extra:
        return number, picked, NO_EXTRA, problems
    return number, picked, {name: cells[place] or "" for name, place in layout.extra}, problems


def _text(name: str, value: Any, problems: list[Problem]) -> str | None:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    problems.append(Problem(label(name), "not_text", f"{shown(name)} is nested", "write one text or number per name"))
    return None
