"""What an error of our transport proves, and the limits that end an exchange."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from gateway_core.engine.transport import Phase, phase_of
from gateway_core.testing.wire.faults import reads
from gateway_core.testing.wire.server import Peer, RawServer, Script, answer
from tests.wire.stories import failed, request, tell

PHASES: dict[str, tuple[Script, type[Exception], Phase]] = {
    "silence": (reads(then=Peer.wait), httpx.ReadTimeout, Phase.WRITTEN),
    "closed": (reads(), httpx.RemoteProtocolError, Phase.WRITTEN),
    "half an answer": (reads(answer(b"12345")[:-2]), httpx.RemoteProtocolError, Phase.ANSWERED),
    "garbage": (reads(b"\x16\x03"), httpx.RemoteProtocolError, Phase.ANSWERED),
}


@pytest.mark.parametrize("what", PHASES)
def test_law_3_an_error_says_how_far_it_had_come(what: str) -> None:
    script, kind, phase = PHASES[what]
    with RawServer(script) as server:
        error, found = failed(lambda client: client.send(request(server.url + "/1")), total=0.3)
    assert (type(error), found) == (kind, phase)


def test_law_3_also_a_deadline_around_it_carries_the_phase() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        async with asyncio.timeout(0.2):
            await client.send(request(server.url + "/1"))

    with RawServer(Peer.wait) as server:
        error, phase = failed(story)
    assert isinstance(error, TimeoutError)
    assert phase is Phase.WRITTEN


def test_law_2_a_deadline_while_it_connects_proves_it_unsent() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        async with asyncio.timeout(0.2):
            await client.send(request(server.url.replace("http:", "https:") + "/1"))

    with RawServer(Peer.wait) as server:
        error, phase = failed(story)
    assert isinstance(error, TimeoutError)
    assert phase is Phase.NOTHING_WRITTEN


def test_law_3_what_was_written_is_never_unsent_however_soon_it_is_cancelled() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        await client.send(request(server.url + "/1"))
        # A connection stands: the next request is written before anything is waited for.
        task = asyncio.ensure_future(client.send(request(server.url + "/2")))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            phases.append(phase_of(error))

    phases: list[Phase | None] = []
    with RawServer(Peer.honest) as server:
        tell(story)
    assert phases == [Phase.WRITTEN]


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "size", "kind"), [("read", 20, httpx.ReadTimeout), ("write", 16 << 20, httpx.WriteTimeout)]
)
def test_law_11_silence_ends_sooner_than_the_exchange_may_last(limit: str, size: int, kind: type[Exception]) -> None:
    async def story(client: httpx.AsyncClient) -> None:
        asked = request(server.url + "/1", body=b"x" * size)
        asked.extensions = {"timeout": {limit: 0.2, "total": 60.0}}
        await client.send(asked)

    began = time.monotonic()
    with RawServer(Peer.wait) as server:
        error, phase = failed(story)
    assert (type(error), phase) == (kind, Phase.WRITTEN)
    assert time.monotonic() - began < 5


def test_a_server_that_speaks_now_and_then_is_listened_to() -> None:
    async def story(client: httpx.AsyncClient) -> int:
        asked = request(server.url + "/1")
        asked.extensions = {"timeout": {"read": 0.4, "total": 60.0}}
        return (await client.send(asked)).status_code

    said = answer(b"0123456789")
    with RawServer(reads(*[said[at : at + 8] for at in range(0, len(said), 8)], pause=0.15)) as server:
        assert tell(story) == 200


def test_law_11_no_more_connections_than_the_limit() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(client.send(request(f"{server.url}/{number}")))

    def slow(peer: Peer) -> None:
        peer.wait(0.1)
        peer.honest()

    with RawServer(slow) as server:
        tell(story, connections=2)
    assert server.connections == 2
    assert server.copies.total() == 6


def test_law_2_no_free_connection_proves_it_unsent() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        first = asyncio.ensure_future(client.send(request(server.url + "/1")))
        await asyncio.sleep(0.05)
        second = request(server.url + "/2")
        second.extensions["timeout"] = {"pool": 0.05}
        try:
            await client.send(second)
        finally:
            first.cancel()
            await asyncio.wait([first])

    with RawServer(Peer.wait) as server:
        error, phase = failed(story, connections=1)
    assert isinstance(error, httpx.PoolTimeout)
    assert phase is Phase.NOTHING_WRITTEN


def test_law_11_a_request_may_bring_limits_of_its_own() -> None:
    async def story(client: httpx.AsyncClient) -> None:
        asked = request(server.url + "/1")
        asked.extensions |= {"body_limit": 10}
        await client.send(asked)

    def long(peer: Peer) -> None:
        peer.request()
        peer.say(answer(b"x" * 11))

    with RawServer(long) as server:
        error, _ = failed(story)
    assert isinstance(error, httpx.RemoteProtocolError)
    assert "longer than 10 bytes" in str(error)
