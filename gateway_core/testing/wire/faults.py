"""What can go wrong once a connection stands, as a table: what the server does, and how the exchange may end.

answer     the server's answer, whole and as it came
unknown    an error that proves nothing: the request may have been read
unsent     an error that claims that no byte of the request left; only where that is true
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs

from .server import Peer, Script, answer

End: TypeAlias = Literal["answer", "unknown", "unsent"]
HEAD = b"HTTP/1.1 200 OK\r\n"
CODED, CHUNKED = b"Transfer-Encoding: chunked\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
HALF = HEAD + b"Content-Length: 9\r\n\r\n12345"
# What the exchanges of the table allow (see `laws`).
HEAD_LIMIT, BODY_LIMIT = 65_536, 100_000
UNKNOWN: frozenset[End] = frozenset({"unknown"})
ANSWER: frozenset[End] = frozenset({"answer"})
EITHER: frozenset[End] = frozenset({"answer", "unknown"})
NOT_READ: frozenset[End] = frozenset({"unknown", "unsent"})


@attrs.frozen(kw_only=True)
class Fault:
    """One row. `says`: the answer that counts where one does.

    `body`: bytes of the request. `waits`: the client's limits on time are to end it, so they are short. `later`: what
    the client's event loop does until the server has done all: looks for a while, or is busy elsewhere. `avoidable`: on
    a connection that was used before, a transport may notice in time and use another. `over`: where it is a fault.
    """

    name: str
    script: Script
    ends: frozenset[End] = UNKNOWN
    says: tuple[int, bytes] = (200, b"ok")
    body: int = 20
    waits: bool = False
    later: Literal["", "runs", "is busy"] = ""
    avoidable: bool = False
    over: tuple[Literal["plain", "tls"], ...] = ("plain", "tls")


def reads(*parts: bytes, pause: float = 0.0, then: Callable[[Peer], None] = Peer.close) -> Script:
    """Read the request, say the parts, end it."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.say(*parts, pause=pause)
        then(peer)

    return script


def _hears_no_more(peer: Peer) -> None:
    peer.wait()


def _early(peer: Peer) -> None:
    """An answer while most of the request is still to come."""
    peer.read()
    peer.say(answer(b"", b"413 Content Too Large", b"Connection: close"))
    peer.wait(0.05)


def _half_closes(peer: Peer) -> None:
    peer.half_close()
    peer.server.note()
    peer.drain(1.0)


def _answers_twice(pause: float) -> Script:
    """Says its answer and then one more, which must never be taken for the next request's."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.say(*((answer(b"ok"), answer(b"stale")) if pause else (answer(b"ok") + answer(b"stale"),)), pause=pause)
        peer.server.note()
        peer.honest()

    return script


def _begins_again(peer: Peer) -> None:
    """A second answer begins while nothing is asked; its rest would come as the next request's."""
    stale = answer(b"stale")
    peer.request()
    peer.say(answer(b"ok"))
    peer.wait(0.05)
    peer.say(stale[:9])
    peer.server.note()
    peer.request()
    peer.say(stale[9:])


def _lives_on(*parts: bytes) -> Script:
    return reads(*parts, then=Peer.honest)


def _answered_then_closed(how: Callable[[Peer], None]) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.say(answer(b"ok"))
        peer.wait(0.05)
        how(peer)
        peer.server.note()

    return script


def _f(name: str, script: Script, ends: frozenset[End] = UNKNOWN, **rest: object) -> Fault:
    return Fault(name=name, script=script, ends=ends, **rest)  # type: ignore[arg-type]


