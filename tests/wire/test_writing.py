"""What our transport refuses to write, what it looks at right before it writes, and how long it keeps a connection."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from gateway_core.engine.transport import Phase
from gateway_core.testing.wire.server import Peer, RawServer, answer
from tests.wire.stories import failed, request, tell

HOST, TWO = (b"Host", b"x"), (b"Content-Length", b"2")
UNFIT: dict[str, dict[str, Any]] = {
    "no host": {"headers": [TWO]},
    "two hosts": {"headers": [HOST, HOST, TWO]},
    "a length that is not the body's": {"headers": [HOST, (b"Content-Length", b"3")]},
    "two lengths": {"headers": [HOST, TWO, TWO]},
    "a line end in a value": {"headers": [HOST, TWO, (b"X", b"a\r\nY: b")]},
    "a line end at the end of a value": {"headers": [HOST, TWO, (b"X", b"a\r\n")]},
    "a line feed in a value": {"headers": [HOST, TWO, (b"X", b"a\nY: b")]},
    "a zero byte in a value": {"headers": [HOST, TWO, (b"X", b"a\0")]},
    "a space in a name": {"headers": [HOST, TWO, (b"X Y", b"a")]},
    "no name": {"headers": [HOST, TWO, (b"", b"a")]},
    "a colon in a name": {"headers": [HOST, TWO, (b"X:", b"a")]},
    "HEAD": {"method": "HEAD"},
    "CONNECT": {"method": "CONNECT"},
    "a method of two words": {"method": "POST /x"},
}


@pytest.mark.parametrize("what", UNFIT)
def test_law_2_what_could_be_read_in_two_ways_never_leaves(what: str) -> None:
    with RawServer(Peer.honest) as server:
        error, phase = failed(lambda client: client.send(request(server.url + "/1", **UNFIT[what])))
        assert isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol)
        assert phase is Phase.NOTHING_WRITTEN
        assert server.connections == 0


def test_a_request_leaves_as_it_was_built() -> None:
    seen: list[bytes] = []

    def look(peer: Peer) -> None:
        seen.append(peer.read())
        peer.say(answer(b"1"))

    built = [(b"Host", b"rail.example"), (b"X-Key", b"k"), (b"content-length", b"2"), (b"X-Name", b"\xc3\xa9\t ")]
    with RawServer(look) as server:
        tell(lambda client: client.send(request(server.url + "/a%2Fb?c=d%20e", headers=built)))
    head = b"Host: rail.example\r\nX-Key: k\r\ncontent-length: 2\r\nX-Name: \xc3\xa9\t \r\n\r\n"
    assert seen == [b"POST /a%2Fb?c=d%20e HTTP/1.1\r\n" + head + b"{}"]


def test_a_body_that_is_made_while_it_is_sent_gets_its_length() -> None:
    async def parts() -> Any:
        yield b"one"
        yield b"two"

    seen: list[bytes] = []

    def look(peer: Peer) -> None:
        seen.append(peer.read())
        peer.say(answer(b"1"))

    with RawServer(look) as server:
        tell(lambda client: client.post(server.url + "/1", content=parts()))
    assert b"Content-Length: 6\r\n\r\nonetwo" in seen[0]
    assert b"ransfer-" not in seen[0]


# -- right before the write -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", [lambda peer: peer.say(answer(b"stale")), Peer.close, Peer.reset], ids=["says", "closes", "resets"]
)
def test_law_3_a_server_that_acts_before_it_is_asked_gets_nothing(how: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop has not looked yet: the kernel knows."""

    def first(peer: Peer) -> None:
        how(peer)
        peer.server.note()

    with RawServer(first) as server:

        async def story(client: httpx.AsyncClient) -> Any:
            loop = asyncio.get_running_loop()
            real = loop.create_connection

            async def slow(*given: Any, **named: Any) -> Any:
                made = await real(*given, **named)
                server.noted.wait(5)
                return made

            monkeypatch.setattr(loop, "create_connection", slow)
            return await client.send(request(server.url + "/1"))

        error, phase = failed(story)
        assert isinstance(error, httpx.ConnectError)
        assert phase is Phase.NOTHING_WRITTEN
    assert not server.copies


# -- keep-alive -------------------------------------------------------------------------------------------------------


def connections(said: bytes, pause: float, idle: float) -> int:
    """How many connections two requests take, so many seconds apart."""

    def honest(peer: Peer) -> None:
        while True:
            peer.request()
            peer.say(said)

    async def story(client: httpx.AsyncClient) -> None:
        for number in (1, 2):
            await client.send(request(f"{server.url}/{number}"))
            await asyncio.sleep(pause)

    with RawServer(honest) as server:
        tell(story, idle=idle)
    return server.connections


@pytest.mark.parametrize(
    ("header", "pause", "idle", "expected"),
    [((), 0, 4.0, 1), ((), 0.15, 0.1, 2), ((b"Keep-Alive: timeout=60",), 0, 4.0, 1),
     ((b"Keep-Alive: timeout=1",), 0, 4.0, 2), ((b"Keep-Alive: timeout=60",), 0.15, 0.1, 2),
     ((b"Connection: close",), 0, 4.0, 2)],
)  # fmt: skip
def test_a_connection_is_left_before_the_server_leaves_it(
    header: tuple[bytes, ...], pause: float, idle: float, expected: int
) -> None:
    assert connections(answer(b"ok", b"200 OK", *header), pause, idle) == expected


def test_an_answer_with_more_behind_it_costs_the_connection() -> None:
    assert connections(answer(b"ok") + b"\r\n", 0, 4.0) == 2
