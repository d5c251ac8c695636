"""What a good configuration becomes."""

from __future__ import annotations

import base64
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway_core.channels import load, template
from gateway_core.contract import Money
from gateway_core.contract.channel import Pace
from gateway_core.model.errors import ConfigurationError, ConfigurationErrors, NotFoundError

from .conftest import GATEWAYS, Install

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()

WHOLE = f"""
deployment = "example-grants"
environment = "test"
store = "sqlite:///data/payments.db"
policies = ["registry"]
mark_dir = "marks"
timezone = "Africa/Kampala"
approval_ttl = 36
signing_key = {{ env = "SIGNING_KEY" }}
[approvers]
"Joseph  OKELLO" = "{PUBLIC}"
[channels.one]
gateway = "sim"
base_url = "http://127.0.0.1:8765/v1/"
institution_account = "GRANTS-01"
profile = "b"
pin = {{ file = "pin.txt" }}
max_concurrency = 32
rate = 20
timeout = 5
body_limit = 4096
quiet_hours = ["22:00", "06:00"]
max_amount = "500000.50 KES"
recheck_ttl = 60
listen = "127.0.0.1:8089"
dedupes = false
settle = 0.5
ask_after = 1
ask_at_most = 2
ask_limit = 9
patience = 30
codes = ["a", "b"]
[channels.two]
gateway = "bank"
base_url = "https://bank.example"
sandbox = true
token = {{ env = "TOKEN" }}
"""


@pytest.fixture
def whole(acme: None, tmp_path: Path) -> Path:
    (tmp_path / "pin.txt").write_text("1234\n")
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    return path