MANY = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 4096) for number in range(98))
ENDLESS = b"x" * 65_536
# fmt: off
NOT_READ_AT_ALL = (
    _f("closed before it is read", Peer.close, NOT_READ, avoidable=True),
    _f("reset before it is read", Peer.reset, NOT_READ, avoidable=True),
    _f("half closed before it is read", _half_closes, NOT_READ, avoidable=True),
    _f("never read", _hears_no_more, waits=True),
    _f("a long request that is never read", _hears_no_more, waits=True, body=16 << 20),
)
READ = (
    _f("read, then closed", reads()),
    _f("read, then reset", reads(then=Peer.reset)),
    _f("read, then half closed", reads(then=_half_closes)),
    _f("no answer", reads(then=_hears_no_more), waits=True),
    _f("part of the head, then silence", reads(HEAD, then=_hears_no_more), waits=True),
    _f("part of the head, then closed", reads(HEAD + b"Content-Le")),
    _f("part of the body, then silence", reads(HALF, then=_hears_no_more), waits=True),
    _f("part of the body, then closed", reads(HALF)),
    _f("part of the body, then reset", reads(HALF, b"", pause=0.05, then=Peer.reset)),
    _f("chunks cut short", reads(CHUNKED + b"5\r\n12345\r\n")),
    _f("ended by a cut, no length", reads(HEAD + b"\r\nhalf of it", then=Peer.cut), over=("tls",)),
    _f("dripped for ever", reads(HEAD + b"Content-Length: 999\r\n\r\n", *[b"x"] * 400, pause=0.04), waits=True),
    _f("interim answers for ever", reads(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 400, pause=0.04), waits=True),
)
GARBAGE = (
    _f("garbage", reads(b"\x16\x03\x01 what is this\r\n\r\n")),
    _f("another protocol", reads(b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")),
    _f("HTTP/2", reads(b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok")),
    _f("an upgrade", reads(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")),
    _f("two lengths that differ", reads(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc")),
    _f("a length and chunks", reads(HEAD + CODED + b"Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
    _f("a coding that is not chunked", reads(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")),
    _f("a length that is no number", reads(HEAD + b"Content-Length: +2\r\n\r\nok")),
    _f("a space before the colon", reads(HEAD + b"Content-Length : 2\r\n\r\nok")),
    _f("a zero byte in a header", reads(HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\nok")),
    _f("400 kB of headers", reads(HEAD + MANY + b"Content-Length: 2\r\n\r\nok")),
    _f("a header without an end", reads(HEAD + b"X: " + ENDLESS * 4, then=_hears_no_more), waits=True),
    _f("longer than the limit", reads(HEAD + b"Content-Length: 1048576\r\n\r\n" + ENDLESS * 16)),
    _f("chunks longer than the limit", reads(CHUNKED + b"100000\r\n" + ENDLESS * 16 + b"\r\n0\r\n\r\n")),
    _f("trailers without an end", reads(CHUNKED + b"0\r\n", *[b"X: " + ENDLESS[:9000] + b"\r\n"] * 60), waits=True),
)
ANSWERED = (
    _f("an answer", _lives_on(answer(b"ok")), ANSWER),
    _f("in many pieces", _lives_on(*[bytes([byte]) for byte in answer(b"ok")]), ANSWER),
    _f("chunked", _lives_on(CHUNKED + b"1\r\no\r\n1;x=y\r\nk\r\n0\r\nX-After: all\r\n\r\n"), ANSWER),
    _f("100 first", _lives_on(b"HTTP/1.1 100 Continue\r\n\r\n", answer(b"ok")), ANSWER),
    _f("ended by closing", reads(HEAD + b"\r\no", b"k", pause=0.02), ANSWER),
    _f("HTTP/1.0", reads(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), ANSWER),
    _f("a redirect, not followed", _lives_on(answer(b"", b"307 Go", b"Location: /elsewhere")), ANSWER, says=(307, b"")),
    _f("204", _lives_on(b"HTTP/1.1 204 No Content\r\n\r\n"), ANSWER, says=(204, b"")),
    _f("an error of the server", _lives_on(answer(b"busy", b"503 Busy")), ANSWER, says=(503, b"busy")),
    _f("exactly the limit", _lives_on(answer(b"x" * BODY_LIMIT)), ANSWER, says=(200, b"x" * BODY_LIMIT)),
    _f("called gzip, left as it is", _lives_on(answer(b"ok", b"200 OK", b"Content-Encoding: gzip")), ANSWER),
    _f("longer than it says", _lives_on(answer(b"ok") + b"and more"), ANSWER),
    _f("early, while the request is written", _early, EITHER, says=(413, b""), body=8 << 20),
)
KEPT_ALIVE = (
    _f("answered, closed, noticed", _answered_then_closed(Peer.close), ANSWER, later="runs"),
    _f("answered, closed, not noticed", _answered_then_closed(Peer.close), ANSWER, later="is busy"),
    _f("answered, reset, noticed", _answered_then_closed(Peer.reset), EITHER, later="runs"),
    _f("answered, reset, not noticed", _answered_then_closed(Peer.reset), EITHER, later="is busy"),
    _f("answered, half closed, not noticed", _answered_then_closed(_half_closes), ANSWER, later="is busy"),
    _f("a second answer at once", _answers_twice(0.0), ANSWER),
    _f("a second answer later, noticed", _answers_twice(0.05), ANSWER, later="runs"),
    _f("a second answer later, not noticed", _answers_twice(0.05), ANSWER, later="is busy"),
    _f("a second answer in two pieces, noticed", _begins_again, ANSWER, later="runs"),
    _f("a second answer in two pieces, not noticed", _begins_again, ANSWER, later="is busy"),
    _f("a line end too many", _lives_on(answer(b"ok") + b"\r\n"), ANSWER),
)
# fmt: on
FAULTS = {fault.name: fault for fault in (*NOT_READ_AT_ALL, *READ, *GARBAGE, *ANSWERED, *KEPT_ALIVE)}
