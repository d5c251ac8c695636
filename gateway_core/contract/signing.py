"""The gateway's auth as the core runs it: each of its steps guarded, like any other code of a plugin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import httpx

from .guard import GatewayFault, guarded, stepped

# Bytes of an answer to what a gateway asks for itself without saying a limit.
USUAL = 1 << 20


def guarded_auth(auth: httpx.Auth, owner: object, what: str) -> httpx.Auth:
    """What the lanes of a channel sign with."""
    own = type(auth).async_auth_flow is not httpx.Auth.async_auth_flow
    return _Awaiting(auth) if own else _Stepping(auth, owner, what)


class _Stepping(httpx.Auth):
    """A flow without `await`: its steps cannot raise what is no Exception, and one that hangs is seen."""

    def __init__(self, auth: httpx.Auth, owner: object, what: str) -> None:
        self._auth, self._owner, self._what = auth, owner, what
        self.requires_request_body = auth.requires_request_body
        self.requires_response_body = auth.requires_response_body

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The requests to send, each in answer to the response before."""
        # As httpx does it, without an `await` while the gateway's code runs.
        if self.requires_request_body:
            await request.aread()
        steps = stepped(self._owner, self._what, guarded(self._owner, self._what, self._auth.auth_flow, request))
        try:
            out = next(steps)
            while True:
                response = yield out
                if self.requires_response_body:
                    await _read(response)
                out = steps.send(response)
        except StopIteration:
            return


async def _read(response: httpx.Response) -> None:
    """Its body, for the gateway's flow and then for the lane: within the lane's limit, and to be read again."""
    stream, limit = response.stream, response.request.extensions.get("body_limit", USUAL)
    assert isinstance(stream, httpx.AsyncByteStream)
    body = b""
    async for part in stream:
        body += part
        if len(body) > limit:
            raise httpx.ReadError(f"the answer is longer than {limit} bytes")
    await stream.aclose()
    response.stream = httpx.ByteStream(body)
    await response.aread()


class _Awaiting(httpx.Auth):
    """A flow that the gateway wrote with `await`: others run meanwhile, so it is not watched, only caught."""

    def __init__(self, auth: httpx.Auth) -> None:
        self._auth = auth
        self.requires_request_body = auth.requires_request_body
        self.requires_response_body = auth.requires_response_body

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The requests to send, each in answer to the response before."""
        flow = self._auth.async_auth_flow(request)
        try:
            out = await anext(flow)
            while True:
                response = yield out
                out = await flow.asend(response)
        except StopAsyncIteration:
            return
        except (Exception, asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            raise GatewayFault(f"{type(error).__name__}: {error}") from error
        finally:
            await flow.aclose()
