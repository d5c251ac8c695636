"""The callback application by itself, over a store of its own: what a rail meets that calls back."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from ..contract.channel import Channel
from ..contract.gateway import Gateway
from ..engine.callbacks import CallbackApp
from ..store.opening import open_store

Call = Callable[[str, str, Mapping[str, str], bytes], int]


@contextmanager
def hearing(gateway: Gateway[Any], name: str = "channel") -> Iterator[Call]:
    """`call(method, url, headers, body)` gives the status that is answered, once the call is on disk."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'store.db'}", "hearing", "test", create=True)
        app = CallbackApp(store, {name: Channel(name, gateway)}, lambda: time.time_ns() // 1000)

        async def called(method: str, url: str, headers: Mapping[str, str], body: bytes) -> int:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False) as client:
                return (await client.request(method, url, headers=dict(headers), content=body)).status_code

        def call(method: str, url: str, headers: Mapping[str, str], body: bytes) -> int:
            return asyncio.run(called(method, url, headers, body))

        try:
            yield call
        finally:
            store.close()
