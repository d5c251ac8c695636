"""An auth that reads answers, as one that fetches tokens does: the payment's own answer stays whole and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway_core.contract.channel import Wiring
from gateway_core.contract.signing import guarded_auth
from gateway_core.engine.lanes import HttpLane, NoAnswer, NotSent
from gateway_core.engine.wire import Wire
from gateway_core.testing.contract.serving import Serving

PAY, LIMIT = Wire("POST", "/pay/1", (), b"{}"), 1000


async def said(request: Request) -> Response:
    """As many bytes as the path asks for."""
    return Response(b"x" * int(request.path_params["size"]))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    routes = [Route("/token/{size}", said, methods=["GET"]), Route("/pay/{size}", said, methods=["POST"])]
    with Serving(Starlette(routes=routes)) as at:
        yield at


class Reads(httpx.Auth):
    """Fetches a token of this size, and reads whatever comes."""

    requires_response_body = True

    def __init__(self, url: str, size: int = 3) -> None:
        self.token, self.read = f"{url}/token/{size}", [b""]

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = yield httpx.Request("GET", self.token, extensions=request.extensions)
        answer = yield request
        self.read = [token.content, answer.content]


def exchange(url: str, auth: Reads, wiring: Wiring, wire: Wire = PAY) -> bytes:
    async def story() -> bytes:
        lane = HttpLane(url, guarded_auth(auth, None, "acme.auth"), wiring=wiring)
        try:
            return (await lane.send(wire, 20.0, LIMIT))[2]
        finally:
            await lane.close()

    return asyncio.run(story())


@pytest.mark.parametrize("transport", ["own", "stock"])
def test_what_the_auth_has_read_is_still_the_answer(url: str, transport: str) -> None:
    auth = Reads(url)
    assert exchange(url, auth, Wiring(transport=transport)) == b"x"  # type: ignore[arg-type]
    assert auth.read == [b"xxx", b"x"]


@pytest.mark.parametrize("transport", ["own", "stock"])
def test_law_11_what_the_auth_reads_has_the_limit_of_every_answer(url: str, transport: str) -> None:
    wiring = Wiring(transport=transport)  # type: ignore[arg-type]
    with pytest.raises(NoAnswer):
        exchange(url, Reads(url), wiring, Wire("POST", f"/pay/{LIMIT + 1}", (), b"{}"))
    with pytest.raises(NotSent):
        exchange(url, Reads(url, LIMIT + 1), wiring)
