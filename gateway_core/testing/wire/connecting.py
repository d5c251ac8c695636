"""What can go wrong before a connection stands, as a table. Nothing was written then: only this is provably unsent.

One row is an exception: under TLS 1.3 a server judges our certificate when we already believe to be connected, so its
refusal comes after the request has left and looks like any other broken connection.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeAlias
from unittest import mock

import attrs

from .certificates import Authority, authority
from .faults import NOT_READ, End
from .server import Peer, RawServer

UNSENT: frozenset[End] = frozenset({"unsent"})


@attrs.frozen
class Target:
    """Where to send, and how a client is to trust. `read` counts what the server read of requests."""

    url: str
    context: ssl.SSLContext | None = None
    read: Callable[[], int] = lambda: 0


Arranged: TypeAlias = AbstractContextManager[Target]


@attrs.frozen
class Connecting:
    """One row: how it is arranged, how the exchange may end. `waits`: only a limit on time ends it."""

    name: str
    arrange: Callable[[], Arranged]
    ends: frozenset[End] = UNSENT
    waits: bool = False


@contextmanager
def _refused() -> Iterator[Target]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Target(f"http://127.0.0.1:{bound.getsockname()[1]}")


@contextmanager
def _no_such_name() -> Iterator[Target]:
    with mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(socket.EAI_NONAME, "Name or service not known")):
        yield Target("http://nowhere.invalid")


@contextmanager
def _full_backlog() -> Iterator[Target]:
    with contextlib.ExitStack() as open_, socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        for _ in range(3):
            waiting = open_.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield Target(f"http://127.0.0.1:{full.getsockname()[1]}")


def _secured(server: ssl.SSLContext, client: ssl.SSLContext) -> Callable[[], Arranged]:
    """A server and a client that do not go together."""

    @contextmanager
    def arrange() -> Iterator[Target]:
        with RawServer(Peer.honest, tls=server) as here:
            yield Target(here.url, client, lambda: here.bytes_read)

    return arrange


def _hello(*said: bytes, stays: bool = False) -> Callable[[], Arranged]:
    """A server that does not answer a TLS hello as it should."""

    def script(peer: Peer) -> None:
        peer.sock.recv(1 << 16)
        peer.say(*said)
        if stays:
            peer.wait()
        peer.close()

    @contextmanager
    def arrange() -> Iterator[Target]:
        with RawServer(script) as here:
            # What it reads are hellos; a request would be one only behind an agreed connection.
            yield Target(here.url.replace("http:", "https:"), authority().client())

    return arrange


def _only(version: ssl.TLSVersion, context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    return context


def connecting() -> tuple[Connecting, ...]:
    """The table. It makes certificates, so it is made when it is asked for."""
    own, other, old, new = authority(), Authority(), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    elsewhere, expired = own.issue("server", names=()), own.issue("client", days=-1)

    def asks(version: ssl.TLSVersion, pem: str = "") -> Callable[[], Arranged]:
        return _secured(_only(version, own.server(asks=True)), own.client(pem))

    return (
        Connecting("refused", _refused),
        Connecting("no such name", _no_such_name),
        Connecting("the backlog is full", _full_backlog, waits=True),
        Connecting("a certificate of somebody unknown", _secured(other.server(), own.client())),
        Connecting("a certificate for another name", _secured(own.server(elsewhere), own.client())),
        Connecting("a server certificate that expired", _secured(own.server(own.issue("s", days=-1)), own.client())),
        Connecting("closed while agreeing", _hello()),
        Connecting("plain text while agreeing", _hello(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
        Connecting("silence while agreeing", _hello(stays=True), waits=True),
        Connecting("TLS 1.2: our certificate is missing", asks(old)),
        Connecting("TLS 1.2: our certificate expired", asks(old, expired)),
        Connecting("TLS 1.3: our certificate is missing", asks(new), NOT_READ),
        Connecting("TLS 1.3: our certificate expired", asks(new, expired), NOT_READ),
    )


CONNECTING = tuple(row.name for row in connecting())
