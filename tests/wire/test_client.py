"""Our transport behind httpx's client: auth, hooks, mocks, certificates, and an end that leaves nothing open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Generator
from typing import Any

import httpx
import pytest
import respx

from gateway_core.engine.transport import OwnTransport
from gateway_core.testing.wire.certificates import authority
from gateway_core.testing.wire.server import Peer, RawServer, answer
from tests.wire.stories import request, tell


class Renews(httpx.Auth):
    """Signs; a 401 makes it sign again."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = "old"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = "new"
            yield request


def test_auth_and_hooks_work_as_over_any_transport() -> None:
    seen: list[str] = []

    def strict(peer: Peer) -> None:
        peer.request()
        peer.say(answer(b"who?", b"401 Unauthorized"))
        peer.honest()

    async def story(client: httpx.AsyncClient) -> int:
        async def before(request: httpx.Request) -> None:
            seen.append(request.headers["Authorization"])

        async def after(response: httpx.Response) -> None:
            seen.append(str(response.status_code))

        client.event_hooks = {"request": [before], "response": [after]}
        return (await client.send(request(server.url + "/1"))).status_code

    with RawServer(strict) as server:
        assert tell(story, auth=Renews()) == 200
    assert seen == ["old", "401", "new", "200"]
    assert server.connections == 1


def test_respx_can_stand_in_for_the_rail() -> None:
    async def story(client: httpx.AsyncClient) -> Any:
        with respx.mock(using="httpx", base_url="https://rail.example") as rail:
            rail.post("/payments").respond(201, json={"status": "paid"})
            return (await client.send(request("https://rail.example/payments"))).json()

    assert tell(story) == {"status": "paid"}


def test_both_sides_may_show_certificates() -> None:
    async def story() -> int:
        own = authority().client(authority().issue("client"))
        async with httpx.AsyncClient(transport=OwnTransport(own), trust_env=False) as client:
            for number in (1, 2):
                status = (await client.send(request(f"{server.url}/{number}"))).status_code
            return status

    with RawServer(Peer.honest, tls=authority().server(asks=True)) as server:
        assert asyncio.run(story()) == 200
    assert server.connections == 1


def test_a_transport_without_a_context_trusts_the_public_authorities_only() -> None:
    async def story() -> None:
        async with httpx.AsyncClient(transport=OwnTransport(), trust_env=False) as client:
            await client.send(request(server.url + "/1"))

    with (
        RawServer(Peer.honest, tls=authority().server()) as server,
        pytest.raises(httpx.ConnectError, match="certificate"),
    ):
        asyncio.run(story())


def test_closing_it_closes_all_connections_and_waits_for_them() -> None:
    async def story() -> float:
        transport = OwnTransport(authority().client())
        client = httpx.AsyncClient(transport=transport, trust_env=False)
        for server in (plain, secure):
            await client.send(request(server.url + "/1"))
        began = time.monotonic()
        await client.aclose()
        return time.monotonic() - began

    with RawServer(Peer.honest) as plain, RawServer(Peer.honest, tls=authority().server()) as secure:
        assert asyncio.run(story()) < 2.5


def test_a_request_that_is_cancelled_while_it_connects_leaves_nothing_open() -> None:
    async def story() -> None:
        client = httpx.AsyncClient(transport=OwnTransport(authority().client()), trust_env=False)
        for pause in (0.0, 0.001, 0.003, 0.01):
            task = asyncio.ensure_future(client.send(request(server.url + "/1")))
            await asyncio.sleep(pause)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.TransportError):
                await task
        await client.aclose()

    # An open socket left behind is a ResourceWarning, which is an error here.
    with RawServer(Peer.honest, tls=authority().server()) as server:
        asyncio.run(story())


def test_an_address_of_version_6() -> None:
    async def story(client: httpx.AsyncClient) -> int:
        return (await client.send(request(server.url + "/1"))).status_code

    if not socket.has_ipv6:
        pytest.xfail("this machine has no IPv6")
    try:
        server = RawServer(Peer.honest, host="::1")
    except OSError as error:
        pytest.xfail(f"nothing can listen on ::1: {error.strerror}")
    with server:
        assert tell(story) == 200
