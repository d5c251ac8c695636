"""Our reading of answers against h11's: over any bytes, in any pieces, they never read two different answers.

Where one sees an answer and the other a fault, that is counted. Ours is the stricter nearly always; where it is not,
the kinds are few and harmless, and listed by what was said.

    python -m gateway_core.testing.wire.differential COUNT SEED
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from typing import TypeAlias

import attrs
import h11

from ...engine.transport.answer import Answer, Garbled

Read: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]
OK = b"HTTP/1.1 200 OK\r\n"
SEEDS = (
    OK + b"Content-Length: 5\r\n\r\nhello",
    OK + b"Content-Type: application/json\r\nContent-Length: 14\r\nX-Empty:\r\n\r\n" + b'{"paid": true}',
    OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;name=value\r\n world\r\n0\r\n\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nContent-Length: 7\r\nX-After: all\r\n\r\n",
    OK + b"\r\nuntil the end",
    OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    b"HTTP/1.0 500 Oops\r\n\r\nuntil the end",
    OK + b"Content-Length: 2\r\n\r\nok" + OK + b"Content-Length: 5\r\n\r\nstale",
    OK + b"Keep-Alive: timeout=5, max=100\r\nX: a\tb\r\nX: \xe9\r\nContent-Length: 2\r\n\r\nok",
)
WORDS = (
    *(b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b"\x7f", b"\xff", b",", b":", b";", b"+", b"-", b"0", b"1", b"9"),
    *(b"Content-Length: 2\r\n", b"Content-Length: 3\r\n", b"Content-Length: 2, 2\r\n", b" folded\r\n", b"X-A: b\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"transfer-encoding:chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n"),
    *(b"Connection: close\r\n", b"Upgrade: x\r\n", b"HTTP/1.1 ", b"HTTP/1.0 ", b"HTTP/2.0 ", b"HTTP/1.1 100 \r\n\r\n"),
    *(b"HTTP/1.1 101 X\r\n\r\n", b"204", b"304", b"0\r\n\r\n", b": \r\n", b"chunked", b"keep-alive", b"identity"),
)  # fmt: skip


@attrs.define
class Compared:
    """How often both read the same, and who saw an answer where the other saw a fault. `differ` must stay empty."""

    same: Counter[str] = attrs.field(factory=Counter)
    only_ours: Counter[str] = attrs.field(factory=Counter)
    only_h11: Counter[str] = attrs.field(factory=Counter)
    differ: list[str] = attrs.field(factory=list)

    def __str__(self) -> str:
        return (
            f"same: {dict(self.same)}; only h11 answers: {self.only_h11.total()}; only ours: {self.only_ours.total()} "
            f"{dict(self.only_ours.most_common(8))}; differ: {len(self.differ)}"
        )


def compare(count: int, seed: int) -> Compared:
    """Read so many random answers both ways."""
    chance, compared = random.Random(seed), Compared()
    for _ in range(count):
        pieces, closes = _pieces(chance), chance.random() < 0.7
        ours, theirs = read_by_us(pieces, closes), read_by_h11(pieces, closes)
        if isinstance(ours, str) and isinstance(theirs, str):
            compared.same["fault"] += 1
        elif isinstance(ours, str):
            compared.only_h11[ours] += 1
        elif isinstance(theirs, str):
            compared.only_ours[theirs] += 1
        elif ours == theirs:
            compared.same["answer"] += 1
        else:
            compared.differ.append(f"{pieces!r} closes={closes}: ours {ours!r}, h11 {theirs!r}")
    return compared


def read_by_us(pieces: list[bytes], closes: bool) -> Read | str:
    """What our parser makes of it, or why it makes nothing of it."""
    answer = Answer(1 << 16, 1 << 20)
    try:
        for piece in pieces:
            answer.feed(piece)
            if answer.complete:
                break
        else:
            if not closes:
                return "unfinished"
            answer.eof(True)
    except Garbled as error:
        return str(error)
    return answer.status, [_plain(name, value) for name, value in answer.headers], answer.body


def read_by_h11(pieces: list[bytes], closes: bool) -> Read | str:
    """The same with h11."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="POST", target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
    connection.send(h11.EndOfMessage())
    status, headers, body = 0, [], b""
    try:
        for piece in [*pieces, *([b""] if closes else [])]:
            connection.receive_data(piece)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.Response):
                    status, headers = event.status_code, list(event.headers)
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    return status, [_plain(name, value) for name, value in headers], body
                elif isinstance(event, h11.ConnectionClosed):
                    return "closed"
    except h11.RemoteProtocolError as error:
        return str(error)[:60]
    return "unfinished"


def _plain(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Without what a reader may choose: the case of names and codings, the space around values."""
    name, value = bytes(name).lower(), bytes(value).strip(b" \t")
    return name, value.lower() if name == b"transfer-encoding" else value


def _pieces(chance: random.Random) -> list[bytes]:
    """An answer, often damaged, in pieces as a network may make them."""
    data = chance.choice(SEEDS)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        data = chance.choice(DAMAGES)(data, chance)
    cuts = (
        sorted({chance.randrange(1, len(data)) for _ in range(chance.choice((0, 0, 1, 2, 5)))}) if len(data) > 1 else []
    )
    return [part for part in (data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)) if part]


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) or 1)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.choice([chance.randrange(len(data) + 1), data.find(b"\r\n") + 2])
    return data[:at] + chance.choice(WORDS) + data[at:]


def _delete(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) or 1)
    return data[:at] + data[at + chance.choice((1, 1, 2, 8)) :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _again(data: bytes, chance: random.Random) -> bytes:
    return data + chance.choice(SEEDS)


def _splice(data: bytes, chance: random.Random) -> bytes:
    other = chance.choice(SEEDS)
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other)) :]


DAMAGES = (_flip, _flip, _insert, _insert, _insert, _delete, _cut, _again, _splice)


if __name__ == "__main__":
    print(compare(int(sys.argv[1]), int(sys.argv[2])))
