"""A secret is read when its channel is opened, and then shown nowhere."""

from __future__ import annotations

import copy
import json
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.channels import Configuration, load
from gateway_core.model.errors import ConfigurationError

pytestmark = pytest.mark.usefixtures("acme")

# An environment variable holds no NUL. A secret begins with what occurs nowhere by chance: Hypothesis found "the gate"
# in a message.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
SECRETS = TEXTS.map("§7#ü".__add__)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bank(**token: str) -> dict[str, Any]:
    channel = {"gateway": "bank", "base_url": "https://bank.example", "sandbox": True, "token": token}
    return {"deployment": "grants", "environment": "test", "store": "sqlite:///a.db", "channels": {"one": channel}}


def leaks(secret: str, shown: str) -> bool:
    return any(form in shown for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]))


@QUICK
@given(SECRETS)
def test_a_secret_is_shown_by_nothing(secret: str) -> None:
    with mock.patch.dict(os.environ, {"TOKEN": secret}):
        configuration = load(bank(env="TOKEN"))
        channel = configuration.channel("one")
    assert channel.secrets() == {"token": secret}
    made = channel.settings
    things = (made, channel, channel.gateway, configuration, attrs.asdict(made), attrs.astuple(made), vars(channel))
    for thing in things:
        for show in (repr, str, "{}".format):
            assert not leaks(secret, show(thing))
    for copied in (pickle.dumps, copy.deepcopy):
        for thing in (made, configuration):
            with pytest.raises(TypeError) as caught:
                copied(thing)
            assert not leaks(secret, str(caught.value))
    with pytest.raises(TypeError):
        json.dumps(attrs.asdict(made))


@QUICK
@given(SECRETS)
def test_a_plain_secret_is_refused_without_repeating_it(secret: str) -> None:
    raw = bank()
    for wrong in (secret, [secret], {"value": secret}):
        raw["channels"]["one"]["token"] = wrong
        assert not leaks(secret, said(lambda: load(raw)))


@QUICK
@given(SECRETS)
def test_a_gateway_that_quotes_its_secret_is_not_quoted(secret: str) -> None:
    raw = bank(env="TOKEN")
    raw["channels"]["one"]["fussy"] = True
    with mock.patch.dict(os.environ, {"TOKEN": secret}):
        message = said(load(raw).check)
    assert "ValueError in acme_bank.py, line " in message
    assert not leaks(secret, message)


@QUICK
@given(SECRETS)
def test_a_password_of_the_store_is_shown_by_nothing(secret: str) -> None:
    password = quote(secret, safe="")
    address = f"postgresql+psycopg://me:{password}@db.example/grants?sslpassword={password}"
    with mock.patch.dict(os.environ, {"STORE": address}):
        configuration = load(bank() | {"store": {"env": "STORE"}, "channels": {}})
    assert configuration.store_url == address
    assert configuration.shown_store == "postgresql+psycopg://db.example/grants"
    assert "db.example" not in repr(configuration)


@QUICK
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60), st.sampled_from(["", "\n", "\r\n"]))
def test_a_file_loses_one_line_end(tmp_path: Path, secret: str, end: str) -> None:
    path = tmp_path / "token"
    path.write_bytes((secret + end).encode())
    # Without an end of its own, a line end of the secret's is the one that goes.
    expected = secret if end else secret.removesuffix("\r\n") if secret.endswith("\r\n") else secret.removesuffix("\n")
    if end == "\n" and secret.endswith("\r"):
        expected = secret[:-1]
    configuration = load(bank(file=str(path)))
    if expected:
        assert configuration.channel("one").secrets() == {"token": expected}
    else:
        assert "empty" in said(configuration.check)


def said(step: Callable[[], object]) -> str:
    """The whole traceback of the ConfigurationError that `step` raises, chained errors and their contents included."""
    with pytest.raises(ConfigurationError) as caught:
        step()
    error: BaseException | None = caught.value
    parts = ["".join(traceback.format_exception(caught.value)), repr(caught.value), repr(pickle.dumps(caught.value))]
    while error is not None:
        parts.append(repr(vars(error)))
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def test_secrets_of_unused_channels_are_not_read(base: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one = base["channels"]["one"]
    base["channels"]["two"] = {**one, "pin": {"env": "NOT_SET_HERE"}}
    configuration = load(base)
    assert configuration.channel("one").secrets() == {}
    with pytest.raises(ConfigurationError):
        configuration.channel("two")
    monkeypatch.setenv("NOT_SET_HERE", "1234")
    assert configuration.channel("two").secrets() == {"pin": "1234"}
    configuration.check()


def test_an_opened_channel_is_kept_and_one_opened_anew_reads_its_secrets_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "first")
    configuration = load(bank(env="TOKEN"))
    kept = configuration.channel("one")
    monkeypatch.setenv("TOKEN", "second")
    assert configuration.channel("one") is kept
    assert configuration.open_channel("one").secrets() == {"token": "second"}


@pytest.mark.parametrize(("mode", "environment", "opens"), [
    (0o644, "test", True), (0o600, "live", True), (0o440, "live", True), (0o604, "live", False), (0o602, "live", False),
])  # fmt: skip
def test_a_file_open_to_everybody_is_refused_on_a_live_store(
    tmp_path: Path, mode: int, environment: str, opens: bool
) -> None:
    path = tmp_path / "gateway.toml"
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "token").chmod(mode)
    sandbox = "sandbox = true\n" if environment == "test" else ""
    path.write_text(
        f'deployment = "grants"\nenvironment = "{environment}"\nstore = "sqlite:///a.db"\n[channels.one]\n'
        f'gateway = "bank"\nbase_url = "https://bank.example"\ntoken = {{ file = "token" }}\n{sandbox}'
    )
    configuration: Configuration = load(path)
    if opens:
        assert configuration.channel("one").secrets() == {"token": "secret"}
    else:
        assert "chmod 600" in said(configuration.check)
