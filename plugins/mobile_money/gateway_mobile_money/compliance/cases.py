"""A case as its file has it. What is not of its format is said in words; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml


class Malformed(ValueError):
    """The file is no case."""


class _Loader(yaml.SafeLoader):
    """Times stay texts, as they go over the wire."""


_Loader.yaml_implicit_resolvers = {
    mark: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for mark, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@attrs.frozen
class Step:
    """One exchange. `again`: answers that come before the last one, with their rules; `calls_back`: it comes to us."""

    number: int
    method: str
    path: str
    calls_back: bool
    request: Mapping[str, Any]
    response: Mapping[str, Any]
    of_request: list[Any]
    of_response: list[Any]
    again: Mapping[str, Any]

    def fits(self, path: str) -> bool:
        """Whether a path is one of the step's template."""
        wanted = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in _parts(self.path))
        return re.fullmatch(wanted, path.partition("?")[0]) is not None


@attrs.frozen
class Case:
    """A file."""

    name: str
    steps: tuple[Step, ...]


def read(file: Path) -> Case:
    """Raises Malformed."""
    try:
        said = yaml.load(file.read_text(encoding="utf-8-sig"), _Loader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, OSError) as error:
        raise Malformed(f"no YAML: {str(error).splitlines()[0]}") from None
    steps = said.get("test_steps") if isinstance(said, dict) else None
    if not isinstance(steps, list) or not steps:
        raise Malformed("it has no test_steps")
    return Case(str(said.get("name") or file.stem), tuple(_step(number, one) for number, one in enumerate(steps, 1)))


def _step(number: int, said: Any) -> Step:
    if not isinstance(said, dict):
        raise Malformed(f"step {number} is no mapping")
    request = _mapping(said, "request", number)
    method, path = (str(said.get(key) or request.get(key) or "") for key in ("method", "path"))
    if not method or not request.get("uri"):
        raise Malformed(f"step {number} has no method, or no request with a uri")
    back = "callback" in said or path.lower().startswith(("{x-callback", "{$request"))
    return Step(
        number, method.upper(), "/" + path.lstrip("/"), back, request, _mapping(said, "response", number),
        _scripts(said, "test_request_scripts", number), _scripts(said, "test_response_scripts", number),
        _mapping(said, "repeat", number),
    )  # fmt: skip


def _mapping(said: Mapping[str, Any], key: str, number: int) -> dict[str, Any]:
    found = said.get(key) or {}
    if not isinstance(found, dict):
        raise Malformed(f"step {number}: {key} is no mapping")
    return found


def _scripts(said: Mapping[str, Any], key: str, number: int) -> list[Any]:
    found = said.get(key) or []
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and isinstance(one.get("rules"), dict) for one in found
    ):
        raise Malformed(f"step {number}: {key} is no list of rules")
    return found


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"(\{[^}]*\})", path) if part]
