"""The GSMA's own documents as judges: is this exchange what the API says? Unmodified, as published."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import yaml
from jsonschema import Draft4Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "mobile-money" / "gsma"
DOCUMENTS = {
    "1.2": "mobile-money-api-specification-1.2.0-master_0.yaml",
    "1.2 disbursements": "mobile-money-api-specification-1.2.0-disbursements.yaml",
    "1.1.2": "Mobile_Money_API_v1.1.2-Specification_Definition.yaml",
}


@attrs.frozen
class Exchange:
    """What passed between a client and a simulator."""

    method: str
    path: str
    asked: dict[str, str]
    body: bytes
    status: int
    answer: bytes


class Recorder:
    """ASGI: notes every exchange in `seen`."""

    def __init__(self, app: ASGIApp, seen: list[Exchange]) -> None:
        self._app, self._seen = app, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken, given, status = bytearray(), bytearray(), [0]

        async def heard() -> Message:
            message = await receive()
            taken.extend(message.get("body", b""))
            return message

        async def said(message: Message) -> None:
            status[0] = message.get("status", status[0])
            given.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, heard, said)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        self._seen.append(Exchange(scope["method"], scope["path"], headers, bytes(taken), status[0], bytes(given)))


@cache
def document(version: str) -> Any:
    """Numbers of statuses become text, as JSON has them."""
    with (FOLDER / DOCUMENTS[version]).open(encoding="utf-8") as file:
        return yaml.safe_load(file)


@attrs.frozen
class Judge:
    """One version of the API."""

    version: str

    def faults(self, exchange: Exchange) -> Iterator[str]:
        """What is wrong with an exchange: nothing, where all is as the document has it."""
        operation = self._operation(exchange)
        if operation is None:
            yield f"{exchange.method} {exchange.path} is not in {self.version}"
            return
        for parameter in map(self._resolved, operation.get("parameters", [])):
            if parameter["in"] == "header":
                yield from self._header(parameter, exchange.asked)
        if exchange.method in ("POST", "PATCH"):
            yield from self._matches(self._content(operation["requestBody"]), _json(exchange.body), "request")
        answers = {str(status): answer for status, answer in operation["responses"].items()}
        if str(exchange.status) not in answers:
            yield f"{exchange.method} {exchange.path}: status {exchange.status} is not declared"
            return
        yield from self._matches(self._content(answers[str(exchange.status)]), _json(exchange.answer), "answer")

    def _operation(self, exchange: Exchange) -> Any:
        paths = document(self.version)["paths"]
        fits = [path for path in paths if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), exchange.path)]
        # The most literal template is the one that is meant.
        best = min(fits, key=lambda path: path.count("{"), default=None)
        return paths[best].get(exchange.method.lower()) if best else None

    def _header(self, parameter: Any, asked: dict[str, str]) -> Iterator[str]:
        name = parameter["name"].lower()
        if name in asked:
            yield from self._matches(parameter["schema"], asked[name], parameter["name"])
        elif parameter.get("required"):
            yield f"{parameter['name']} is missing"

    def _resolved(self, node: Any) -> Any:
        while "$ref" in node:
            found = document(self.version)
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _content(self, node: Any) -> Any:
        return self._resolved(node).get("content", {}).get("application/json", {}).get("schema", {})

    def _matches(self, schema: Any, value: Any, what: str) -> Iterator[str]:
        for error in _validator(self.version, schema).iter_errors(value):
            if self.version == "1.1.2" and error.validator == "anyOf" and not error.absolute_path:
                # As published it asks of an object that it be an array (debitPartyArray, creditPartyArray).
                continue
            yield f"{what}: {error.message} at {list(error.absolute_path)}"

    def schema(self, name: str, value: Any) -> list[str]:
        """Is it one of a component's kind?"""
        return list(self._matches({"$ref": f"#/components/schemas/{name}"}, value, name))


@cache
def _registry(version: str) -> Any:
    return Registry().with_resource("urn:mm", DRAFT4.create_resource(document(version)))


def _validator(version: str, schema: Any) -> Draft4Validator:
    return Draft4Validator(_with_base(schema), registry=_registry(version))


def _with_base(node: Any) -> Any:
    """References lead into the document."""
    if isinstance(node, dict):
        return {key: "urn:mm" + value if key == "$ref" else _with_base(value) for key, value in node.items()}
    return [_with_base(item) for item in node] if isinstance(node, list) else node


def _json(body: bytes) -> Any:
    return json.loads(body) if body else None
