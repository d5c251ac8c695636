"""The laws of a transport that carries money, checked against a raw server. For any `httpx.AsyncBaseTransport`.

    unsent is proven      an error that claims it (connection refused and the like) comes only if nothing was read
    never twice           no request is written a second time
    its own answer        an answer is this request's, whole, as it came; a second answer settles nothing
    in its time           every exchange ends within its limits, however it is dripped
    an answer counts      what a sound server says is not lost
    in its own words      every error is an `httpx.TransportError`

    for name in FAULTS:
        await check(name, make)     # raises LawBroken

`make(ssl_context, limits)` builds the transport: it is to keep the limits on the head, the body and the total time.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import TypeAlias

import attrs
import httpx

from ...engine.lanes import NOT_SENT, unsent
from ...engine.transport import Limits, phase_of
from ...engine.transport.phase import Phase
from .certificates import authority
from .connecting import Connecting
from .faults import BODY_LIMIT, HEAD_LIMIT, End, Fault
from .server import Peer, RawServer

Make: TypeAlias = Callable[[ssl.SSLContext | None, Limits], httpx.AsyncBaseTransport]
# Long where nothing should take time, short where the limit is what ends it.
LONG, SHORT = 8.0, 0.4
SLACK = 4.0


class LawBroken(AssertionError):
    """Which law, and what happened."""


@attrs.frozen
class Outcome:
    """How one exchange ended."""

    end: End
    status: int = 0
    body: bytes = b""
    error: Exception | None = None


@attrs.define
class Client:
    """Sends numbered requests over one transport, as a lane does: ready and raw. `began` is when the last one did."""

    http: httpx.AsyncClient
    url: str
    seconds: float
    number: int = 0
    began: float = 0.0

    async def send(self, size: int = 20) -> Outcome:
        """The next request: POST /<number> with `size` bytes."""
        self.number += 1
        self.began = time.monotonic()
        ends = self.seconds * 1.5 + SLACK
        try:
            async with asyncio.timeout(ends):
                status, body = await self._send(size)
        except TimeoutError:
            raise LawBroken(f"in its time: no end {ends:.1f} s after it began") from None
        except Exception as error:
            return Outcome("unsent" if unsent(error) else "unknown", error=error)
        return Outcome("answer", status, body)

    async def _send(self, size: int) -> tuple[int, bytes]:
        url = httpx.URL(f"{self.url}/{self.number}")
        headers = [(b"Host", url.netloc), (b"Content-Length", b"%d" % size)]
        times = dict.fromkeys(("connect", "read", "write", "pool"), self.seconds)
        request = httpx.Request(
            "POST", url, headers=headers, stream=httpx.ByteStream(b"x" * size), extensions={"timeout": times}
        )
        response = await self.http.send(request, stream=True)
        try:
            return response.status_code, b"".join([part async for part in response.aiter_raw()])
        finally:
            await response.aclose()


def limits(seconds: float) -> Limits:
    """What `make` is given: half as long again in all as in each part."""
    return Limits(head=HEAD_LIMIT, body=BODY_LIMIT, total=seconds * 1.5)


def client(make: Make, url: str, seconds: float, context: ssl.SSLContext | None = None) -> Client:
    """A client over a fresh transport."""
    return Client(httpx.AsyncClient(transport=make(context, limits(seconds)), trust_env=False), url, seconds)


async def check(fault: Fault, make: Make, *, good: int = 0, tls: bool = False) -> None:
    """Meet the fault after `good` exchanges on the same connection, then send one more. Raises LawBroken."""
    seconds = SHORT if fault.waits else LONG
    with RawServer(fault.script, good=good, tls=authority().server() if tls else None) as server:
        here = client(make, server.url, seconds, authority().client() if tls else None)
        try:
            for _ in range(good):
                _own(await here.send(), here.number)
            before = server.bytes_read
            met = await here.send(fault.body)
            _as_allowed(met, fault, server.bytes_read - before, here.number)
            await _meanwhile(fault, server)
            after = await here.send()
            # Where limits on time are short, being late once more is no fault; a wrong answer always is.
            if after.error is None or not fault.waits:
                _own(after, here.number)
            _once(server)
        finally:
            await here.http.aclose()


async def check_connecting(row: Connecting, make: Make) -> None:
    """Fail to connect. Raises LawBroken."""
    with row.arrange() as target:
        here = client(make, target.url, SHORT if row.waits else LONG, target.context)
        try:
            met = await here.send()
        finally:
            await here.http.aclose()
        _evidence(met, target.read())
        if met.end not in row.ends:
            raise LawBroken(f"unsent is proven: it ended {_told(met)}")


async def check_cancelled(make: Make, *, tls: bool = False) -> None:
    """A cancelled exchange drops its connection: the late answer is not the next request's. Raises LawBroken."""

    def late(peer: Peer) -> None:
        peer.request()
        peer.wait(0.1)
        peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale")
        peer.honest()

    with RawServer(late, tls=authority().server() if tls else None) as server:
        here = client(make, server.url, LONG, authority().client() if tls else None)
        try:
            task = asyncio.ensure_future(here.send())
            while not server.copies:
                await asyncio.sleep(0.005)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                raise LawBroken("in its own words: a cancelled exchange went on")
            _own(await here.send(), here.number)
            _once(server)
        finally:
            await here.http.aclose()


def _as_allowed(met: Outcome, fault: Fault, read: int, number: int) -> None:
    _evidence(met, read)
    if met.end == "answer" and fault.avoidable and met.body == b"%d" % number:
        return
    if met.end not in fault.ends:
        raise LawBroken(f"{'its own answer' if met.end == 'answer' else 'an answer counts'}: it ended {_told(met)}")
    if met.end == "answer" and (met.status, met.body) != fault.says:
        raise LawBroken(f"its own answer: it got {_told(met)}")


def _evidence(met: Outcome, read: int) -> None:
    """What an error claims is true, and it is said in words that a caller can expect."""
    if met.error is None:
        return
    if not isinstance(met.error, httpx.TransportError):
        raise LawBroken(f"in its own words: {_told(met)}")
    if met.end == "unsent" and read:
        raise LawBroken(f"unsent is proven: {_told(met)}, but the server read {read} bytes")
    phase = phase_of(met.error)
    if phase is not None and (phase is Phase.NOTHING_WRITTEN) != isinstance(met.error, NOT_SENT):
        raise LawBroken(f"unsent is proven: {_told(met)} in the phase {phase.value!r}")


def _own(met: Outcome, number: int) -> None:
    if (met.status, met.body) != (200, b"%d" % number):
        raise LawBroken(f"its own answer: request {number} ended {_told(met)}")


def _once(server: RawServer) -> None:
    if twice := [number for number, copies in server.copies.items() if copies > 1]:
        raise LawBroken(f"never twice: the server read requests {twice} more than once")


async def _meanwhile(fault: Fault, server: RawServer) -> None:
    """What the client's loop does until the next exchange: look, or be busy while the server says or does something."""
    if fault.later == "runs":
        await asyncio.to_thread(server.noted.wait, LONG)
        await asyncio.sleep(0.02)
    elif fault.later:
        server.noted.wait(LONG)


def _told(met: Outcome) -> str:
    if met.error is None:
        return f"as an answer: {met.status} {met.body[:40]!r}"
    return f"{met.end}: {type(met.error).__module__}.{type(met.error).__name__}({str(met.error)[:80]})"
