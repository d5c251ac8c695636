"""Trials of callbacks: the real ASGI application, and what is made of what it stored."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from gateway_core.model.errors import GatewayCoreError

from .desk import Desk, desk
from .hunting import callbacks, must_hold


def _stored(shop: Desk) -> int:
    return int(shop.select("SELECT count(*) FROM arrivals")[0][0])


def _call(shop: Desk, body: bytes, at_answer: Any) -> None:
    """One request to the application; `at_answer(status)` is called at the instant at which the answer goes out."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            at_answer(message["status"])

    scope = {"type": "http", "method": "POST", "path": "/callbacks/dummy", "headers": []}
    asyncio.run(shop.paymaster.callbacks()(scope, receive, send))


def on_disk_when_it_is_answered(folder: Path) -> None:
    """At the instant of a 2xx another process sees the arrival in the file."""
    with desk(folder) as (shop, _):
        for number in range(3):

            def at_answer(status: int, number: int = number) -> None:
                must_hold("8", status >= 300 or _stored(shop) > number, "a callback was answered before it was stored")

            _call(shop, json.dumps({"key": "k", "n": number}).encode(), at_answer)


def no_2xx_for_what_cannot_be_stored(folder: Path) -> None:
    """A store that cannot write answers with no 2xx."""
    with desk(folder) as (shop, _):
        shop.paymaster._store.uncertain = True
        said: list[int] = []
        try:
            _call(shop, b'{"key": "k"}', said.append)
        except GatewayCoreError:
            said.append(500)
        finally:
            shop.paymaster._store.uncertain = False
        must_hold("8", said[0] >= 300 or _stored(shop) > 0, "a callback was answered 2xx and is not in the store")


STORED_FIRST = callbacks((on_disk_when_it_is_answered, no_2xx_for_what_cannot_be_stored))
