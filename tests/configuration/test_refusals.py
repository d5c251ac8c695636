"""What cannot be used is refused at the start: the key, the reason, the mend, all of a file at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_core.channels import Configuration, load
from gateway_core.channels.settings import CHANNEL as CHANNEL_ROWS
from gateway_core.channels.settings import COMMON, NARROWED
from gateway_core.channels.settings import TOP as TOP_ROWS
from gateway_core.model.errors import ConfigurationError, ConfigurationErrors

from .refusals import CHANNEL, SECRETS, TOP, changed

pytestmark = pytest.mark.usefixtures("acme")


def expect(error: ConfigurationError, key: str, reason: str, mend: str) -> None:
    assert error.all == (error,), f"one problem was expected: {error}"
    assert error.key == key
    assert reason in error.reason
    assert mend in error.mend
    assert str(error) == f"{error.key}: {error.reason}; {error.mend}"


@pytest.mark.parametrize(("changes", "key", "reason", "mend"), TOP, ids=lambda value: str(value)[:50])
def test_a_wrong_top_level_setting_is_refused(
    base: dict[str, Any], changes: dict[str, Any], key: str, reason: str, mend: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(changed(base, changes))
    expect(caught.value, key, reason, mend)


@pytest.mark.parametrize(("changes", "key", "reason", "mend"), CHANNEL, ids=lambda value: str(value)[:50])
def test_a_wrong_channel_is_refused(
    base: dict[str, Any], changes: dict[str, Any], key: str, reason: str, mend: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(changed(base, changes))
    expect(caught.value, f"channels.one.{key}", reason, mend)


@pytest.mark.parametrize(("changes", "key", "reason", "mend"), SECRETS, ids=lambda value: str(value)[:50])
def test_a_missing_secret_is_refused_when_its_channel_opens(
    base: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    key: str,
    reason: str,
    mend: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "huge").write_bytes(b"x" * 70_000)
    (tmp_path / "open.txt").write_text("secret")
    (tmp_path / "open.txt").chmod(0o644)
    configuration = load(changed(base, changes))
    for step in (configuration.check, lambda: configuration.channel("one")):
        with pytest.raises(ConfigurationError) as caught:
            step()
        expect(caught.value, f"channels.one.{key}", reason, mend)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"deployment = ", "is not TOML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = " + b"[" * 200_000, "not TOML"),
        (b"# " + b"x" * (1 << 20), "bytes"),
        (None, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "gateway.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(path)
    assert caught.value.key == str(path)
    assert reason in caught.value.reason


def test_every_problem_of_a_file_is_told_at_once(base: dict[str, Any]) -> None:
    wrong = {
        "deployment": "X",
        "environment": "prod",
        "polices": [],
        "channels": {
            "one": {"gateway": "sim", "base_url": "http://far.example", "pin": "1234", "timout": 3},
            "two": {"gateway": "broken", "rate": "fast"},
        },
    }
    with pytest.raises(ConfigurationErrors) as caught:
        load(wrong)
    keys = [problem.key for problem in caught.value.all]
    assert keys == [
        "polices", "deployment", "environment", "store",
        "channels.one.timout", "channels.one.base_url", "channels.one.pin",
        "channels.two.gateway", "channels.two.rate",
    ]  # fmt: skip
    assert all(f"{key}: " in str(caught.value) for key in keys)
    assert (caught.value.key, caught.value.mend) == (caught.value.all[0].key, caught.value.all[0].mend)


def test_every_missing_secret_is_told_at_once(base: dict[str, Any]) -> None:
    channel = base["channels"]["one"]
    base["channels"] = {name: {**channel, "pin": {"env": f"PIN_{name.upper()}"}} for name in ("one", "two")}
    base["signing_key"] = {"env": "NO_SIGNING_KEY"}
    configuration = load(base)
    with pytest.raises(ConfigurationErrors) as caught:
        configuration.check()
    assert [problem.key for problem in caught.value.all] == ["signing_key", "channels.one.pin", "channels.two.pin"]


ANYTHING: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.sampled_from(["sim", "bank"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["env", "file"]), inner),
    max_leaves=6,
)
TOP_KEYS = st.sampled_from([row.key for row in TOP_ROWS]) | st.text()
CHANNEL_KEYS = st.sampled_from([row.key for row in (*CHANNEL_ROWS, *COMMON, *NARROWED)]) | st.text()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(TOP_KEYS, ANYTHING), st.dictionaries(CHANNEL_KEYS, ANYTHING))
def test_whatever_is_written_the_answer_is_a_configuration_or_a_refusal(
    base: dict[str, Any], top: dict[str, Any], channel: dict[str, Any]
) -> None:
    one = {**base["channels"]["one"], **channel}
    try:
        made = load({**base, **top, "channels": {"one": one}})
        made.check()
    except ConfigurationError as error:
        assert all(problem.key and problem.reason and problem.mend for problem in error.all)
    else:
        assert isinstance(made, Configuration)
