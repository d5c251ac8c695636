"""Every setting has a heading in the docs, with what the tables in the code say."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import attrs
import pytest

from gateway_core.channels import manual
from gateway_core.channels.fields import of_gateway
from gateway_core.channels.settings import CAPABILITY_KEYS, CHANNEL, COMMON, NARROWED, PACE_KEYS, TOP
from gateway_core.contract import Capabilities
from gateway_core.contract.channel import Pace
from gateway_core.contract.gateway import Settings

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
HEADINGS = re.findall(r"^### `(.+)`$", PAGE.read_text(), re.MULTILINE)
ROWS = (*TOP, *COMMON, *CHANNEL, *NARROWED)


@pytest.mark.parametrize("key", [row.key for row in ROWS])
def test_a_setting_has_one_heading(key: str) -> None:
    assert HEADINGS.count(key) == 1


def test_the_reference_is_what_the_tables_say() -> None:
    assert manual.renewed(PAGE.read_text()) == PAGE.read_text(), "python -m gateway_core.channels.manual > page"


@pytest.mark.parametrize(
    "name", ["dummy_server", *(p.name for p in importlib.metadata.entry_points(group="gateway_core"))]
)
def test_the_settings_of_our_gateways_have_headings(name: str) -> None:
    if name == "dummy_server":
        gateway = pytest.importorskip("gateway_dummy_server").DummyGateway
    else:
        [point] = importlib.metadata.entry_points(group="gateway_core", name=name)
        gateway = point.load()
    missing = {row.key for row in of_gateway(gateway)} - set(HEADINGS)
    assert not missing


def test_the_tables_cover_what_a_channel_and_its_settings_have() -> None:
    assert {row.key for row in COMMON} == set(attrs.fields_dict(Settings))
    assert set(attrs.fields_dict(Pace)) == PACE_KEYS | {"max_amount_currency", "max_concurrency"}
    assert set(attrs.fields_dict(Capabilities)) >= CAPABILITY_KEYS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_the_example_of_a_setting_is_accepted(row: object) -> None:
    assert isinstance(row, type(TOP[0]))
    example = row.example if row.example.startswith("\n") else f"{row.key} = {row.example}"
    value = tomllib.loads(example)[row.key]
    assert row.read(value) is not None
    assert row.meaning.endswith((".", "`")) and row.mend and (row.required or row.default)
