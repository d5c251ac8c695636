"""How a channel connects: the files of mutual TLS, the transport and the proxy, and what is refused of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gateway_core.channels import load
from gateway_core.contract.channel import Channel, Wiring
from gateway_core.model.errors import ConfigurationError
from gateway_core.testing.wire.certificates import authority

pytestmark = pytest.mark.usefixtures("acme")

PAIR = authority().issue("client")
CERTIFICATE, KEY = PAIR[: PAIR.index("-----BEGIN PRIVATE")], PAIR[PAIR.index("-----BEGIN PRIVATE") :]
FILES = {
    "ca.pem": authority().pem, "client.pem": CERTIFICATE, "client.key": KEY, "both.pem": PAIR,
    "other.key": authority().issue("other").partition("-----BEGIN PRIVATE")[2], "empty.pem": "",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(("-----BEGIN PRIVATE" + text) if name == "other.key" else text)
    return tmp_path


def opened(folder: Path, monkeypatch: Any, *, live: bool = False, **changes: object) -> Channel:
    """The channel of a configuration with these changes."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TOKEN", "t")
    bank = {"gateway": "bank", "base_url": "https://bank.example", "token": {"env": "TOKEN"}}
    channel = {**bank, **({} if live else {"sandbox": True}), **changes}
    configuration = load(
        {"deployment": "grants", "environment": "live" if live else "test", "store": "sqlite:///a.db",
         "channels": {"one": channel}}
    )  # fmt: skip
    return configuration.channel("one")


def test_by_itself_a_channel_has_our_transport_and_trusts_the_public_authorities(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(folder, monkeypatch).wiring == Wiring()


def test_files_are_found_beside_the_configuration(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = opened(
        folder, monkeypatch, ca_file="ca.pem", client_certificate="client.pem", client_key="client.key"
    ).wiring  # fmt: skip
    assert (wiring.ca_file, wiring.client_key) == (str(folder / "ca.pem"), str(folder / "client.key"))


def test_the_key_may_lie_in_the_certificates_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(folder, monkeypatch, client_certificate="both.pem").wiring.client_key == ""


def test_a_proxy_brings_the_transport_that_speaks_to_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = opened(folder, monkeypatch, proxy="http://proxy.internal:3128/").wiring
    assert (wiring.transport, wiring.proxy) == ("stock", "http://proxy.internal:3128")


REFUSED = [
    ({"transport": "fast"}, "transport", "none of own, stock"),
    ({"transport": "own", "proxy": "http://p:3128"}, "transport", "speaks to no proxy"),
    ({"proxy": "socks5://p:1080"}, "proxy", "no web address"),
    ({"proxy": "http://me:pw@p:3128"}, "proxy", "user or password"),
    ({"proxy": "http://p:3128/path"}, "proxy", "more than a host"),
    ({"client_key": "client.key"}, "client_key", "without a certificate"),
    ({"ca_file": "none.pem"}, "ca_file", "No such file"),
    ({"ca_file": "."}, "ca_file", "directory"),
    ({"ca_file": "empty.pem"}, "ca_file", "cannot be used"),
    ({"client_certificate": "none.pem"}, "client_certificate", "No such file"),
    ({"client_certificate": "client.pem"}, "client_certificate", "cannot be used"),
    ({"client_certificate": "client.pem", "client_key": "other.key"}, "client_certificate", "key values mismatch"),
    ({"client_certificate": 5}, "client_certificate", "expected text"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "key", "reason"), REFUSED, ids=str)
def test_what_cannot_be_used_is_refused_with_key_and_reason(
    changes: dict[str, Any], key: str, reason: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        opened(folder, monkeypatch, **changes)
    assert caught.value.key == f"channels.one.{key}"


def test_a_key_that_is_locked_does_not_ask_on_the_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives import serialization

    plain = serialization.load_pem_private_key(KEY.encode(), None)
    locked = plain.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
    )
    (folder / "client.key").write_bytes(locked)
    with pytest.raises(ConfigurationError, match="password"):
        opened(folder, monkeypatch, client_certificate="client.pem", client_key="client.key")


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("name", ["client.key", "both.pem"])
def test_on_a_live_store_a_key_is_not_everybodys(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, Any] = {"client_certificate": "client.pem", "client_key": name} if name == "client.key" else {
        "client_certificate": name}  # fmt: skip
    (folder / name).chmod(0o644)
    opened(folder, monkeypatch, **files)
    with pytest.raises(ConfigurationError, match="every user of this machine"):
        opened(folder, monkeypatch, live=True, **files)


def test_a_renewed_certificate_is_used_at_the_next_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway_core.engine import tls

    wiring = opened(folder, monkeypatch, client_certificate="both.pem").wiring
    first = tls.context(wiring)
    assert tls.context(wiring) is first
    (folder / "both.pem").write_text(authority().issue("client"))
    os.utime(folder / "both.pem", ns=(1, 1))
    assert tls.context(wiring) is not first
