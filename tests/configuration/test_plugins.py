"""Installed is not enabled: only what is named is imported, and one broken plugin harms nobody."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any

import pytest

from gateway_core.channels import list_plugins, load
from gateway_core.contract import Account, Money, Payment
from gateway_core.model.errors import ConfigurationError

from .conftest import GATEWAYS, Install


def imported() -> set[str]:
    return {name.removeprefix("acme_") for name in sys.modules if name.startswith("acme_")}


@pytest.mark.usefixtures("acme")
def test_only_named_plugins_are_imported(base: dict[str, Any]) -> None:
    load(base | {"policies": ["registry"]}).check()
    assert imported() == {"sim", "registry"}


@pytest.mark.usefixtures("acme")
def test_every_installed_gateway_is_listed_and_none_harms_another(base: dict[str, Any]) -> None:
    rows = {row.name: row for row in list_plugins(enabled=load(base).gateways.values()) if row.name in GATEWAYS}
    assert set(rows) == set(GATEWAYS)
    assert {name for name, row in rows.items() if row.enabled} == {"sim"}
    assert {name for name, row in rows.items() if not row.error} == {"sim", "bank", "nowhere"}
    sim = rows["sim"]
    assert (sim.distribution, sim.version) == ("acme-plugins", "1.2")
    assert sim.capabilities is not None and sim.capabilities["dedupes"] is True
    assert "a_library_that_nobody_has" in rows["broken"].error
    assert all("\n" not in row.error and (row.capabilities is None) == bool(row.error) for row in rows.values())


def test_broken_metadata_of_a_stranger_hides_nobody(
    acme: None, install: Install, monkeypatch: pytest.MonkeyPatch, base: dict[str, Any]
) -> None:
    def raising(**_: object) -> None:
        raise TypeError("one distribution has a line without =")

    info = install("wild", {"gateway_core": {"wild": "wild:Plugin"}}, {})
    (info / "entry_points.txt").write_text("[gateway_core]\nthis line has no equals sign\n")
    monkeypatch.setattr(importlib.metadata, "entry_points", raising)
    assert "sim" in {row.name for row in list_plugins()}
    load(base)


def test_a_gateway_of_ours_without_its_libraries_prints_its_pip_command(install: Install, base: dict[str, Any]) -> None:
    install(
        "gateway-core", {"gateway_core": {"bank_transfer": "lacking:Plugin"}}, {"lacking": "import a_missing_library"}
    )
    base["channels"]["one"]["gateway"] = "bank_transfer"
    with pytest.raises(ConfigurationError) as caught:
        load(base)
    assert caught.value.key == "channels.one.gateway"
    assert caught.value.mend == 'pip install "gateway-core[bank]"'
    row = next(row for row in list_plugins() if row.name == "bank_transfer")
    assert 'pip install "gateway-core[bank]"' in row.error


def test_a_name_that_two_distributions_offer_is_refused(acme: None, install: Install, base: dict[str, Any]) -> None:
    install("rival", {"gateway_core": {"sim": "rival:Plugin"}}, {"rival": "1/0"})
    with pytest.raises(ConfigurationError, match="acme-plugins and rival both offer"):
        load(base)


@pytest.mark.usefixtures("acme")
def test_a_plugin_that_is_not_named_may_be_broken(base: dict[str, Any]) -> None:
    base["channels"]["two"] = {"gateway": "broken"}
    with pytest.raises(ConfigurationError):
        load(base)
    del base["channels"]["two"]
    load(base)


@pytest.mark.usefixtures("acme")
@pytest.mark.parametrize("name", ["registry", "acme_registry:Plugin"])
def test_a_policy_is_heard_although_nobody_decorated_it(base: dict[str, Any], name: str) -> None:
    payment = Payment(
        id="1", number=1, invoice="i", entitlement="e", beneficiary="b", name="n", account=Account("msisdn", "1"),
        amount=Money(1, "UGX"), programme="", cycle="", instalment="", reference="", channel="one", extra={},
    )  # fmt: skip
    policies = load(base | {"policies": [name]}).policies()
    [(about, objection)] = policies.check_payments([payment])
    assert (about, objection.code, objection.source) == ("1", "dead", name)
