"""What can become of an exchange, one small function each; `honest` where nothing goes wrong."""

from __future__ import annotations

import attrs

from .proxy import Exchange, Fault, Said

# Seconds of silence before the connection closes. Nobody's time-out is tried here, but what is made of no answer: so
# how fast the machine is decides nothing.
HOLD = 0.4
DRIP = 0.05
# An answer without an end ends all the same, so late that a client that is left has no limit: bytes, and drops.
ENDLESS, DROPS = 64 << 20, 600
HTML = b"<!doctype html><html><body><h1>Something is not right</h1></body></html>"


def honest(exchange: Exchange) -> None:
    """Passes request and answer on."""
    exchange.say(exchange.forward())


def request_lost(exchange: Exchange) -> None:
    """The rail never gets it; the connection closes."""
    exchange.close()


def unheard(exchange: Exchange) -> None:
    """The rail never gets it, and the connection closes when the rail's callback was read; see `Bench`."""
    exchange.close()


def answer_lost(exchange: Exchange) -> None:
    """The rail takes it; the connection closes before an answer."""
    exchange.forward()
    exchange.close()


def reset(exchange: Exchange) -> None:
    """The rail takes it; the connection is reset."""
    exchange.forward()
    exchange.close(reset=True)


def silence(exchange: Exchange) -> None:
    """The rail takes it; no answer comes."""
    exchange.forward()
    exchange.wait(HOLD)
    exchange.close()


def truncated(exchange: Exchange) -> None:
    """The rail takes it; the answer ends in its middle."""
    said = exchange.forward()
    exchange.say(attrs.evolve(said, body=said.body + b" " * 64), cut=64 + len(said.body) // 2)


def dripped(exchange: Exchange) -> None:
    """The rail takes it; the answer comes byte by byte, and ends too early."""
    exchange.forward()
    _drip(exchange, int(HOLD / DRIP))


def dripping(exchange: Exchange) -> None:
    """The rail takes it; the answer comes byte by byte, for longer than anybody should wait."""
    exchange.forward()
    _drip(exchange, DROPS)


def _drip(exchange: Exchange, drops: int) -> None:
    exchange.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    # Drops are counted, not timed: a machine that stood still for a while blames nobody.
    for _ in range(drops):
        exchange.write(b" ")
        exchange.wait(DRIP)
    exchange.drops = drops
    exchange.close()


def endless(exchange: Exchange) -> None:
    """The rail takes it; the answer has no end."""
    exchange.forward()
    exchange.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n")
    part = b" " * (1 << 16)
    while exchange.taken < ENDLESS and not exchange.proxy.closing.is_set():
        exchange.write(part)
    exchange.close()


def twice(exchange: Exchange) -> None:
    """The rail gets it twice, as a careless network does; it says what it says to the second copy."""
    exchange.forward()
    exchange.say(exchange.forward())


def late(exchange: Exchange) -> None:
    """The connection closes; the rail gets it only after the next copy, or in the end."""
    exchange.proxy.keep(exchange.passed)
    exchange.close()


def then_the_late_one(exchange: Exchange) -> None:
    """Passes this copy on, and after it the one that was under way."""
    said = exchange.forward()
    exchange.proxy.let_go()
    exchange.say(said)


def instead(status: int, body: bytes = HTML, kind: str = "text/html") -> Fault:
    """The rail takes it; somebody on the way answers in its place."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.say(Said(status, (("Content-Type", kind),), body))

    return fault
