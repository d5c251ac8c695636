"""A plugin that cannot be loaded: one plain sentence, the rest works, and no payment is called failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core.channels import entries, list_plugins
from gateway_core.model.errors import ConfigurationError
from gateway_core.paymaster import Paymaster
from tests.configuration.conftest import GATEWAYS, Install
from tests.configuration.conftest import install as install

from .conftest import OpenStreet
from .wild import made

if TYPE_CHECKING:
    from tests.conftest import Shop

# Why it cannot be used -> what the sentence says.
CASES = {
    "broken": "No module named 'a_library_that_nobody_has'",
    "raising": "RuntimeError: no licence",
    "exits": "SystemExit: 3",
    "endless": "did not return",
    "hookless": "lacks execute_payment",
    "newer": "speaks contract 99, this is 1",
    "misnamed": "calls itself 'other'",
    "stranger": "no subclass of gateway_core.contract.Gateway",
    "loose": "capabilities are no Capabilities",
    "odd": "a type that no configuration can fill",
}
SOURCES = {**GATEWAYS, "endless": "while True:\n    pass\n"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "IMPORTING", 1.0)


@pytest.fixture
def bad(install: Install, request: pytest.FixtureRequest) -> str:
    """A stranger's distribution with one gateway."""
    name = str(request.param)
    install("acme-plugins", {"gateway_core": {name: f"acme_{name}:Plugin"}}, {f"acme_{name}": SOURCES[name]})
    return name


def one_sentence(said: str) -> bool:
    return bool(said) and "\n" not in said and "Traceback" not in said


@pytest.mark.parametrize("bad", CASES, indirect=True)
def test_installed_and_not_named_it_harms_nobody(bad: str, shop: Shop) -> None:
    payroll = shop.approved(shop.invoices(3))
    shop.reopen()
    assert shop.run(payroll).finished and set(shop.states(payroll).values()) == {"paid"}
    rows = {row.name: row for row in list_plugins()}
    assert CASES[bad] in rows[bad].error and one_sentence(rows[bad].error)
    assert not rows["dummy_server"].error


@pytest.mark.parametrize("bad", CASES, indirect=True)
def test_named_it_ends_the_start_with_one_sentence_and_no_payment_changes(bad: str, shop: Shop) -> None:
    payroll = shop.approved(shop.invoices(3))
    good = dict(shop.config["channels"])
    wanting = {**good, "acme": {"gateway": bad, "base_url": "http://127.0.0.1:1"}}
    with pytest.raises(ConfigurationError, match=r"channels\.acme\.gateway") as caught:
        shop.reopen(channels=wanting)
    assert CASES[bad] in str(caught.value) and one_sentence(str(caught.value))
    # Mended, or no longer named: everybody is where they were, and is paid.
    shop.config["channels"] = good
    shop.paymaster = Paymaster.open(shop.config)
    assert set(shop.states(payroll).values()) == {"ready"}
    shop.run(payroll)
    assert set(shop.states(payroll).values()) == {"paid"}


def test_on_the_command_line_it_is_one_line(shop: Shop, tmp_path: Path, install: Install) -> None:
    install("acme-plugins", {"gateway_core": {"raising": "acme_raising:Plugin"}}, {"acme_raising": SOURCES["raising"]})
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'deployment = "{shop.config["deployment"]}"\nenvironment = "test"\nstore = "{shop.config["store"]}"\n'
        f'mark_dir = "{shop.config["mark_dir"]}"\n[channels.acme]\ngateway = "raising"\nbase_url = "http://127.0.0.1:1"\n'
    )
    place = str(tmp_path / "site")
    command = [sys.executable, "-m", "gateway_core.cli", "--config", str(file), "run"]
    environment = {**os.environ, "PYTHONPATH": place}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "channels.acme.gateway" in done.stderr and "no licence" in done.stderr


def other_arguments(self: Any, ask: Any, reply: Any, mood: Any) -> None:
    """A hook that wants what nobody gives."""


def test_a_hook_that_does_not_fit_keeps_its_own_payroll_back(open_street: OpenStreet) -> None:
    street = open_street({"misfit": made()})
    for case in ("misfit", "good"):
        street.approve(case)
    street.shop.paymaster.configuration._opened.clear()
    street.plug("misfit", made(parse_response=other_arguments))
    report = street.run()
    assert street.states("good") == {"paid"} and street.states("misfit") == {"ready"}
    said = report.skipped[street.names["misfit"]]
    assert one_sentence(said) and "a hook that does not fit" in said
