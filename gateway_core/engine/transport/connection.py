"""One connection: written to only while the server is quiet, read strictly, dropped at the first doubt."""

from __future__ import annotations

import asyncio
import select
import ssl
from typing import cast

import attrs
import httpx

from .answer import Answer, Garbled
from .phase import Phase

# What the kernel is asked before each write. Only Linux tells a close apart from bytes that came.
LOOKED_FOR = select.POLLIN | getattr(select, "POLLRDHUP", 0)


@attrs.frozen
class Times:
    """Seconds; None is no limit. `write`: for the whole request. `read`: without an arrival. `total`: for all of it."""

    write: float | None
    read: float | None
    total: float | None


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. Bytes that nobody asked for end it.

    `origin` is whatever its owner knows it by. `phase` is that of the exchange under way, or of the last one. `lost` is
    done once the socket is closed, and `error` is then why, unless it ended in order.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, origin: object) -> None:
        self._loop, self.origin = loop, origin
        self.phase = Phase.NOTHING_WRITTEN
        self.error: Exception | None = None
        self.lost: asyncio.Future[None] = loop.create_future()
        self._done: asyncio.Future[None] | None = None
        self._answer: Answer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._used = self._paused = self._ended = False
        self._began = self._moved = self._until = 0.0

    # -- called by asyncio --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected, and over TLS agreed."""
        self._transport = cast(asyncio.Transport, transport)
        self._tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        # So that `pause_writing` says whether all of a request has left. asyncio's TLS pauses at the limit, not above.
        self._transport.set_write_buffer_limits(high=0 if self._tls is None else 1)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket").fileno(), LOOKED_FOR)

    def pause_writing(self) -> None:
        """The kernel did not take all of the request."""
        self._paused = True

    def resume_writing(self) -> None:
        """Now it has."""
        self._paused, self._moved = False, self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Of the answer, if there is one to come."""
        if self._answer is None:
            self.abort()
            return
        self.phase, self._moved = Phase.ANSWERED, self._loop.time()
        try:
            self._answer.feed(data)
        except Garbled as error:
            self._fail(httpx.RemoteProtocolError(f"no answer: {error}"))
        else:
            if self._answer.complete:
                self._finish()

    def eof_received(self) -> None:
        """The server says no more. Over TLS only its farewell (close_notify) shows that nothing was cut off."""
        try:
            self._ended = self._tls is None or not self._tls.read(1)
        except ssl.SSLError:
            self._ended = False

    def connection_lost(self, exc: Exception | None) -> None:
        """The server closed, or the connection broke."""
        self.error = exc
        if not self.lost.done():
            self.lost.set_result(None)
        if self._answer is None:
            return
        if exc is not None:
            error = httpx.ReadError(str(exc) or type(exc).__name__)
            error.__cause__ = exc
            self._fail(error)
            return
        try:
            self._answer.eof(self._ended)
        except Garbled as garbled:
            self._fail(httpx.RemoteProtocolError(f"no answer: {garbled}"))
        else:
            self._finish()

    # -- one exchange -------------------------------------------------------------------------------------------------

    def quiet(self) -> bool:
        """Right before the write: has the server neither closed nor said anything, also not what lies in the kernel?"""
        if self._transport.is_closing():
            return False
        came = self._poll.poll(0)
        # Over TLS a server may send session tickets before it is asked anything; closing is something else.
        return not came or (self._tls is not None and not self._used and came[0][1] == select.POLLIN)

    async def exchange(self, request: bytes, answer: Answer, times: Times) -> None:
        """Write the request and read its answer to the end. Raises httpx.TransportError. Only while `quiet()`."""
        loop = self._loop
        self._answer, self._done, self._used = answer, loop.create_future(), True
        self._times, self._began = times, loop.time()
        self._moved = self._began
        self.phase = Phase.WRITTEN
        self._transport.write(request)
        self._watch()
        try:
            await self._done
        finally:
            self._answer = None
            if self._timer is not None:
                self._timer.cancel()

    @property
    def reusable(self) -> bool:
        """Whether nothing is left over from the last exchange, on either side."""
        return not (self._paused or self._transport.is_closing())

    def keep(self, seconds: float) -> None:
        """It may be used again within so many seconds."""
        self.phase, self._until = Phase.NOTHING_WRITTEN, self._loop.time() + seconds

    def fresh(self) -> bool:
        """Whether that time is not over yet."""
        return self._loop.time() < self._until

    def _watch(self) -> None:
        """One timer for all limits: it looks again when the nearest may have passed."""
        times, now = self._times, self._loop.time()
        step, kind = (times.write, httpx.WriteTimeout) if self._paused else (times.read, httpx.ReadTimeout)
        since = self._began if self._paused else self._moved
        ends = [at for at in (_end(since, step), _end(self._began, times.total)) if at is not None]
        if not ends:
            return
        if now >= min(ends):
            self._fail(kind(f"no whole answer, {now - self._began:.1f} s after the request"))
        else:
            self._timer = self._loop.call_at(min(ends), self._watch)

    def _finish(self) -> None:
        self._answer = None
        if self._done is not None and not self._done.done():
            self._done.set_result(None)

    def _fail(self, error: httpx.TransportError) -> None:
        self._answer = None
        if self._done is not None and not self._done.done():
            self._done.set_exception(error)
        self.abort()

    # -- its end ------------------------------------------------------------------------------------------------------

    def abort(self) -> None:
        """Drop it at once."""
        self._transport.abort()

    def close(self) -> None:
        """End it in order, where nothing is under way."""
        self._transport.abort() if self._paused else self._transport.close()


def _end(since: float, seconds: float | None) -> float | None:
    return None if seconds is None else since + seconds
