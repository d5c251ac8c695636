"""Who speaks to the payer, and how: callbacks of the hub and of a payee, each with its own key."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import attrs
import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway_core.testing.caller import caller

from ..fspiop import jws
from ..fspiop.texts import canonical
from ..keys import KeyFolder

HUB, PAYEE = "Hub", "payeefsp"
CALLBACKS = "http://127.0.0.1:8089/callbacks/hub"
# Seconds for one callback; what waits for a free connection has longer, as in a hub's queue.
TIMEOUT = httpx.Timeout(10.0, pool=120.0)
Signed = Literal["right", "wrong", "not"]


@attrs.define
class Voices:
    """`callbacks`: where the payer is called back. `keys`: a folder; None: nothing is signed or verified.

    `seen` keeps what was sent: (method, path, headers, body), for tests.
    """

    callbacks: str
    keys: Path | None = None
    version: str = "1.1"
    hub: str = HUB
    payee: str = PAYEE
    # Whether the hub signs what it says itself; many do not.
    hub_signs: bool = True
    # How it connects to the payer, where that takes TLS.
    trust: ssl.SSLContext | None = None
    seen: list[tuple[str, str, dict[str, str], bytes]] | None = None
    _own: dict[str, rsa.RSAPrivateKey] = attrs.field(factory=dict)
    _others: KeyFolder | None = None
    _client: httpx.AsyncClient | None = None

    def __attrs_post_init__(self) -> None:
        if self.keys is None:
            return
        self.keys.mkdir(parents=True, exist_ok=True)
        self._others = KeyFolder(self.keys)
        for name in (self.hub, self.payee, "stranger"):
            self._own[name] = rsa.generate_private_key(65537, 2048)
            if name != "stranger":
                (self.keys / f"{name}.pem").write_bytes(public_pem(self._own[name]))

    def is_signed(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bool:
        """Whether the payer's request bears its signature, where signatures are used."""
        if self._others is None:
            return True
        try:
            jws.verify(self._others.of(headers.get("fspiop-source", ""), time.time()), method, target, headers, body)
        except jws.BadSignature:
            return False
        return True

    async def say(
        self, path: tuple[str, ...], body: Any, *, to: str, source: str, signed: Signed = "right", method: str = "PUT",
        at: datetime | None = None,
    ) -> bool:  # fmt: skip
        """One callback. Whether the payer took it; nobody tries again."""
        target = "/" + "/".join(quote(segment, safe="") for segment in path)
        raw = canonical(body)
        headers = {
            "content-type": f"application/vnd.interoperability.{path[0]}+json;version={self.version}",
            "date": format_datetime(at or datetime.now(UTC), usegmt=True),
            "fspiop-source": source, "fspiop-destination": to,
        }  # fmt: skip
        silent = signed == "not" or (source == self.hub and not self.hub_signs)
        if self.keys is not None and not silent:
            key = self._own["stranger" if signed == "wrong" else source]
            headers |= await asyncio.to_thread(jws.sign, key, method, target, headers, raw)
        if self.seen is not None:
            self.seen.append((method, target, headers, raw))
        if self._client is None:
            self._client = caller(TIMEOUT, self.trust or httpx.create_ssl_context(verify=False, trust_env=False))
        with suppress(httpx.HTTPError, httpx.InvalidURL):
            answer = await self._client.request(method, self.callbacks + target, content=raw, headers=headers)
            return answer.status_code == 200
        return False

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.aclose()


def public_pem(key: rsa.RSAPrivateKey) -> bytes:
    """As participants give it to one another."""
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki)
