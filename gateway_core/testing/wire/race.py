"""The true race: the server closes while the next request is on its way over a slow link.

Nobody can prove then that the request was not read (it may have been), so it is unknown, and is never sent again.

    python -m gateway_core.testing.wire.race gateway_core.testing.wire.transports:own

prints a line of JSON per case: its name, how the exchange ended, how many copies the server read, the error.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

from .laws import LawBroken, Make, client
from .link import SERVER, Link
from .server import Peer, RawServer, Script

DELAY = 0.1
# On a busy machine the client may come too late to cross the close: then once more.
TRIES = 8
Case: TypeAlias = tuple[str, str, int, str]


def _once(act: Callable[[Peer], None]) -> Script:
    def script(peer: Peer) -> None:
        # By now the answer has arrived; the client sends its next request as soon as it hears of this.
        peer.wait(2 * DELAY)
        peer.server.note()
        act(peer)

    return script


def _half_closes_and_reads(peer: Peer) -> None:
    peer.half_close()
    peer.request()


def _reads_and_closes(peer: Peer) -> None:
    peer.request()
    peer.close()


def _reads_and_resets(peer: Peer) -> None:
    peer.request()
    peer.reset()


CASES = {
    "closed as the request was on its way": _once(Peer.close),
    "reset as the request was on its way": _once(Peer.reset),
    "half closed as the request was on its way, then read": _once(_half_closes_and_reads),
    "read, then closed": _once(_reads_and_closes),
    "read, then reset": _once(_reads_and_resets),
}


async def _meet(name: str, make: Make, link: Link) -> Case | None:
    """None: the client came too late to cross the close."""
    with link.at_server():
        server = RawServer(CASES[name], good=1, host=SERVER)
    with server:
        here = client(make, server.url, 5.0)
        try:
            await here.send()
            await asyncio.to_thread(server.noted.wait)
            met = await here.send()
            if here.began - server.noted_at > DELAY / 2:
                return None
            after = await here.send()
            if after.body != b"3":
                raise LawBroken(f"its own answer: the next request ended {after}")
        finally:
            await here.http.aclose()
    return name, met.end, server.copies[b"2"], f"{type(met.error).__name__}: {met.error}"


def raced(make: str) -> list[Case]:
    """All cases, in a process of its own. `make` is written as module:attribute."""
    command = [sys.executable, "-m", __name__, make]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def main(made_by: str) -> None:
    """The command."""
    link = Link(DELAY)
    module, _, attribute = made_by.partition(":")
    make: Make = getattr(import_module(module), attribute)
    try:
        for name in CASES:
            cases = (asyncio.run(_meet(name, make, link)) for _ in range(TRIES))
            print(json.dumps(next(case for case in cases if case)), flush=True)
    finally:
        link.stop()


if __name__ == "__main__":
    main(sys.argv[1])