def test_every_setting_arrives(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", base64.b64encode(KEY.private_bytes_raw()).decode())
    configuration = load(whole)
    folder = whole.parent
    assert (configuration.deployment, configuration.environment) == ("example-grants", "test")
    assert configuration.is_test
    assert configuration.store_url == configuration.shown_store == f"sqlite:///{folder}/data/payments.db"
    assert configuration.mark_dir == folder / "marks"
    assert str(configuration.timezone) == "Africa/Kampala"
    assert configuration.approval_ttl == timedelta(hours=36)
    assert configuration.approvers == {"joseph okello": PUBLIC}
    assert configuration.channel_names == ("one", "two")
    assert configuration.gateways == {"one": "sim", "two": "bank"}
    assert configuration.max_amounts() == {"one": Money(50_000_050, "KES")}
    signing_key = configuration.signing_key()
    assert signing_key is not None and signing_key.private_bytes_raw() == KEY.private_bytes_raw()


def test_a_channel_has_its_pace_capabilities_and_settings(whole: Path) -> None:
    channel = load(str(whole)).channel("one")
    assert channel.pace == Pace(
        max_concurrency=32, rate=20, timeout=5, body_limit=4096, quiet_hours=("22:00", "06:00"),
        max_amount=50_000_050, max_amount_currency="KES", recheck_ttl=60,
    )  # fmt: skip
    asked = channel.capabilities
    assert (asked.dedupes, asked.settle, asked.ask_after, asked.ask_at_most) == (False, 0.5, 1, 2)
    assert (asked.ask_limit, asked.patience) == (9, 30)
    assert (channel.name, channel.listen, channel.secrets()) == ("one", "127.0.0.1:8089", {"pin": "1234"})
    made = channel.gateway.settings
    assert (made.base_url, made.institution_account, made.profile) == ("http://127.0.0.1:8765/v1", "GRANTS-01", "b")
    assert (made.codes, made.retries, made.strict) == (["a", "b"], 3, True)


def test_what_is_left_out_is_the_gateways(acme: None, base: dict[str, Any]) -> None:
    configuration = load(base)
    channel = configuration.channel("one")
    assert channel.pace == Pace(max_concurrency=16)
    assert channel.capabilities == channel.gateway.capabilities
    assert configuration.max_amounts() == {}
    assert configuration.approvers == {}
    assert (configuration.timezone, configuration.approval_ttl, configuration.signing_key()) == (None, None, None)


def test_a_dict_is_relative_to_the_current_folder(
    acme: None, base: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(base).store_url == f"sqlite:///{tmp_path}/payments.db"


@pytest.mark.parametrize(
    ("override", "expected"),
    [("sqlite:////var/x.db", "sqlite:////var/x.db"), ("sqlite:///x.db", "sqlite:///{cwd}/x.db"),
     ("postgresql+psycopg://db/x", "postgresql+psycopg://db/x")],
)  # fmt: skip
def test_an_override_replaces_the_address_of_the_store_only(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, override: str, expected: str
) -> None:
    elsewhere = tmp_path_factory.mktemp("cwd")
    monkeypatch.chdir(elsewhere)
    configuration = load(whole, store=override)
    assert configuration.store_url == expected.format(cwd=elsewhere)
    assert configuration.mark_dir == whole.parent / "marks"


def test_an_override_serves_where_the_files_own_store_cannot_be_found(acme: None, base: dict[str, Any]) -> None:
    base["store"] = {"env": "NO_SUCH_VARIABLE"}
    assert load(base, store="sqlite:////var/x.db").store_url == "sqlite:////var/x.db"
    with pytest.raises(ConfigurationError, match="neither sqlite"):
        load(base, store="x.db")


@pytest.mark.parametrize(("state", "expected"), [
    ("/state", "/state/gateway-core"), ("", "{home}/.local/state/gateway-core"),
    ("not/absolute", "{home}/.local/state/gateway-core"),
])  # fmt: skip
def test_the_mark_lies_in_the_users_state_folder(
    acme: None, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch, state: str, expected: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", state)
    assert load(base).mark_dir == Path(expected.format(home=Path.home()))


def test_an_unknown_channel_is_not_found(acme: None, base: dict[str, Any]) -> None:
    with pytest.raises(NotFoundError, match="did you mean one"):
        load(base).channel("onee")


def test_a_rail_without_an_address_needs_none(acme: None, base: dict[str, Any]) -> None:
    base |= {"environment": "live", "channels": {"one": {"gateway": "nowhere"}}}
    assert load(base).channel("one").settings.base_url == ""


@pytest.mark.parametrize("key", ["", "c2hvcnQ=", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----"])
def test_a_signing_key_that_is_none_is_refused(
    acme: None, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SIGNING_KEY", key)
    with pytest.raises(ConfigurationError, match="signing_key"):
        load(base | {"signing_key": {"env": "SIGNING_KEY"}}).check()


def test_the_template_is_a_configuration(install: Install, tmp_path: Path) -> None:
    source = GATEWAYS["sim"].replace('"sim"', '"dummy_server"')
    install("gateway-core", {"gateway_core": {"dummy_server": "a_dummy:Plugin"}}, {"a_dummy": source})
    path = tmp_path / "gateway.toml"
    path.write_text(template("my-grants", base_url="http://127.0.0.1:9999"))
    configuration = load(path)
    configuration.check()
    assert configuration.deployment == "my-grants"
    assert configuration.store_url == f"sqlite:///{tmp_path}/payments.db"
    assert configuration.channel("dummy").settings.base_url == "http://127.0.0.1:9999"
    uncommented = "".join(
        line.removeprefix("# ")
        if line.startswith(("# timezone", "# approval_ttl", "# max_amount", "# listen"))
        else line
        for line in path.read_text().splitlines(keepends=True)
    )
    path.write_text(uncommented)
    load(path)


def test_a_template_for_a_bad_name_is_refused() -> None:
    with pytest.raises(ConfigurationErrors) as caught:
        template('x"', channel="a b")
    assert [problem.key for problem in caught.value.all] == ["deployment", 'channels."a b"']


def test_errors_survive_pickling() -> None:
    errors = ConfigurationErrors([ConfigurationError("a", "is wrong", "mend it"), ConfigurationError("b", "c", "d")])
    again = pickle.loads(pickle.dumps(errors))  # noqa: S301 - our own bytes
    assert str(again) == str(errors)
    assert [problem.key for problem in again.all] == ["a", "b"]
