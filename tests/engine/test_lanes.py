"""Lanes over every fault of the wire: what counts as not sent, and what as unknown; over our transport and httpx's.

Not sent means that the server read nothing. All else, whatever went wrong, means that nobody knows.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway_core.contract.channel import Wiring
from gateway_core.engine.lanes import HttpLane, NoAnswer, NotSent
from gateway_core.engine.wire import Wire
from gateway_core.testing.wire.faults import BODY_LIMIT, FAULTS
from gateway_core.testing.wire.server import Peer, RawServer, answer
from gateway_core.testing.wire.transports import stock_fails

SHORT, LONG = 0.4, 8.0
OWN, STOCK = Wiring(), Wiring(transport="stock")
WIRINGS = [
    pytest.param(OWN, id="own"),
    # anyio, under stock httpx, leaves the closing of broken connections to the garbage collector.
    pytest.param(STOCK, id="stock", marks=pytest.mark.filterwarnings(
        "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")),
]  # fmt: skip


def pay(number: int, size: int = 20) -> Wire:
    return Wire("POST", f"/{number}", ((b"Content-Type", b"application/json"),), b"x" * size)


@asynccontextmanager
async def lane_to(url: str, wiring: Wiring = OWN, auth: httpx.Auth | None = None) -> AsyncIterator[HttpLane]:
    lane = HttpLane(url, auth, wiring=wiring)
    try:
        yield lane
    finally:
        await lane.close()


# What is wrong with httpx's own, the lane's limits on time and size excepted: those it has whatever is below it.
def known(name: str, wiring: Wiring) -> bool:
    broken = stock_fails(name, "plain") if wiring is STOCK else ""
    return bool(broken) and "limit" not in name and "for ever" not in name


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if "plain" in fault.over])
def test_law_3_a_fault_is_unknown_unless_nothing_left(name: str, wiring: Wiring) -> None:
    fault = FAULTS[name]
    seconds = SHORT if fault.waits else LONG

    async def story(server: RawServer) -> str:
        async with lane_to(server.url, wiring) as lane:
            try:
                status, _, body = await lane.send(pay(1, fault.body), seconds, BODY_LIMIT)
            except NotSent:
                assert server.bytes_read == 0
                return "unsent"
            except NoAnswer as error:
                assert str(error)
                return "unknown"
            assert (status, body) == fault.says or known(name, wiring)
            return "answer"

    with RawServer(fault.script) as server:
        began = time.monotonic()
        ended = asyncio.run(story(server))
        assert ended in fault.ends or known(name, wiring)
        assert time.monotonic() - began < seconds + 4.0, "a deadline is for the whole exchange"
        assert server.copies.total() <= 1, "a lane never sends twice by itself"


@pytest.mark.parametrize("wiring", WIRINGS)
def test_law_2_no_connection_is_not_sent(wiring: Wiring) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        async def story() -> None:
            async with lane_to(f"http://127.0.0.1:{bound.getsockname()[1]}", wiring) as lane:
                await lane.send(pay(1), LONG, BODY_LIMIT)

        with pytest.raises(NotSent, match="ConnectError"):
            asyncio.run(story())


class Raises(httpx.AsyncBaseTransport):
    """A transport of somebody's own."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self._error


@pytest.mark.parametrize(
    "error", [RuntimeError("x"), OSError("x"), httpx.LocalProtocolError("x"), httpx.WriteError("x"), TimeoutError()],
    ids=repr,
)  # fmt: skip
def test_law_3_an_exception_that_nobody_knows_is_unknown(error: Exception) -> None:
    async def story() -> None:
        await HttpLane("http://127.0.0.1:1", None, Raises(error)).send(pay(1), LONG, BODY_LIMIT)

    with pytest.raises(NoAnswer, match=type(error).__name__):
        asyncio.run(story())


