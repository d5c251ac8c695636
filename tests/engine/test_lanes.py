"""Lanes against a raw socket server: what counts as not sent, and what as unknown (reference/transport.md, section 3).

Not sent means that the server read nothing. All else, whatever went wrong, means that nobody knows.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from gateway_core.engine.lanes import HttpLane, NoAnswer, NotSent
from gateway_core.engine.wire import Wire

TIMEOUT = 0.4
LIMIT = 10_000
PAY = Wire("POST", "/payments", ((b"Content-Type", b"application/json"),), b'{"key":"k"}')
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Fault: TypeAlias = Callable[["Raw", Reader, Writer], Awaitable[None]]


class Raw:
    """A server that does what it is told with a connection, and counts whole requests."""

    def __init__(self, fault: Fault, *, good_first: int = 0) -> None:
        self.fault, self.good_first = fault, good_first
        self.copies = self.connections = self.read = 0
        self.targets: list[str] = []

    async def __aenter__(self) -> Raw:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks: set[Any] = set()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def request(self, reader: Reader) -> None:
        """Read one whole request."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.read += len(head)
        lines = head.decode().split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        self.read += len(await reader.readexactly(length))
        self.copies += 1
        self.targets.append(lines[0].split(" ")[1])

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while self.good_first:
                await self.request(reader)
                self.good_first -= 1
                writer.write(GOOD)
                await writer.drain()
            await self.fault(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def reset(writer: Writer) -> None:
    """Close with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def after_reading(answer: bytes, *, then: str = "close", pause: float = 0.0) -> Fault:
    async def fault(raw: Raw, reader: Reader, writer: Writer) -> None:
        await raw.request(reader)
        writer.write(answer)
        await writer.drain()
        await asyncio.sleep(pause)
        if then == "reset":
            reset(writer)
        elif then == "silence":
            await asyncio.sleep(60)

    return fault


async def closes_before_reading(raw: Raw, reader: Reader, writer: Writer) -> None:
    writer.close()


async def resets_before_reading(raw: Raw, reader: Reader, writer: Writer) -> None:
    reset(writer)


async def never_reads(raw: Raw, reader: Reader, writer: Writer) -> None:
    await asyncio.sleep(60)


async def drips(raw: Raw, reader: Reader, writer: Writer) -> None:
    """A byte within every read time-out, and yet never an end."""
    await raw.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


HEAD = b"HTTP/1.1 200 OK\r\n"
UNKNOWN: dict[str, Fault] = {
    "closed before reading": closes_before_reading,
    "reset before reading": resets_before_reading,
    "never read": never_reads,
    "read, then closed": after_reading(b""),
    "read, then reset": after_reading(b"", then="reset"),
    "no answer": after_reading(b"", then="silence"),
    "part of the head, then silence": after_reading(HEAD, then="silence"),
    "part of the head, then closed": after_reading(HEAD + b"Content-Le"),
    "part of the body, then closed": after_reading(HEAD + b"Content-Length: 9\r\n\r\n12345"),
    "part of the body, then reset": after_reading(HEAD + b"Content-Length: 9\r\n\r\n12345", then="reset", pause=0.05),
    "part of the body, then silence": after_reading(HEAD + b"Content-Length: 9\r\n\r\n12345", then="silence"),
    "chunks cut short": after_reading(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"),
    "garbage": after_reading(b"\x16\x03\x01 what is this\r\n\r\n"),
    "two lengths that differ": after_reading(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    "400 kB of headers": after_reading(HEAD + b"".join(b"X%d: %s\r\n" % (n, b"y" * 4096) for n in range(98)) + b"\r\n"),
    "longer than the limit": after_reading(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1) + b"x" * (LIMIT + 1)),
    "endless chunks": after_reading(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
                                    + b"2328\r\n" + b"x" * 9000 + b"\r\n", then="silence"),
    "dripped": drips,
}  # fmt: skip


async def exchange(raw: Raw, *, good: int = 0) -> None:
    """One exchange that meets the fault, after `good` ones on the same connection."""
    lane = HttpLane(raw.url, None)
    try:
        for _ in range(good):
            assert (await lane.send(PAY, TIMEOUT, LIMIT))[0] == 200
        await lane.send(PAY, TIMEOUT, LIMIT)
    finally:
        await lane.close()


@pytest.mark.parametrize("reused", [0, 1], ids=["fresh", "reused"])
@pytest.mark.parametrize("name", UNKNOWN)
def test_law_3_whatever_happens_after_connecting_is_unknown(name: str, reused: int) -> None:
    async def story() -> Raw:
        async with Raw(UNKNOWN[name], good_first=reused) as raw:
            try:
                await exchange(raw, good=reused)
            except NotSent:
                # Seen before the first byte was written: allowed exactly because nothing was read.
                assert raw.copies == reused
                assert "reset before reading" in name
            except NoAnswer as error:
                assert str(error)
            else:
                raise AssertionError("a fault was taken for an answer")
            return raw

    began = time.monotonic()
    raw = asyncio.run(story())
    assert raw.copies <= reused + 1, "a lane never sends twice by itself"
    assert time.monotonic() - began < TIMEOUT + 1.0, "a deadline is for the whole exchange"


def test_law_3_only_no_connection_is_not_sent() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def story() -> None:
        lane = HttpLane(f"http://127.0.0.1:{port}", None)
        try:
            await lane.send(PAY, TIMEOUT, LIMIT)
        finally:
            await lane.close()

    with pytest.raises(NotSent):
        asyncio.run(story())


def test_law_3_an_exception_that_nobody_knows_is_unknown() -> None:
    import httpx

    class Odd(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise RuntimeError("from somewhere")

    async def story() -> None:
        await HttpLane("http://127.0.0.1:1", None, Odd()).send(PAY, TIMEOUT, LIMIT)

    with pytest.raises(NoAnswer, match="RuntimeError"):
        asyncio.run(story())


ANSWERS = {
    "plain": (GOOD, (200, b"ok")),
    "chunked": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", (200, b"ok")),
    "ended by closing": (HEAD + b"Connection: close\r\n\r\nok", (200, b"ok")),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, (200, b"ok")),
    "a redirect is an answer and is not followed": (
        b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", (307, b""),
    ),
    "503": (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", (503, b"busy")),
    "exactly the limit": (HEAD + b"Content-Length: %d\r\n\r\n" % LIMIT + b"x" * LIMIT, (200, b"x" * LIMIT)),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_a_whole_answer_is_given_as_it_came(name: str) -> None:
    answer, expected = ANSWERS[name]

    async def story() -> None:
        async with Raw(after_reading(answer)) as raw:
            lane = HttpLane(raw.url, None)
            status, _, body = await lane.send(PAY, TIMEOUT, LIMIT)
            await lane.close()
            assert (status, body) == expected
            assert (raw.copies, raw.targets) == (1, ["/payments"])

    asyncio.run(story())


def test_an_early_answer_to_a_long_request_is_an_answer_or_unknown() -> None:
    """413 while the body is still being sent, then closed."""

    async def early(raw: Raw, reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    async def story() -> None:
        async with Raw(early) as raw:
            lane = HttpLane(raw.url, None)
            try:
                status, _, _ = await lane.send(Wire("POST", "/files", (), b"x" * 8_000_000), 2.0, LIMIT)
                assert status == 413
            except NoAnswer:
                pass
            finally:
                await lane.close()

    asyncio.run(story())


def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    async def story() -> None:
        async with Raw(after_reading(GOOD)) as raw:
            lane = HttpLane(raw.url, None)
            for _ in range(3):
                assert (await lane.send(PAY, TIMEOUT, LIMIT))[2] == b"ok"
                while not raw._tasks or not all(task.done() for task in raw._tasks):
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.02)
            await lane.close()
            assert (raw.copies, raw.connections) == (3, 3)

    asyncio.run(story())


def test_after_a_fault_the_next_exchange_gets_its_own_answer() -> None:
    """The late answer of one payment must never be taken for the next one's."""

    async def story() -> None:
        async def late(raw: Raw, reader: Reader, writer: Writer) -> None:
            number = raw.connections
            await raw.request(reader)
            if number == 1:
                await asyncio.sleep(TIMEOUT + 0.2)
            writer.write(HEAD + b"Content-Length: 1\r\n\r\n%d" % number)
            await writer.drain()

        async with Raw(late) as raw:
            lane = HttpLane(raw.url, None)
            with pytest.raises(NoAnswer):
                await lane.send(PAY, TIMEOUT, LIMIT)
            assert (await lane.send(PAY, TIMEOUT, LIMIT))[2] == b"2"
            await lane.close()

    asyncio.run(story())


def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    asyncio.run(_once())


async def _once() -> None:
    async with Raw(after_reading(GOOD)) as raw:
        await exchange(raw)
        assert raw.copies == 1
