"""A server in a process of its own that treats requests at random, fast: for stress.

    python -m gateway_core.testing.wire.chaos SEED [tls]

prints {"url": ..., "ca": ...}, serves until its standard input ends, then prints {request's number: copies read}.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable

from .certificates import authority
from .server import answer

HEAD = re.compile(rb"[A-Z]+ /(\d+) HTTP/1\.1\r\n")
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)")
COPIES: Counter[str] = Counter()
# So long the server keeps what it should say to itself; longer than its clients wait.
STALL = 0.5


class Chaotic(asyncio.Protocol):
    """One connection. Each request is counted when its first line is there, and meets a fate when it is whole."""

    chance = random.Random(0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Some are closed before anything is read."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.counted = transport, b"", False
        self.loop = asyncio.get_running_loop()
        if self.chance.random() < 0.02:
            self.chance.choice((self.close, self.reset))()

    def data_received(self, data: bytes) -> None:
        """Whole requests, one after the other."""
        self.buffer += data
        while found := HEAD.match(self.buffer):
            number = found[1]
            if not self.counted:
                COPIES[number.decode()] += 1
                self.counted = True
            end = self.buffer.find(b"\r\n\r\n")
            length = LENGTH.search(self.buffer, 0, end)
            if end < 0 or length is None or len(self.buffer) < end + 4 + int(length[1]):
                return
            self.buffer, self.counted = self.buffer[end + 4 + int(length[1]) :], False
            self.meet(number)

    def meet(self, number: bytes) -> None:
        """Usually the answer; then it often closes while the next request may be on its way."""
        draw = self.chance.random()
        if draw < 0.7:
            self.transport.write(answer(number))
            if draw < 0.2:
                self.loop.call_later(self.chance.uniform(0, 0.004), self.chance.choice((self.close, self.reset)))
            return
        self.chance.choices(FATES, WEIGHTS)[0](self, number)

    def close(self) -> None:
        """FIN."""
        self.transport.close()

    def reset(self) -> None:
        """RST."""
        sock = None if self.transport.is_closing() else self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def late(self, data: bytes) -> None:
        """Say it if somebody may still listen."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def cut(self, number: bytes) -> None:
        """Some of the answer, then the end."""
        whole = answer(number)
        self.transport.write(whole[: self.chance.randrange(len(whole))])
        self.chance.choice((self.close, self.reset))()

    def garble(self, number: bytes) -> None:
        """A byte is another one: not a digit of a length or number, which would make it another sound answer."""
        whole = answer(number)
        at = self.chance.choice([at for at, byte in enumerate(whole) if not chr(byte).isdigit()])
        self.transport.write(whole[:at] + bytes([whole[at] ^ self.chance.randrange(1, 256)]) + whole[at + 1 :])

    def stall(self, number: bytes) -> None:
        """The answer comes when nobody waits any more."""
        self.loop.call_later(STALL, self.late, answer(number))

    def double(self, number: bytes) -> None:
        """The answer twice, at once."""
        self.transport.write(answer(number) * 2)

    def overlong(self, number: bytes) -> None:
        """The answer, and more."""
        self.transport.write(answer(number) + self.chance.choice((b"\r\n", b"x", b"HTTP/1.1 2")))

    def chunked(self, number: bytes) -> None:
        """In chunks, after an interim answer."""
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in number)
        self.loop.call_later(0.001, self.late, chunks + b"0\r\n\r\n")

    def until_closed(self, number: bytes) -> None:
        """Without a length."""
        self.transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + number)
        self.close()

    def nothing(self, number: bytes) -> None:
        """Read, and closed."""
        self.chance.choice((self.close, self.reset))()


FATES: tuple[Callable[[Chaotic, bytes], None], ...] = (
    Chaotic.nothing, Chaotic.cut, Chaotic.garble, Chaotic.stall, Chaotic.double, Chaotic.overlong, Chaotic.chunked,
    Chaotic.until_closed,
)  # fmt: skip
WEIGHTS = (6, 4, 4, 1, 6, 4, 3, 3)


async def serve(seed: int, tls: bool) -> None:
    """Until standard input ends."""
    Chaotic.chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    context = authority().server() if tls else None
    server = await loop.create_server(Chaotic, "127.0.0.1", 0, ssl=context, backlog=512)
    url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(json.dumps({"url": url, "ca": authority().pem if tls else ""}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps(COPIES))


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), "tls" in sys.argv))
