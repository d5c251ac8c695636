"""Reading `gateway.toml` or a dict: all is checked before anything is refused, and only what is named is loaded."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from ..contract.gateway import Hidden
from ..model.errors import ConfigurationError
from ..model.roles import Matrix
from .addresses import absolute, store_url
from .configuration import Configuration
from .fields import read_table
from .plan import Plan, read_plan
from .policies import load_policy
from .problems import Problems, quoted
from .roles import check_levels
from .secrets import Place, reference
from .settings import TOP

LONGEST = 1 << 20
Source: TypeAlias = str | os.PathLike[str] | Mapping[str, object]
_ROWS = {row.key: row for row in TOP}


def load(source: Source, store: str | None = None) -> Configuration:
    """Read a file or a dict. Raises ConfigurationError naming key, reason and mend; all problems are told at once.

    `store` overrides the store's address only; a relative path in it is the current folder's, as for any argument of a
    command. Paths in a dict are relative to the current folder, those in a file to the file's.
    """
    raw, folder = (source, Path.cwd()) if isinstance(source, Mapping) else _file(Path(source))
    problems = Problems()
    if store is not None:
        # Whatever the file says about the store is not read: what it refers to may not exist here.
        raw = {**raw, "store": "sqlite:///overridden"}
    found = read_table(TOP, raw, "", problems)
    place = Place(folder, found.get("environment", ""))
    address = _store(found, place, store, problems)
    mark_dir = _mark_dir(found, folder, problems)
    policies = _policies(found, problems)
    plans = _plans(found, place, problems)
    _needs_timezone(found, raw, problems)
    check_levels(found, problems)
    problems.refuse()
    return Configuration(
        deployment=found["deployment"],
        environment=found["environment"],
        mark_dir=mark_dir,
        timezone=found.get("timezone"),
        approval_ttl=found.get("approval_ttl"),
        approvers=found.get("approvers", {}),
        disputes_block=found.get("disputes_block", True),
        holidays=found.get("holidays", frozenset()),
        schedule_grace=found.get("schedule_grace"),
        location=found.get("location", ""),
        balance_ttl=found.get("balance_ttl"),
        matrix=Matrix(found.get("roles", {}), tuple(found.get("approvals", ()))),
        fonts=tuple(absolute(font, folder) for font in found.get("fonts", [])),
        place=place,
        store=address,
        signing_key=found.get("signing_key"),
        plans=plans,
        policies=policies,
    )


def _file(path: Path) -> tuple[Mapping[str, object], Path]:
    try:
        with path.open("rb") as file:
            raw = file.read(LONGEST + 1)
        if len(raw) > LONGEST:
            raise ValueError(f"has more than {LONGEST} bytes")
        return tomllib.loads(raw.decode("utf-8-sig")), path.absolute().parent
    except OSError as error:
        reason, mend = f"cannot be read ({error.strerror})", "`gateway init` writes a configuration"
    except UnicodeDecodeError:
        reason, mend = "is not UTF-8 text", "save it as UTF-8"
    except (ValueError, RecursionError) as error:
        reason, mend = f"is not TOML: {error}", "correct that line"
    # Outside the handler: newer Pythons keep the whole text of the file in the error.
    raise ConfigurationError(str(path), reason, mend)


def _store(found: Mapping[str, Any], place: Place, override: str | None, problems: Problems) -> Hidden:
    """The store's absolute address. Hidden, because a reference or an override may bring a password with it."""
    given, folder = found.get("store", ""), place.folder
    if override is not None:
        given, folder = override, Path.cwd()
    if isinstance(given, Mapping):
        given = _referred_store(given, place, problems)
    if not given:
        return Hidden("")
    made = problems.read("store", lambda address: store_url(str(address), folder), given, _ROWS["store"].mend)
    return Hidden(made or "")


def _referred_store(given: Mapping[str, Any], place: Place, problems: Problems) -> str:
    with problems.noting():
        pointer = problems.read("store", reference, given, _ROWS["store"].mend)
        return pointer.read("store", place).reveal().strip() if pointer else ""
    return ""


def _mark_dir(found: Mapping[str, Any], folder: Path, problems: Problems) -> Path:
    state = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path there is to be ignored.
    usual = state if Path(state).is_absolute() else "~/.local/state"
    given = found.get("mark_dir") or f"{usual}/gateway-core"
    return problems.read("mark_dir", lambda path: absolute(str(path), folder), given) or folder


def _policies(found: Mapping[str, Any], problems: Problems) -> tuple[tuple[str, object], ...]:
    names = found.get("policies", [])
    loaded = [(name, problems.read("policies", lambda given: load_policy(str(given)), name)) for name in names]
    return tuple((name, policy) for name, policy in loaded if policy is not None)


def _plans(found: Mapping[str, Any], place: Place, problems: Problems) -> dict[str, Plan]:
    plans = {name: read_plan(name, raw, place, problems) for name, raw in found.get("channels", {}).items()}
    return {name: plan for name, plan in plans.items() if plan}


def _needs_timezone(found: Mapping[str, Any], raw: Mapping[str, object], problems: Problems) -> None:
    channels = found.get("channels", {})
    quiet = [name for name, given in channels.items() if isinstance(given, Mapping) and "quiet_hours" in given]
    if quiet and "timezone" not in raw:
        problems.add("timezone", f"is missing, but channels.{quoted(quiet[0])} has quiet hours", _ROWS["timezone"].mend)
    elif raw.get("holidays") and "timezone" not in raw:
        problems.add("timezone", "is missing, but there are holidays", _ROWS["timezone"].mend)
