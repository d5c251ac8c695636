"""Readers of the role matrix: roles with their people and actions, and the levels of approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.roles import ACTIONS, Level, Role
from . import readers as r
from .problems import Problems, Wrong, did_you_mean

_NAME = r.shaped("[a-z][a-z0-9_-]{0,62}", "a name of small letters, digits, hyphens and underscores")


def roles(value: object) -> dict[str, Role]:
    """{name: {people = [...], may = [...]}}."""
    found = {name: _role(name, given) for name, given in r.table(value).items()}
    if not found:
        raise Wrong("has no role, so that nobody could do anything", "name roles, or remove the table")
    return found


def _role(name: str, given: object) -> Role:
    try:
        _NAME(name)
        if not isinstance(given, Mapping) or set(given) != {"people", "may"}:
            raise Wrong("is no table with people and may, and nothing else")
        return Role(name, frozenset(map(_person, r.distinct(given["people"]))), frozenset(_actions(given["may"])))
    except Wrong as wrong:
        raise Wrong(wrong.reason, wrong.mend, under=name) from None


def _person(name: str) -> str:
    return r.person(name)


def _actions(value: object) -> list[str]:
    found = r.distinct(value)
    for action in found:
        if action not in ACTIONS:
            raise Wrong("lists something that is no action", did_you_mean(action, ACTIONS))
    return found


def levels(value: object) -> list[Level]:
    """[{role = "director", above = "10000000 UGX"}, ...]."""
    if not isinstance(value, list | tuple):
        raise r.expected("a list of tables", value)
    return [_level(given) for given in value]


def _level(given: object) -> Level:
    if not isinstance(given, Mapping) or "role" not in given or not set(given) <= {"role", "above"}:
        raise Wrong("holds something that is no table with role, and perhaps above")
    return Level(r.text(given["role"]), r.amount(given["above"]) if "above" in given else None)


def check_levels(found: Mapping[str, Any], problems: Problems) -> None:
    """Each level names a role whose people may approve."""
    known: Mapping[str, Role] = found.get("roles", {})
    for level in found.get("approvals", ()):
        if level.role not in known:
            problems.add("approvals", "names a role that is not in roles", did_you_mean(level.role, known))
        elif "approve" not in known[level.role].may:
            problems.add(
                "approvals", f"names the role {level.role}, which may not approve", 'let it: may = ["approve"]'
            )
