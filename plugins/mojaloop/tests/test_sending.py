"""What is added when a request leaves: signatures, by keys that change; tokens, without a gap; the hub's clock."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from gateway_mojaloop import MojaloopGateway, MojaloopSettings
from gateway_mojaloop.fspiop import jws
from gateway_mojaloop.fspiop.texts import canonical
from gateway_mojaloop.keys import KeyFolder, private_key
from gateway_mojaloop.simulator.voices import public_pem
from gateway_mojaloop.tokens import ClockOff

from gateway_core.contract import Hidden, NoToken, Tokens, Unfit
from gateway_core.testing.wire.certificates import Authority, authority

from .conftest import payer_key, private_pem
from .test_recovery import Receiving

if TYPE_CHECKING:
    from .conftest import Scheme, Shop

BODY = canonical({"transferId": "1", "note": "für Amína"})
TOKEN = {"token_url": "https://hub/token", "client_id": "grants", "client_secret": Hidden("geheim")}


def settings(**more: Any) -> MojaloopSettings:
    return MojaloopSettings(**{"base_url": "https://hub", "fsp_id": "grantsfsp", **more})


class Hub:
    """Answers what is sent to it; `tokens` counts those that were given out."""

    def __init__(self, life: float = 100.0, *, slow: float = 0.0) -> None:
        self.life, self.slow, self.tokens, self.refuses = life, slow, 0, set[str]()
        self.seen: list[httpx.Request] = []
        self.status, self.date = 202, ""

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            assert request.headers["authorization"] == "Basic Z3JhbnRzOmdlaGVpbQ=="
            assert request.content == b"grant_type=client_credentials"
            await asyncio.sleep(self.slow)
            self.tokens += 1
            if self.status != 202:
                return httpx.Response(self.status)
            return httpx.Response(200, json={"access_token": f"token-{self.tokens}", "expires_in": self.life})
        self.seen.append(request)
        refused = request.headers.get("authorization", "") in self.refuses
        return httpx.Response(401 if refused else 202, headers={"date": self.date} if self.date else {})


async def sent(gateway: MojaloopGateway, hub: Hub, method: str = "POST", path: str = "/transfers") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.MockTransport(hub.answer), auth=gateway.auth()) as client:
        headers = {"FSPIOP-Source": "grantsfsp", "FSPIOP-Destination": "payeefsp"}
        content = BODY if method == "POST" else None
        return await client.request(method, "https://hub/switch" + path, content=content, headers=headers)


# -- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [payer_key(), ec.generate_private_key(ec.SECP256R1())], ids=["RSA", "EC"])
def test_what_leaves_is_signed_as_it_is(key: Any) -> None:
    hub = Hub()
    asyncio.run(sent(MojaloopGateway(settings(jws_key=Hidden(private_pem(key)))), hub))
    (request,) = hub.seen
    told = {name.lower(): value for name, value in request.headers.items()}
    assert jws.verify([key.public_key()], "POST", "/switch/transfers", told, request.content).form == "raw"
    asyncio.run(sent(MojaloopGateway(settings(jws_key=Hidden(private_pem(key)))), hub, "GET", "/parties/MSISDN/1"))
    assert "fspiop-signature" not in hub.seen[-1].headers and hub.seen[-1].headers["date"].endswith(" GMT")


@pytest.mark.parametrize(
    "pem",
    [
        "", "no key", private_pem(rsa.generate_private_key(65537, 1024)),
        private_pem(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["none", "text", "short", "another curve"],
)  # fmt: skip
def test_a_key_that_others_would_not_verify_is_refused(pem: str) -> None:
    with pytest.raises(Unfit, match="jws_key"):
        private_key(pem)


def test_keys_are_changed_while_both_are_good(tmp_path: Path) -> None:
    old, new = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    folder = KeyFolder(tmp_path)
    write(tmp_path / "payeefsp.pem", public_pem(old))

    def numbers(at: float) -> set[Any]:
        return {key.public_numbers() for key in folder.of("payeefsp", at)}

    assert numbers(100.0) == {old.public_key().public_numbers()}
    # The next one beside it, then in its place.
    (tmp_path / "payeefsp").mkdir()
    write(tmp_path / "payeefsp" / "2027.pem", public_pem(new))
    assert numbers(101.0) == {old.public_key().public_numbers()}, "looked too often"
    assert numbers(103.0) == {old.public_key().public_numbers(), new.public_key().public_numbers()}
    (tmp_path / "payeefsp" / "2027.pem").unlink()
    write(tmp_path / "payeefsp.pem", public_pem(old) + public_pem(new))
    assert len(numbers(106.0)) == 2
    write(tmp_path / "payeefsp.pem", b"half a")
    assert len(numbers(109.0)) == 2, "a file that is just being written keeps what it had"
    (tmp_path / "payeefsp.pem").unlink()
    assert numbers(112.0) == set()
    assert folder.of("../payeefsp", 115.0) == ()
    write(tmp_path / "payeefsp.evil.pem", public_pem(new))
    assert folder.of("payeefsp", 118.0) == () and len(folder.of("payeefsp.evil", 118.0)) == 1


def write(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    # Two changes may fall into one tick of the file system's clock.
    stamp = time.time_ns() + len(text)
    os.utime(file, ns=(stamp, stamp))


# -- tokens -----------------------------------------------------------------------------------------------------------


def test_one_token_serves_all() -> None:
    async def story() -> Hub:
        hub, gateway = Hub(slow=0.05), MojaloopGateway(settings(**TOKEN))
        await asyncio.gather(*(sent(gateway, hub) for _ in range(20)))
        return hub

    hub = asyncio.run(story())
    assert hub.tokens == 1
    assert {request.headers["authorization"] for request in hub.seen} == {"Bearer token-1"}


def test_while_a_token_is_renewed_the_others_go_on_with_the_old_one() -> None:
    async def story() -> Hub:
        hub, gateway = Hub(slow=0.3), MojaloopGateway(settings(token_refresh=0.001, **TOKEN))
        await sent(gateway, hub)
        await asyncio.sleep(0.01)
        await asyncio.gather(*(sent(gateway, hub) for _ in range(10)))
        return hub

    hub = asyncio.run(story())
    used = [request.headers["authorization"] for request in hub.seen]
    assert hub.tokens == 2 and used.count("Bearer token-1") == 10 and used.count("Bearer token-2") == 1


def test_a_token_that_is_refused_is_renewed_once_and_the_same_bytes_go_again() -> None:
    hub, gateway = Hub(), MojaloopGateway(settings(jws_key=Hidden(private_pem(payer_key())), **TOKEN))
    hub.refuses = {"Bearer token-1"}
    assert asyncio.run(sent(gateway, hub)).status_code == 202
    first, second = hub.seen
    assert first.content == second.content and hub.tokens == 2
    assert first.headers["fspiop-signature"] == second.headers["fspiop-signature"]
    hub.refuses = {f"Bearer token-{number}" for number in range(9)}
    assert asyncio.run(sent(gateway, hub)).status_code == 401, "also a fresh one is refused"


@pytest.mark.parametrize("status", [400, 401, 500, 302])
def test_without_a_token_nothing_leaves(status: int) -> None:
    hub = Hub()
    hub.status = status
    with pytest.raises(NoToken) as failed:
        asyncio.run(sent(MojaloopGateway(settings(**TOKEN)), hub))
    assert hub.seen == [] and "geheim" not in str(failed.value)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"access_token": null, "expires_in": "soon"}'])
def test_a_strange_answer_is_no_token(body: bytes) -> None:
    with pytest.raises(NoToken):
        Tokens().take(200, body)


def test_a_token_that_lasts() -> None:
    hub = Hub()
    asyncio.run(sent(MojaloopGateway(settings(bearer_token=Hidden("for-ever"))), hub))
    assert hub.seen[0].headers["authorization"] == "Bearer for-ever"


# -- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("away", "stops"), [(0.0, False), (4.0, False), (30.0, True), (-30.0, True)])
def test_quotes_and_transfers_wait_while_the_hubs_clock_is_another(away: float, stops: bool) -> None:
    hub, gateway = Hub(), MojaloopGateway(settings())
    hub.date = formatdate(time.time() + away, usegmt=True)
    asyncio.run(sent(gateway, hub, "GET", "/parties/MSISDN/1"))
    for path in ("/quotes", "/transfers"):
        if stops:
            with pytest.raises(ClockOff):
                asyncio.run(sent(gateway, hub, "POST", path))
        else:
            asyncio.run(sent(gateway, hub, "POST", path))
    # What asks is always sent, and hears when the clocks agree again.
    hub.date = formatdate(time.time(), usegmt=True)
    asyncio.run(sent(gateway, hub, "GET", "/transfers/1"))
    asyncio.run(sent(gateway, hub))
    assert [request.method for request in hub.seen][-1] == "POST"


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 01 Jan"])
def test_an_answer_without_a_date_says_nothing_of_the_clock(date: str) -> None:
    hub, gateway = Hub(), MojaloopGateway(settings())
    hub.date = date
    asyncio.run(sent(gateway, hub, "GET", "/parties/MSISDN/1"))
    asyncio.run(sent(gateway, hub))


# -- over the simulator -----------------------------------------------------------------------------------------------


def test_nothing_that_is_added_is_journaled(
    start: Callable[..., Scheme], open_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    scheme = start()
    shop = open_shop(scheme, bearer_token={"env": "MOJALOOP_SECRET"})
    shop.paid(shop.invoices(2))
    shop.paymaster.close_store()
    stored = (tmp_path / "shop-0" / "store.db").read_bytes()
    assert b"a-client-secret" not in stored and b"PRIVATE KEY" not in stored
    assert json.dumps("transferId").encode() in stored.replace(b'\\"', b'"')


def test_mutual_tls_both_ways(start: Callable[..., Scheme], open_shop: Callable[..., Shop], tmp_path: Path) -> None:
    """The hub knows us by our certificate and we it; and only its clients may call back."""
    hub, stranger = authority(), Authority()
    for name in ("client", "server", "hub"):
        (tmp_path / f"{name}.pem").write_text(hub.issue(name))
    (tmp_path / "ca.pem").write_text(hub.pem)
    files = {name: str(tmp_path / file) for name, file in {
        "ca_file": "ca.pem", "client_certificate": "client.pem", "listen_certificate": "server.pem",
        "listen_ca": "ca.pem"}.items()}  # fmt: skip
    scheme = start(tls=hub.server((tmp_path / "hub.pem").read_text(), asks=True), calls_with=hub.client(
        (tmp_path / "client.pem").read_text()))  # fmt: skip
    shop = open_shop(scheme, **files)
    payroll = shop.paid(shop.invoices(3))
    assert set(shop.states(payroll).values()) == {"paid"}, shop.events(payroll)
    # Somebody else's certificate, or none, is turned away before a byte of a callback.
    for caller in (stranger.client(stranger.issue("client")), None):
        with Receiving(shop), pytest.raises(httpx.HTTPError):
            trust = caller or ssl.create_default_context(cadata=hub.pem)
            trust.load_verify_locations(cadata=hub.pem)
            httpx.put(f"https://{scheme.callbacks}/callbacks/hub/transfers/1", json={}, verify=trust, trust_env=False)
