"""From rows to values: the rows of a gateway's own settings, and the reading of one table of the configuration."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ..contract.gateway import Gateway, Hidden, Settings
from . import addresses
from . import readers as r
from .problems import Problems, did_you_mean, quoted
from .secrets import reference
from .settings import CHANNEL, COMMON, NARROWED, REFERENCE, Setting

# Types that a gateway's own settings may have. A secret is Hidden; "= None" or "= ''" makes one optional.
_BY_TYPE: Mapping[Any, tuple[r.Reader, str, str]] = {
    str: (r.text, '"text"', "write text in quotes"),
    int: (r.integer(), "1", "write a whole number"),
    float: (r.number(), "1.5", "write a number"),
    bool: (r.flag, "true", "write true or false"),
    Hidden: (reference, REFERENCE, 'write { env = "NAME" } or { file = "path" }'),
    list[str]: (r.texts, '["text"]', "write a list of texts"),
    tuple[str, ...]: (lambda value: tuple(r.texts(value)), '["text"]', "write a list of texts"),
}
_COMMON = {setting.key: setting for setting in COMMON}
_TAKEN = {setting.key for setting in (*CHANNEL, *NARROWED)}


def of_gateway(gateway: type[Gateway[Any]]) -> tuple[Setting, ...]:
    """The rows of a gateway's own settings. Raises ValueError for fields that no configuration could fill."""
    kind = gateway.settings_type
    hints = typing.get_type_hints(kind)
    fields = [field for field in attrs.fields(kind) if field.init]
    return tuple(_row(kind, field, _plain(hints[field.name])) for field in fields)


def _row(kind: type[Settings], field: attrs.Attribute[Any], hint: Any) -> Setting:
    key = field.alias or field.name
    if key in _TAKEN:
        raise ValueError(f"its setting {key} has the name of a channel's key")
    if hint not in _BY_TYPE:
        raise ValueError(f"its setting {key} has a type that no configuration can fill (see contract.Settings)")
    required = field.default is attrs.NOTHING
    if key in _COMMON:
        # An address is needed, unless a gateway declares the field again with a default: a rail without one.
        return attrs.evolve(_COMMON[key], required=required if _redeclared(kind, key) else _COMMON[key].required)
    read, example, mend = _BY_TYPE[hint]
    read = addresses.address if hint is str and key.endswith("_url") else read
    default = "" if required or isinstance(field.default, attrs.Factory) else repr(field.default)  # type: ignore[arg-type]
    meaning = str(field.metadata.get("meaning", "See the gateway's page."))
    return Setting(key, read, meaning, example, mend, default, required)


def _redeclared(kind: type[Settings], key: str) -> bool:
    own = [base for base in kind.__mro__ if issubclass(base, Settings) and base is not Settings]
    return any(not getattr(attrs.fields_dict(base)[key], "inherited", True) for base in own)


def _plain(hint: Any) -> Any:
    """`Hidden | None` is a Hidden that may be left out."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        return inner[0] if len(inner) == 1 else hint
    return hint


def read_table(rows: Sequence[Setting], raw: Mapping[str, object], at: str, problems: Problems) -> dict[str, Any]:
    """What each row makes of `raw`. Unknown, missing and wrong keys are noted; they are absent from the result."""
    known = {row.key: row for row in rows}
    found: dict[str, Any] = {}
    for key in raw:
        if key not in known:
            problems.add(f"{at}{quoted(key)}", "is not a setting here", did_you_mean(str(key), known))
    for key, row in known.items():
        if key in raw:
            value = problems.read(f"{at}{key}", row.read, raw[key], row.mend)
            if value is not None:
                found[key] = value
        elif row.required:
            problems.add(f"{at}{key}", "is missing", row.mend)
    return found