def test_an_error_says_how_far_it_had_come_and_quotes_nothing_that_was_sent() -> None:
    def silent(peer: Peer) -> None:
        peer.request()
        peer.say(b"HTTP/1.1 2")
        peer.wait()

    async def story() -> None:
        async with lane_to(server.url) as lane:
            await lane.send(Wire("POST", "/1", ((b"X", b"s3cr3t"),), b"s3cr3t"), 0.3, BODY_LIMIT)

    with RawServer(silent) as server, pytest.raises(NoAnswer, match="an answer had begun") as caught:
        asyncio.run(story())
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_the_late_answer_of_one_payment_is_never_the_next_ones(wiring: Wiring) -> None:
    def late(peer: Peer) -> None:
        number = peer.request()
        peer.wait(SHORT + 0.2)
        peer.say(answer(number))
        peer.honest()

    async def story() -> bytes:
        async with lane_to(server.url, wiring) as lane:
            with pytest.raises(NoAnswer):
                await lane.send(pay(1), SHORT, BODY_LIMIT)
            await asyncio.sleep(0.3)
            return (await lane.send(pay(2), LONG, BODY_LIMIT))[2]

    with RawServer(late) as server:
        assert asyncio.run(story()) == b"2"


@pytest.mark.parametrize("wiring", WIRINGS)
def test_a_lane_has_one_connection_and_keeps_no_cookies(wiring: Wiring) -> None:
    seen: list[bytes] = []

    def greedy(peer: Peer) -> None:
        while peer.request():
            seen.append(peer.last)
            peer.say(answer(b"ok", b"200 OK", b"Set-Cookie: payment=1; Path=/"))

    async def story() -> None:
        async with lane_to(server.url, wiring) as lane:
            for number in range(5):
                assert (await lane.send(pay(number), LONG, BODY_LIMIT))[2] == b"ok"

    with RawServer(greedy) as server:
        asyncio.run(story())
    assert server.connections == 1
    assert len(seen) == 5
    assert b"ookie" not in b"".join(seen)


@pytest.mark.parametrize("wiring", WIRINGS)
def test_nothing_is_taken_from_the_environment(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def story() -> None:
        async with lane_to(server.url, wiring) as lane:
            await lane.send(pay(1), LONG, BODY_LIMIT)

    with RawServer(Peer.honest) as server:
        asyncio.run(story())


def test_a_proxy_is_one_setting_away() -> None:
    """Only httpx's transport speaks to one."""

    async def story() -> bytes:
        async with lane_to("http://127.0.0.1:9/rail", Wiring(transport="stock", proxy=proxy.url)) as lane:
            return (await lane.send(pay(7), LONG, BODY_LIMIT))[2]

    with RawServer(Peer.honest) as proxy:
        assert asyncio.run(story()) == b"7"


class Token(httpx.Auth):
    """Fetches a token elsewhere first, as many rails want it, and then sends a copy of our request."""

    requires_request_body = requires_response_body = True

    def __init__(self, url: str, copy: str = "the query") -> None:
        self._url, self._copy = url, copy

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        yield httpx.Request("POST", self._url + "/token", content=b"{}")
        elsewhere = request.url.copy_with(path="/signed/1")
        yield {
            "the query": httpx.Request("POST", request.url.copy_add_param("signed", "1"), content=b"signed"),
            "the same stream": httpx.Request("POST", elsewhere, stream=request.stream, headers=request.headers),
            "the same body": httpx.Request("POST", elsewhere, content=request.content),
        }[self._copy]


def ended(token: RawServer, rail: RawServer, copy: str = "the query") -> type[Exception] | None:
    async def story() -> None:
        async with lane_to(rail.url, OWN, Token(token.url, copy)) as lane:
            await lane.send(pay(1), LONG, BODY_LIMIT)

    try:
        asyncio.run(story())
    except (NotSent, NoAnswer) as error:
        return type(error)
    return None


def closes(peer: Peer) -> None:
    peer.request()
    peer.close()


def test_law_2_while_a_token_is_fetched_our_request_is_unsent() -> None:
    with RawServer(closes) as token, RawServer(Peer.honest) as rail:
        assert ended(token, rail) is NotSent
        assert not rail.copies


@pytest.mark.parametrize("copy", ["the query", "the same stream", "the same body"])
def test_law_3_a_signed_copy_of_our_request_is_our_request(copy: str) -> None:
    with RawServer(Peer.honest) as token, RawServer(closes) as rail:
        assert ended(token, rail, copy) is NoAnswer
        assert rail.copies.total() == 1
