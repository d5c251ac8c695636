"""The scheme's own documents as judges: is this message what the API says? Unmodified, as published.

They are read where they lie: their licence, CC BY-ND 4.0, allows copies and no changed ones. What Python cannot compile
in them, names by Unicode classes, is given a pattern of Python's in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import yaml
from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "mojaloop" / "openapi"
DOCUMENTS = {
    "1.0": "fspiop-v1.0.api-snippets.yaml",
    "1.1": "fspiop-v1.1.api-snippets.yaml",
    "2.0": "fspiop-v2.0.api-snippets.yaml",
}
_CLASSES = {r"\p{L}": "", r"\p{gc=Mark}": "", r"\p{digit}": "", r"\p{gc=Connector_Punctuation}": r"\w",
            r"\p{Join_Control}": ""}  # fmt: skip


@cache
def document(version: str) -> Any:
    """Parsed; numbers of statuses become text, as JSON has them."""
    with (FOLDER / DOCUMENTS[version]).open(encoding="utf-8") as file:
        return yaml.safe_load(file)


@attrs.frozen
class Message:
    """One request, ours or the hub's. Header names are lower-case; `path` is quoted, as sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@attrs.frozen
class Judge:
    """One version of the API."""

    version: str

    def faults(self, message: Message) -> Iterator[str]:
        """What is wrong with a message: nothing, where all is as the document has it."""
        found = self._operation(message)
        if found is None:
            yield f"{message.method} {message.path} is not in {self.version}"
            return
        template, operation, shared = found
        given = dict(zip(re.findall(r"{(\w+)}", template), message.path.split("/")[2:], strict=False))
        for parameter in map(self._resolved, [*shared, *operation.get("parameters", [])]):
            yield from self._parameter(parameter, message, given)
        body = operation.get("requestBody")
        if body is not None:
            schema = self._resolved(body)["content"]["application/json"]["schema"]
            yield from self._matches(schema, json.loads(message.body), "body")
        elif message.body:
            yield "a body where there is none"

    def _operation(self, message: Message) -> Any:
        paths = document(self.version)["paths"]
        fits = [path for path in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), message.path)]
        # The most literal template is the one that is meant.
        best = min(fits, key=lambda path: path.count("{"), default=None)
        operation = paths[best].get(message.method.lower()) if best else None
        return (best, operation, paths[best].get("parameters", [])) if operation else None

    def _parameter(self, parameter: Any, message: Message, given: Mapping[str, str]) -> Iterator[str]:
        name = parameter["name"]
        value = message.headers.get(name.lower()) if parameter["in"] == "header" else given.get(name)
        if value is not None and parameter["schema"].get("type") == "string":
            yield from self._matches(parameter["schema"], value, name)
        elif value is None and parameter.get("required") and parameter["in"] == "header":
            yield f"{name} is missing"

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            found = document(self.version)
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _matches(self, schema: Any, value: Any, what: str) -> Iterator[str]:
        for error in _validator(self.version, schema).iter_errors(value):
            yield f"{what}: {error.message} at {list(error.absolute_path)}"


@cache
def _registry(version: str) -> Any:
    return Registry().with_resource("urn:ml", DRAFT4.create_resource(_for_python(document(version))))


def _for_python(node: Any) -> Any:
    """Patterns that `re` can compile, and that end where JavaScript's end."""
    if isinstance(node, dict):
        return {key: _pattern(value) if key == "pattern" else _for_python(value) for key, value in node.items()}
    return [_for_python(item) for item in node] if isinstance(node, list) else node


def _pattern(text: Any) -> Any:
    if not isinstance(text, str):
        return _for_python(text)
    for unicode_class, ours in _CLASSES.items():
        text = text.replace(unicode_class, ours)
    return text.replace("$", r"\Z").replace(r"\d", "[0-9]")


def _validator(version: str, schema: Any) -> Draft4Validator:
    return Draft4Validator(_with_base(_for_python(schema)), registry=_registry(version))


def _with_base(node: Any) -> Any:
    """References lead into the document."""
    if isinstance(node, dict):
        return {key: "urn:ml" + value if key == "$ref" else _with_base(value) for key, value in node.items()}
    return [_with_base(item) for item in node] if isinstance(node, list) else node
