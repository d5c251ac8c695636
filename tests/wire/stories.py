"""What the tests of our transport share: a client over it, and requests built as a lane builds them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from gateway_core.engine.transport import Limits, OwnTransport, Phase, phase_of
from gateway_core.testing.wire.certificates import authority

Story = Callable[[httpx.AsyncClient], Awaitable[Any]]


def tell(story: Story, *, auth: httpx.Auth | None = None, **limits: Any) -> Any:
    """Run a story with a client over our transport, and close it."""

    async def run() -> Any:
        transport = OwnTransport(authority().client(), Limits(**limits))
        async with httpx.AsyncClient(transport=transport, auth=auth, trust_env=False, timeout=5) as client:
            return await story(client)

    return asyncio.run(run())


def failed(story: Story, **limits: Any) -> tuple[BaseException, Phase | None]:
    """The error that ended a story, and its phase."""
    with pytest.raises(Exception) as caught:
        tell(story, **limits)
    return caught.value, phase_of(caught.value)


def request(url: str, *, method: str = "POST", headers: Any = None, body: bytes = b"{}") -> httpx.Request:
    made = [(b"Host", b"x"), (b"Content-Length", b"%d" % len(body))] if headers is None else headers
    return httpx.Request(method, url, headers=made, stream=httpx.ByteStream(body))
