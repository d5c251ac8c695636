"""One answer, read strictly: a client that guesses what a server may have meant can give one payment another's answer.

Refused besides what llhttp refuses: other protocols and versions, transfer codings other than `chunked`, interim
answers with a body, upgrades. A second answer, or any byte beyond the first, never belongs to the next request.
"""

from __future__ import annotations

import httptools

BODILESS = frozenset({204, 304})
START = b"HTTP/1."
VERSIONS = frozenset({"1.0", "1.1"})


class Garbled(Exception):
    """What came is no answer, or is longer than the limits. The text quotes nothing that came."""


class Answer:
    """Feed it what arrives, in any pieces, until it is `complete`: then `status`, `headers` and `body` are there.

    `head_limit` and `body_limit` are in bytes. `beyond`: something came after the answer. `reusable`: the server lets
    the connection live, for `idle` seconds if it says so.
    """

    __slots__ = (
        "_body_limit", "_came", "_head", "_head_limit", "_in_head", "_parser", "_parts", "_size", "_start",
        "_until_eof", "beyond", "complete", "headers", "idle", "reusable", "status",
    )  # fmt: skip

    def __init__(self, head_limit: int, body_limit: int) -> None:
        self._head_limit, self._body_limit = head_limit, body_limit
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._came = self._head = self._size = self.status = 0
        self._start, self._in_head, self._until_eof = b"", True, False
        self.complete = self.beyond = self.reusable = False
        self.headers: list[tuple[bytes, bytes]] = []
        self.idle: float | None = None

    @property
    def body(self) -> bytes:
        """The body as it came: nothing is unpacked."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def feed(self, data: bytes) -> None:
        """Take some bytes, at least one. Raises Garbled."""
        self._came += len(data)
        if len(self._start) < len(START):
            self._start += data[: len(START) - len(self._start)]
            if not START.startswith(self._start):
                raise Garbled("it is not HTTP/1")
        parser = self._parser
        assert parser is not None, "nothing is fed to a whole answer"
        try:
            # An answer that is whole before the last byte is not all that came.
            parser.feed_data(data[:-1])
            if self.complete:
                self.beyond = True
            else:
                parser.feed_data(data[-1:])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise _reason(error) from None
            self.beyond = True
        self._limits()
        if self.complete:
            self._parser = None  # it refers to this object: without the cycle both are freed at once

    def eof(self, orderly: bool) -> None:
        """The server closed. In order, that ends an answer without a length. Raises Garbled if something is missing."""
        if not (self._until_eof and orderly):
            raise Garbled("the server closed in the middle of it" if self._came else "the server closed without one")
        self.complete, self._parser = True, None

    def _limits(self) -> None:
        if self._head > self._head_limit or (self._in_head and self._came > self._head_limit):
            raise Garbled(f"its head is longer than {self._head_limit} bytes")
        # Chunks may be tiny and carry extensions and trailers: those have a limit, too.
        if self._size > self._body_limit or self._came > 2 * (self._head_limit + self._body_limit):
            raise Garbled(f"it is longer than {self._body_limit} bytes")

    # -- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The answer, the one after an interim answer, or a second one."""
        if self.complete:
            raise Garbled("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer."""
        self._head += len(name) + len(value)
        if self._in_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole: is it one that we can trust?"""
        assert self._parser is not None
        self.status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        length = coding = False
        for name, value in self.headers:
            match name.lower():
                case b"content-length":
                    length = True
                case b"transfer-encoding":
                    if coding or version == "1.0" or value.lower() != b"chunked":
                        raise Garbled("its transfer coding is not chunked")
                    coding = True
                case b"keep-alive":
                    self.idle = _idle(value)
        if version not in VERSIONS or self.status == 101:
            raise Garbled("it speaks another protocol")
        if self.status < 200:
            if length or coding:
                raise Garbled("an interim answer has a body")
            return
        self._in_head = False
        self._until_eof = not (length or coding or self.status in BODILESS)

    def on_body(self, part: bytes) -> None:
        """Some of the body."""
        self._size += len(part)
        self._parts.append(part)
        if self._size > self._body_limit:
            raise Garbled(f"it is longer than {self._body_limit} bytes")

    def on_message_complete(self) -> None:
        """The answer is whole, or it was an interim one (100, 103) and another follows."""
        if self.status < 200:
            self.headers.clear()
            return
        assert self._parser is not None
        self.complete, self.reusable = True, self._parser.should_keep_alive()


def _reason(error: Exception) -> Garbled:
    """What our own callbacks raised, or the parser's words, which quote nothing."""
    if isinstance(error.__context__, Garbled):
        return error.__context__
    return Garbled(str(error) if isinstance(error, httptools.HttpParserError) else "it speaks another protocol")


def _idle(value: bytes) -> float | None:
    """`Keep-Alive: timeout=5, max=100`: after so many seconds of silence the server closes."""
    for part in value.lower().split(b","):
        name, _, seconds = part.strip().partition(b"=")
        if name == b"timeout" and seconds.isdigit() and len(seconds) < 7:
            return float(seconds)
    return None
