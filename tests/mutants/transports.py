"""Trials of the real HTTP lane: which failures may be called "not sent"."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from gateway_core.engine.lanes import HttpLane, NoAnswer, NotSent
from gateway_core.engine.wire import Wire

from .hunting import Trial, law, must_hold

MAY_HAVE_LEFT = (
    httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.CloseError,
    httpx.RemoteProtocolError, httpx.LocalProtocolError, httpx.ProxyError,
)  # fmt: skip


def _fails(error: type[httpx.TransportError]) -> Trial:
    """The transport raises this after it was handed the request."""

    def trial(folder: Path) -> None:
        def handle(request: httpx.Request) -> httpx.Response:
            raise error("it broke", request=request)

        must_hold("3", not asyncio.run(_called_unsent(handle)), f"{error.__name__} is called proof that nothing left")

    return trial


async def _called_unsent(handle: object) -> bool:
    lane = HttpLane("http://127.0.0.1:9", None, httpx.MockTransport(handle))  # type: ignore[arg-type]
    try:
        await lane.send(Wire("POST", "/payments", (), b"{}"), 1.0, 1000)
    except NotSent:
        return True
    except NoAnswer:
        return False
    finally:
        await lane.close()
    raise AssertionError("it cannot have been answered")


ANY_FAILURE = law(tuple(_fails(error) for error in MAY_HAVE_LEFT))
