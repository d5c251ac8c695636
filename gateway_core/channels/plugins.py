"""Gateways that others install: loading the ones that the configuration names, and listing all without trusting any."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from importlib.metadata import EntryPoint
from typing import Any

import attrs

from ..contract.gateway import CONTRACT, Capabilities, Gateway, Settings
from ..contract.guard import guarded
from .entries import BROKEN, described, distribution, installed, load, named
from .fields import of_gateway
from .problems import Wrong

GROUP = "gateway_core"
_AUTHOR = "tell the plugin's author, or remove it from the configuration"


@attrs.frozen(kw_only=True)
class Plugin:
    """A row of `gateway plugins`. `capabilities` is None and `error` says why when the plugin cannot be used."""

    name: str
    version: str = ""
    distribution: str = ""
    capabilities: dict[str, Any] | None = None
    enabled: bool = False
    error: str = ""


def load_gateway(value: object) -> type[Gateway[Any]]:
    """The gateway class of that name, imported now. Raises Wrong with one plain sentence."""
    return _loaded(named(GROUP, str(value), "gateway"))


def list_plugins(enabled: Collection[str] = ()) -> list[Plugin]:
    """Every installed gateway, each tried in isolation; `enabled` are the names that the configuration uses.

    Never raises for a plugin's sake: what it raised is its row's `error`. It imports plugins that nobody named, so it
    is for the person who asks for the list, not for the start of a sender.
    """
    return sorted((_row(point, point.name in enabled) for point in installed(GROUP)), key=lambda row: row.name)


def _row(point: EntryPoint, enabled: bool) -> Plugin:
    row = Plugin(name=point.name, enabled=enabled)
    try:
        name, version = distribution(point)
        row = attrs.evolve(row, distribution=name, version=version)
        return attrs.evolve(row, capabilities=attrs.asdict(_loaded(point).capabilities))
    except Wrong as wrong:
        return attrs.evolve(row, error=f"{wrong.reason}; {wrong.mend}")
    except BROKEN as error:
        return attrs.evolve(row, error=described(error))


def _loaded(point: EntryPoint) -> type[Gateway[Any]]:
    found = load(point, "gateway")
    try:
        why = guarded(None, f"the class of {point.name}", fault, found, point.name)
    except BROKEN as error:
        why = described(error)
    if why:
        raise Wrong(f"names the gateway {point.name!r}, which cannot be used: {why}", _AUTHOR)
    gateway: type[Gateway[Any]] = found
    return gateway


def fault(found: Any, name: str) -> str:
    """What is wrong with a would-be gateway class; empty when nothing is."""
    if not (inspect.isclass(found) and issubclass(found, Gateway)):
        return "it is no subclass of gateway_core.contract.Gateway"
    if found.contract != CONTRACT:
        return f"it speaks contract {found.contract}, this is {CONTRACT}"
    if inspect.isabstract(found):
        return f"it lacks {', '.join(sorted(found.__abstractmethods__))}"
    if getattr(found, "name", None) != name:
        return f"it calls itself {getattr(found, 'name', None)!r}"
    if not isinstance(found.flow_version, int):
        return f"its flow_version is {found.flow_version!r}, no number"
    return capabilities_fault(found.capabilities) or _settings_fault(found)


def capabilities_fault(said: object) -> str:
    """What is wrong with what a gateway declares; empty when nothing is."""
    if not isinstance(said, Capabilities):
        return "its capabilities are no Capabilities"
    for field in attrs.fields(Capabilities):
        value = getattr(said, field.name)
        right = isinstance(value, bool) == isinstance(field.default, bool) and isinstance(value, int | float)
        if not right or value != value or abs(value) == float("inf"):
            return f"its capability {field.name} is {value!r}"
    return ""


def _settings_fault(found: type[Gateway[Any]]) -> str:
    if not (inspect.isclass(found.settings_type) and issubclass(found.settings_type, Settings)):
        return "its settings are no subclass of gateway_core.contract.Settings"
    try:
        of_gateway(found)
    except (ValueError, NameError) as error:
        return str(error)
    return ""
