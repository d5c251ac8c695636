"""Files over HTTP: a bank that takes an upload under its name and offers answers in a folder.

    PUT  OUTBOX/NAME      the file; Content-Length, Idempotency-Key and Digest (RFC 3230) say what it is
    GET  OUTBOX/NAME      is it there?
    GET  INBOX            a JSON list of {"name": ..., "mark": ...}, or of names
    GET  INBOX/NAME       one of them
    DELETE INBOX/NAME     it was read; the bank keeps its own copy

A bank that does it otherwise overrides the methods that build requests. Replies to put and probe are read by the
gateway's `parse_response`; `Gateway.auth()` signs.
"""

from __future__ import annotations

import base64
import errno
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from ..flow import path
from ..replies import Reply, Unknown
from .port import NotSent, Parcel, Probed, Put, Ref, Transport

# As for every lane: unsent only when no connection was made. Everything else is Unknown.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
ANSWER = 1 << 20
LISTED = 10_000


class HttpTransport(Transport):
    """`base_url` is the channel's. `timeout`: seconds without progress; `total`: seconds for any one exchange.

    `auth` may send requests of its own first (a token). Once the file itself was answered, no failure proves it unsent.
    """

    def __init__(
        self, base_url: str, outbox: str = "/outbox", inbox: str = "/inbox", auth: httpx.Auth | None = None,
        timeout: float = 30.0, total: float = 3600.0,
    ) -> None:  # fmt: skip
        self._base, self.outbox, self.inbox = base_url.rstrip("/"), outbox, inbox
        self._auth, self._timeout, self._total = auth, timeout, total
        self._client: httpx.Client | None = None
        self._answered: set[httpx.URL] = set()
        self.address = f"{self._base}{outbox}"

    def put_request(self, parcel: Parcel) -> httpx.Request:
        """The upload."""
        digest = base64.b64encode(bytes.fromhex(parcel.sha256)).decode()
        headers = {
            "Content-Length": str(parcel.size), "Content-Type": "application/octet-stream",
            "Idempotency-Key": parcel.key, "Digest": f"sha-256={digest}",
        }  # fmt: skip
        return self._request("PUT", self.outbox + path(parcel.name), headers=headers, content=parcel.read())

    def probe_request(self, parcel: Parcel) -> httpx.Request:
        """The question whether it is there."""
        return self._request("GET", self.outbox + path(parcel.name))

    def list_request(self) -> httpx.Request:
        """The question what there is to fetch."""
        return self._request("GET", self.inbox)

    def put(self, parcel: Parcel) -> Put:
        """See Transport.put."""
        return self._sent(self.put_request, parcel)

    def probe(self, parcel: Parcel) -> Probed:
        """See Transport.probe."""
        try:
            return self._reply(self.probe_request(parcel), "find_out")
        except Exception as error:
            return Unknown(type(error).__name__)

    def list(self) -> list[Ref]:
        """See Transport.list."""
        reply = self._reply(self.list_request(), "ask")
        listed: Any = httpx.Response(reply.status, content=reply.body).json() if reply.status == 200 else None
        if not isinstance(listed, list) or len(listed) > LISTED:
            raise OSError(errno.EIO, f"the bank lists nothing (status {reply.status})", self.inbox)
        return [_ref(item) for item in listed]

    def fetch(self, ref: Ref) -> Iterator[bytes]:
        """See Transport.fetch."""
        until = time.monotonic() + self._total
        response = self._open().send(self._request("GET", self.inbox + path(ref.name)), auth=self._auth, stream=True)
        try:
            if response.status_code != 200:
                raise OSError(errno.EIO, f"the bank answers {response.status_code}", ref.name)
            for chunk in response.iter_bytes():
                if time.monotonic() > until:
                    raise OSError(errno.ETIMEDOUT, "it drips", ref.name)
                yield chunk
        finally:
            response.close()

    def archive(self, ref: Ref) -> None:
        """See Transport.archive."""
        reply = self._reply(self._request("DELETE", self.inbox + path(ref.name)), "ask")
        if reply.status not in (200, 202, 204, 404):
            raise OSError(errno.EIO, f"the bank answers {reply.status}", ref.name)

    def close(self) -> None:
        """Drop the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _sent(self, request: Callable[[Parcel], httpx.Request], parcel: Parcel) -> Put:
        """What became of a request that changes something at the bank."""
        url = None
        try:
            made = request(parcel)
            url = made.url
            return self._reply(made, "ask")
        except NOT_SENT as error:
            return Unknown(type(error).__name__) if url in self._answered else NotSent(type(error).__name__)
        except Exception as error:
            return Unknown(type(error).__name__)

    def _request(self, method: str, target: str, **content: Any) -> httpx.Request:
        return self._open().build_request(method, self._base + target, **content)

    def _open(self) -> httpx.Client:
        if self._client is None:
            transport = httpx.HTTPTransport(trust_env=False, retries=0)
            limits = httpx.Timeout(self._timeout, connect=min(self._timeout, 10.0))
            self._client = httpx.Client(
                transport=transport, trust_env=False, follow_redirects=False, timeout=limits,
                event_hooks={"response": [lambda response: self._answered.add(response.request.url)]},
            )  # fmt: skip
        return self._client

    def _reply(self, request: httpx.Request, to: str) -> Reply:
        """One exchange, its answer bounded in size and time."""
        until = time.monotonic() + self._total
        self._answered.clear()
        response = self._open().send(request, auth=self._auth, stream=True)
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > ANSWER or time.monotonic() > until:
                    raise OSError(errno.EMSGSIZE, "the answer does not end")
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, bytes(body), "find_out" if to == "find_out" else "ask")


def _ref(item: Any) -> Ref:
    name = item if isinstance(item, str) else item["name"]
    return Ref(str(name), "" if isinstance(item, str) else str(item.get("mark", "")))
