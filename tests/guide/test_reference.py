"""Everything that a plugin author may use has a heading in the reference, and nothing else has."""

from __future__ import annotations

import inspect
import re
from typing import Any

import attrs
import pytest

from gateway_core import contract
from gateway_core.contract import BatchGateway, Capabilities, Gateway, PolicySpecs, Settings
from gateway_core.contract.batch_specs import BATCH_HOOKS
from gateway_core.contract.hookspecs import HOOKS
from gateway_core.contract.replies import VERDICTS
from gateway_core.testing.behaviours import Behaviour, Chaos
from gateway_core.testing.contract.batch_kit import BatchKit
from gateway_core.testing.contract.judging import Judged
from gateway_core.testing.contract.kit import Kit
from gateway_core.testing.grouped import GroupCommit
from gateway_core.testing.ledger import Entry, Ledger, Order
from gateway_core.testing.provider import MockProvider, Turn
from tests.meta.imports import ROOT

PAGE = (ROOT / "docs" / "plugin-reference.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
HEADED = {name: re.findall(r"^### `(\w+)`$", text, re.MULTILINE) for name, text in SECTIONS.items()}
HOOKED = {*HOOKS, *BATCH_HOOKS}
POLICIES = {name for name in vars(PolicySpecs) if not name.startswith("_")}
# What of the kit is not the author's to give.
MACHINERY = {"bench", "judged", "once", "set_up", "teardown_class", "tour", "verdict", "verdicts", "walk"}


def own(kind: type) -> set[str]:
    """The public names that a class or its annotations have."""
    return {name for name in {**vars(kind), **vars(kind).get("__annotations__", {})} if not name.startswith("_")}


def below(section: str, name: str) -> str:
    """What stands under a heading."""
    found = re.search(rf"^### `{name}`\n(.*?)(?=^###? |\Z)", SECTIONS[section], re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


STAND_IN = (MockProvider, Turn, Behaviour, Ledger, Order, Entry, GroupCommit)
WANTED: dict[str, set[str]] = {
    "Hooks": HOOKED,
    "Verdicts": {verdict.__name__ for verdict in VERDICTS},
    "Capabilities": set(attrs.fields_dict(Capabilities)),
    "Settings": set(attrs.fields_dict(Settings)),
    "Policies of a host": POLICIES | {"PolicySpecs"},
    "The contract kit": {name for kind in (Judged, Kit, BatchKit) for name in own(kind)} - MACHINERY,
    "A stand-in for the provider": {kind.__name__ for kind in STAND_IN},
    "The class": {"Gateway", "BatchGateway"} | own(Gateway) - HOOKED - {"capabilities"},
}


@pytest.mark.parametrize("section", WANTED)
def test_each_has_one_heading(section: str) -> None:
    assert sorted(HEADED[section]) == sorted(WANTED[section])


def test_every_name_of_the_contract_has_a_heading() -> None:
    headed = {name for names in HEADED.values() for name in names}
    assert set(contract.__all__) <= headed
    assert own(BatchGateway) <= headed | {"capabilities"}


def test_what_a_heading_of_the_parts_names_is_there() -> None:
    known = set(contract.__all__) | own(BatchGateway)
    assert {*HEADED["The parts"], *HEADED["Files"]} <= known


def test_everything_stands_under_some_section_that_is_tested() -> None:
    assert set(HEADED) == {*WANTED, "The parts", "Files"}


@pytest.mark.parametrize("field", attrs.fields(Capabilities), ids=lambda field: str(field.name))
def test_the_default_of_a_capability_is_the_one_that_is_said(field: attrs.Attribute[Any]) -> None:
    assert f"Default: `{field.default!r}`" in below("Capabilities", field.name)


@pytest.mark.parametrize("name", sorted(HOOKED))
def test_a_hook_is_shown_as_it_is_called(name: str) -> None:
    kind = Gateway if name in HOOKS else BatchGateway
    signature = inspect.signature(getattr(kind, name))
    shown = ", ".join(["self", *(f"{one.name}: {one.annotation}" for one in list(signature.parameters.values())[1:])])
    assert f"{name}({shown}) -> {signature.return_annotation}" in below("Hooks", name)


PARTS = [
    (section, name)
    for section in ("The parts", "Files")
    for name in HEADED[section]
    if attrs.has(getattr(contract, name, object)) and name not in ("Settings", "Capabilities")
]


@pytest.mark.parametrize(("section", "name"), PARTS)
def test_every_field_of_a_part_is_named_under_its_heading(section: str, name: str) -> None:
    fields = [field.name for field in attrs.fields(getattr(contract, name)) if field.init]
    missing = [field for field in fields if not re.search(rf"\b{field}\b", below(section, name))]
    assert not missing, f"{name}: {missing}"


@pytest.mark.parametrize("verdict", VERDICTS, ids=lambda verdict: str(verdict.__name__))
def test_a_verdict_is_shown_with_all_its_parts(verdict: type[Any]) -> None:
    shown = below("Verdicts", verdict.__name__).strip().split("`")[1]
    assert all(re.search(rf"[(, ]{field.name}\b", shown) for field in attrs.fields(verdict)), shown


def test_what_the_page_calls_of_the_stand_in_is_there() -> None:
    said = set(re.findall(r"`(?:await )?(\w+)\(", SECTIONS["A stand-in for the provider"]))
    known = {name for kind in STAND_IN for name in (*own(kind), kind.__name__)} | {Chaos.__name__}
    assert {"take", "find", "tick", "transaction", "run"} < said <= known
