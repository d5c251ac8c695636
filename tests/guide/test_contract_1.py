"""Version 1 of the contract: what was declared stays as it is, and what is added breaks no plugin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core.channels import list_plugins, plugins
from gateway_core.channels.entries import installed
from gateway_core.channels.plugins import fault
from gateway_core.contract import Done, Gateway, Paid, PayFlow, Settings, channel
from gateway_core.contract.channel import Channel
from gateway_core.contract.gateway import CONTRACT
from gateway_core.model.errors import ConfigurationError

from .surface import NEEDED, surface

DECLARED: dict[str, Any] = json.loads((Path(__file__).parent / "contract_1.json").read_text(encoding="utf-8"))
NOW = surface()


def broken(then: Any, now: Any) -> list[str]:
    """What a plugin that was written for `then` could stumble over."""
    if isinstance(then, str) or isinstance(now, str):
        same = then == now or (" | " in str(then) and set(str(then).split(" | ")) <= set(str(now).split(" | ")))
        return [] if same else [f"it was {then}"]
    had, has = then.get("parts", {}), now.get("parts", {})
    wrong = [] if list(has.items())[: len(had)] == list(had.items()) else [f"its parts were {had}"]
    wrong += [f"{name} is new and must be given" for name in set(has) - set(had) if has[name] == NEEDED]
    old, new = then.get("methods", {}), now.get("methods", {})
    wrong += [f"{name} was {how}" for name, how in old.items() if new.get(name) != how]
    return wrong + [f"{name} is new and must be written" for name in set(new) - set(old) if "abstract" in new[name]]


@pytest.mark.parametrize("name", DECLARED)
def test_what_was_declared_stays(name: str) -> None:
    assert name in NOW, "it is gone; a contract without it is version 2"
    assert broken(DECLARED[name], NOW[name]) == [], "a contract with that change is version 2"


CHANGES = [
    ({"parts": {"a": NEEDED}}, {"parts": {"a": NEEDED, "b": "0"}}, True),
    ({"parts": {"a": NEEDED}}, {"parts": {"b": "0", "a": NEEDED}}, False),
    ({"parts": {"a": NEEDED}}, {"parts": {"a": NEEDED, "b": NEEDED}}, False),
    ({"parts": {"a": "0"}}, {"parts": {"a": "1"}}, False),
    ({"parts": {"a": "0"}}, {"parts": {}}, False),
    ({"methods": {"f": "(self)"}}, {"methods": {"f": "(self)", "g": "(self)"}}, True),
    ({"methods": {"f": "(self)"}}, {"methods": {"f": "(self)", "g": "abstract (self)"}}, False),
    ({"methods": {"f": "(self)"}}, {"methods": {"f": "(self, x)"}}, False),
    ("A | B", "A | B | C", True),
    ("A | B", "A", False),
    ("(a)", "(a, b)", False),
]


@pytest.mark.parametrize(("then", "now", "allowed"), CHANGES)
def test_what_counts_as_a_break(then: Any, now: Any, allowed: bool) -> None:
    assert (broken(then, now) == []) is allowed


class Silent(Gateway[Settings]):
    """A gateway that does not say for which version it was written."""

    name = "silent"

    def execute_payment(self, payment: Any, ctx: Any) -> PayFlow:
        return Paid("1")
        yield


class Stated(Silent):
    name = "stated"
    contract = 1


class Newer(Silent):
    name = "newer"
    contract = CONTRACT + 1


def test_version_1_is_what_this_core_speaks() -> None:
    assert CONTRACT == 1
    assert [fault(kind, kind.name) for kind in (Silent, Stated)] == ["", ""]
    assert fault(Newer, "newer") == "it speaks contract 2, this is 1"


def test_a_gateway_that_does_not_say_is_refused_by_a_core_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "CONTRACT", 2)
    monkeypatch.setattr(channel, "CONTRACT", 2)
    for kind in (Silent, Stated):
        assert fault(kind, kind.name) == "it speaks contract 1, this is 2"
        with pytest.raises(ConfigurationError, match="speaks contract 1, this is 2"):
            Channel("one", kind(Settings()))
    assert fault(Newer, "newer") == ""


def test_our_own_gateways_say_it_themselves() -> None:
    rows = [row for row in list_plugins() if row.distribution == "gateway-core"]
    assert rows and not [row.error for row in rows if row.error]
    for point in installed(plugins.GROUP):
        if point.name in {row.name for row in rows}:
            assert "contract" in vars(point.load()), f"{point.name} does not state its contract"


def test_the_version_is_part_of_what_is_approved() -> None:
    one, same, other = (Channel("one", Stated(Settings())) for _ in range(3))
    other.gateway.__dict__["contract"] = 7
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_a_value_of_the_contract_cannot_be_changed_by_a_plugin() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Done({}).body = {"x": 1}  # type: ignore[misc]
