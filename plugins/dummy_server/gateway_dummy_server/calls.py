"""Callbacks out: signed, sent again a few times when nobody answers, never longer than the server lives."""

from __future__ import annotations

import asyncio
import json
import time

import httpx

from gateway_core.testing.behaviours import Call
from gateway_core.testing.caller import caller
from gateway_core.testing.ledger import Entry
from gateway_core.testing.provider import booked_by

from .messages import payment_json
from .signing import SIGNATURE, TIMESTAMP, sign

TRIES, FIRST_PAUSE, TIMEOUT, AT_ONCE = 6, 0.2, 3.0, 32
WRONG_SECRET = "not-the-secret"  # noqa: S105 - it signs the forgeries


class Calls:
    """Calls back the payer of a payment, where it left an address."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._tasks: set[asyncio.Task[bool]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._client = caller(TIMEOUT)

    def fire(self, when: str, entry: Entry, calls: tuple[Call, ...] | None = None) -> list[asyncio.Task[bool]]:
        """Start the callbacks that the payment's behaviour has for this moment; they run by themselves."""
        if not entry.order.callback_url:
            return []
        wanted = booked_by(entry).calls if calls is None else calls
        started = [asyncio.create_task(self._deliver(entry, call)) for call in wanted if call.when == when]
        for task in started:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return started

    async def close(self) -> None:
        """Stop: what was not delivered is lost, as when a provider goes down. Asking tells the same."""
        for task in (tasks := list(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(self, entry: Entry, call: Call) -> bool:
        """One callback, tried up to TRIES times, with a fresh signature each time. True when it was answered 2xx."""
        says = "" if call.says == "truth" else call.says
        body = json.dumps(payment_json(entry, says, "refused_by_provider" if says else "")).encode()
        await asyncio.sleep(call.after)
        for number in range(TRIES):
            if await self._post(entry.order.callback_url, body, call.signed):
                return True
            await asyncio.sleep(FIRST_PAUSE * 2**number)
        return False

    async def _post(self, url: str, body: bytes, signed: str) -> bool:
        headers = {"content-type": "application/json", **self._signature(body, signed)}
        try:
            async with self._slots:
                return (await self._client.post(url, content=body, headers=headers)).is_success
        except (httpx.HTTPError, httpx.InvalidURL):
            return False

    def _signature(self, body: bytes, signed: str) -> dict[str, str]:
        """Nothing where it is not to be signed, or where nobody gave the server a secret."""
        secret = WRONG_SECRET if signed == "wrong" else self._secret
        if signed == "not" or not secret:
            return {}
        timestamp = str(int(time.time()))
        return {TIMESTAMP: timestamp, SIGNATURE: sign(secret, timestamp, body)}
