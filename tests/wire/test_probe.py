"""A client certificate that the rail would refuse is told apart before any payment goes, in one sentence."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core.contract.channel import Wiring
from gateway_core.engine.transport.probe import certificate_trouble
from gateway_core.testing.wire.certificates import Authority, authority
from gateway_core.testing.wire.server import Peer, RawServer, answer

if TYPE_CHECKING:
    from tests.conftest import Shop

TLS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def wiring(folder: Path, pem: str = "") -> Wiring:
    (folder / "ca.pem").write_text(authority().pem)
    (folder / "client.pem").write_text(pem)
    return Wiring(ca_file=str(folder / "ca.pem"), client_certificate=str(folder / "client.pem") if pem else "")


def asking(version: str = "1.3", trusts: Authority | None = None) -> ssl.SSLContext:
    """A server that wants certificates of `trusts`."""
    context = authority().server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=(trusts or authority()).pem)
    context.minimum_version = context.maximum_version = TLS[version]
    return context


def trouble(server: RawServer, here: Wiring) -> str:
    return asyncio.run(certificate_trouble(server.url, here))


@pytest.mark.parametrize("version", TLS)
def test_a_good_certificate_is_no_trouble(version: str, tmp_path: Path) -> None:
    with RawServer(Peer.honest, tls=asking(version)) as server:
        assert trouble(server, wiring(tmp_path, authority().issue("client"))) == ""


def test_what_expired_is_known_without_asking(tmp_path: Path) -> None:
    here = wiring(tmp_path, authority().issue("client", days=-3))
    said = asyncio.run(certificate_trouble("https://127.0.0.1:9", here))
    assert said.startswith("our client certificate expired on 20")


def test_a_clock_that_is_behind_the_rails_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rail's clock decides; ours says that all is well."""
    from gateway_core.engine.transport import probe

    monkeypatch.setattr(probe, "_validity", lambda file: "")
    with RawServer(Peer.honest, tls=asking()) as server:
        said = trouble(server, wiring(tmp_path, authority().issue("client", days=-3)))
    assert said == "our client certificate has expired, says the rail"


def test_none_where_one_is_wanted(tmp_path: Path) -> None:
    with RawServer(Peer.honest, tls=asking()) as server:
        assert trouble(server, wiring(tmp_path)) == "our client certificate is missing, says the rail"


@pytest.mark.parametrize("version", TLS)
def test_one_that_the_rail_does_not_know(version: str, tmp_path: Path) -> None:
    with RawServer(Peer.honest, tls=asking(version, Authority())) as server:
        said = trouble(server, wiring(tmp_path, authority().issue("client")))
    assert said == "our client certificate was signed by nobody whom it knows, says the rail"


def test_a_refusal_by_a_page_as_nginx_gives_it(tmp_path: Path) -> None:
    page = answer(b"<center>The SSL certificate error</center>", b"400 Bad Request")

    def nginx(peer: Peer) -> None:
        peer.request()
        peer.say(page)

    with RawServer(nginx, tls=authority().server()) as server:
        said = trouble(server, wiring(tmp_path, authority().issue("client")))
    assert said == "our client certificate is not accepted, says the rail"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://127.0.0.1:9"])
def test_whatever_else_is_wrong_is_not_the_certificates_fault(url: str, tmp_path: Path) -> None:
    assert asyncio.run(certificate_trouble(url, wiring(tmp_path, authority().issue("client")))) == ""


def test_a_rail_that_never_speaks_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway_core.engine.transport import probe

    monkeypatch.setattr(probe, "SECONDS", 0.5)
    with RawServer(Peer.wait, tls=asking()) as server:
        assert trouble(server, wiring(tmp_path, authority().issue("client"))) == ""


def test_law_3_a_run_stops_the_channel_with_one_sentence_and_sends_nothing(
    open_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    good, bad = authority().issue("client"), authority().issue("client", days=-1)
    here = wiring(tmp_path, good)
    with RawServer(Peer.honest, tls=asking()) as server:
        files = {"ca_file": here.ca_file, "client_certificate": here.client_certificate}
        shop = open_shop(server.url, channel=files)
        payroll = shop.approved(shop.invoices(5))
        Path(here.client_certificate).write_text(bad)
        shop.reopen()
        report = shop.run(payroll, wait=0)
        assert report.stopped_channels["dummy"].startswith("our client certificate expired on")
        assert shop.select("SELECT count(*) FROM facts WHERE kind = 'intent'") == [(0,)]
        assert not server.copies
