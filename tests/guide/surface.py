"""What a plugin can rely on, as plain data: `python -m tests.guide.surface` prints it.

`contract_1.json` holds it as it was when version 1 was declared. What stands there stays; more may come beside it.
"""

from __future__ import annotations

import inspect
import json
import typing
from typing import Any

import attrs

from gateway_core import contract
from gateway_core.contract import transports

NEEDED = "must be given"
# Their methods are what a plugin writes or calls.
WITH_METHODS = (
    "Gateway", "BatchGateway", "Ctx", "BatchCtx", "Reply", "Incoming", "Hidden", "Transport", "DirectoryTransport",
    "HttpTransport", "PolicySpecs", "Bearer", "Tokens",
)  # fmt: skip


def parts(kind: type[Any]) -> dict[str, str]:
    """The fields of a value in their order, each with its default."""
    return {field.name: _default(field.default) for field in attrs.fields(kind) if field.init}


def _default(value: Any) -> str:
    if value is attrs.NOTHING:
        return NEEDED
    return f"{value.factory.__name__}()" if isinstance(value, attrs.Factory) else repr(value)  # type: ignore[arg-type]


def methods(kind: type[Any]) -> dict[str, str]:
    """How it is made; public methods and properties, those of its bases too; "abstract" where one must be written."""
    own = not attrs.has(kind) and "__init__" in vars(kind)
    found = {"__init__": str(inspect.signature(vars(kind)["__init__"]))} if own else {}
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        if name.startswith("_") or not (callable(value) or isinstance(value, property | classmethod)):
            continue
        plain = value.fget if isinstance(value, property) else value
        if inspect.isfunction(plain):
            must = "abstract " if name in getattr(kind, "__abstractmethods__", ()) else ""
            found[name] = must + str(inspect.signature(plain))
    return found


def about(value: Any) -> dict[str, Any] | str:
    """One name of the contract."""
    if inspect.isclass(value):
        said: dict[str, Any] = {"parts": parts(value)} if attrs.has(value) else {}
        return said | ({"methods": methods(value)} if value.__name__ in WITH_METHODS else {})
    if inspect.isfunction(value):
        return str(inspect.signature(value))
    return " | ".join(sorted(getattr(one, "__name__", str(one)) for one in typing.get_args(value))) or "a marker"


def surface() -> dict[str, Any]:
    """Every name of the contract."""
    names = {name: getattr(contract, name) for name in contract.__all__}
    ways = {name: getattr(transports, name) for name in transports.__all__}
    return {name: about(value) for name, value in sorted((names | ways).items())}


if __name__ == "__main__":
    print(json.dumps(surface(), indent=1))
