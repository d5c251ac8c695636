"""The way of a GSMA batch: load, look, approve, and ask for the outcomes of its items, page by page.

POST  /batchtransactions                      load; X-CorrelationID is the document's id
GET   /responses/{X-CorrelationID}            which batch came of it (a link), or which error
GET   /batchtransactions/{id}                 is it parked (`created`), or was it approved?
PATCH /batchtransactions/{id}                 approve: an update, which may be repeated
GET   /batchtransactions/{id}/completions     and /rejections: who was paid, and who was not
"""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Generator, Iterator, Sequence
from typing import Any, TypeAlias

import attrs
import httpx

from gateway_core.contract import Done, NotFound, Reply, Secret, Tokens, Unknown, path
from gateway_core.contract.transports import Handed, HttpTransport, Occupied, Parcel, Parked, Probed, Put, Ref

from .gsma_batch_items import KINDS, answer
from .gsma_links import link
from .profiles.gsma import Gsma

log = logging.getLogger(__name__)
BATCHES = "/batchtransactions"
APPROVAL = [{"op": "replace", "path": "/batchStatus", "value": "approved"}]
# Items a page; the provider may give fewer.
PAGE = 200
TIMEOUT, TOTAL = 30.0, 300.0
# Bytes of an answer about a token.
LONGEST = 1 << 16
# Within the class, `list` is the verb.
List: TypeAlias = list


@attrs.frozen
class Outcomes:
    """What there is to be fetched of a batch: how many items of each kind."""

    batch: str
    counts: tuple[int, ...]


class BatchWay(HttpTransport):
    """One provider's batches. `watch` says of which there is something to ask."""

    def __init__(self, profile: Gsma) -> None:
        self._profile, self._settings = profile, profile.settings
        super().__init__(self._settings.base_url, auth=Signed(profile), timeout=TIMEOUT, total=TOTAL)
        self.address = f"{self._settings.base_url}{BATCHES}"
        self._handed: list[Handed] = []
        self._listed: dict[Ref, Outcomes] = {}

    def put_request(self, parcel: Parcel) -> httpx.Request:
        """The load. Whole in memory: the same bytes may have to go once more, with another token."""
        return self._changing("POST", BATCHES, parcel.key, b"".join(parcel.read()))

    def approve(self, parcel: Parcel, reference: str) -> Put:
        """See Transport.approve. Without X-CorrelationID: an update may be repeated, and one that has it might not."""
        body, there = json.dumps(APPROVAL).encode(), f"{BATCHES}{path(reference)}"
        return self._sent(lambda parcel: self._changing("PATCH", there, "", body), parcel)

    def probe(self, parcel: Parcel) -> Probed:
        """See Transport.probe: by our id to the batch, which must have our title."""
        try:
            return self._found(parcel)
        except Exception as error:
            return Unknown(type(error).__name__)

    def _found(self, parcel: Parcel) -> Probed:
        place = self._place(parcel.key)
        if not isinstance(place, str):
            return place
        reply = self._get(place)
        if reply.status == 200 and "errorCategory" in reply.json():
            # What the load came to: the gateway reads it.
            return reply
        return _judged(reply, place, parcel.name)

    def _place(self, key: str) -> str | NotFound | Unknown:
        """Where the provider's response to a load leads."""
        reply = self._get(path("responses", key))
        said = reply.json()
        if reply.status == 404 and str(said.get("errorCategory")).casefold() == "identification":
            return NotFound()
        if reply.status != 200 or not said.get("link"):
            return Unknown(f"status {reply.status} to the question for a response")
        place = link(self._settings.base_url, said["link"])
        return place or Unknown(f"refused to follow {said['link']!r}"[:200])

    # -- outcomes -----------------------------------------------------------------------------------------------------

    def watch(self, handed: Sequence[Handed]) -> None:
        """See Transport.watch."""
        self._handed = list(handed)

    def list(self) -> List[Ref]:
        """Every batch of which outcomes are told, marked by their number; one that cannot be asked now waits."""
        self._listed.clear()
        for one in self._handed:
            try:
                self._look(one)
            except (httpx.HTTPError, OSError, ValueError) as error:
                log.warning("batch %s cannot be asked about: %s", one.name, error)
        return [*self._listed]

    def _look(self, handed: Handed) -> None:
        batch = handed.reference or self._batch_of(handed.key)
        counts = tuple(self._page(batch, kind, 0, 1)[1] for kind in KINDS)
        if any(counts):
            mark = "-".join(map(str, counts))
            self._listed[Ref(f"{handed.name}-{mark}.jsonl", mark)] = Outcomes(batch, counts)

    def _batch_of(self, key: str) -> str:
        """Where people said that it was handed over, no reference of the provider's came with it."""
        place = self._place(key)
        parts = place.strip("/").split("/") if isinstance(place, str) else []
        if len(parts) != 2 or "/" + parts[0] != BATCHES:
            raise OSError(errno.ENOENT, f"the provider names no batch for {key}")
        return parts[1]

    def fetch(self, ref: Ref) -> Iterator[bytes]:
        """Completions, then rejections. Raises OSError where there are others than when it was listed."""
        if ref not in self._listed:
            raise OSError(errno.ENOENT, "it was not listed", ref.name)
        return answer(self._items(self._listed[ref]))

    def _items(self, told: Outcomes) -> Iterator[tuple[str, Any]]:
        for kind, wanted in zip(KINDS, told.counts, strict=True):
            got = 0
            while got < wanted:
                page, available = self._page(told.batch, kind, got, PAGE)
                got += len(page)
                if not page or available != wanted or got > wanted:
                    raise OSError(errno.EBUSY, f"the {kind} changed while they were read", told.batch)
                yield from ((kind, item) for item in page)

    def _page(self, batch: str, kind: str, offset: int, limit: int) -> tuple[List[Any], int]:
        """Items of a kind, and how many there are in all."""
        reply = self._get(f"{BATCHES}{path(batch, kind)}?limit={limit}&offset={offset}")
        available = reply.headers.get("x-records-available-count", "")
        found = json.loads(reply.body) if reply.status == 200 else None
        if not isinstance(found, list) or not (available.isascii() and available.isdigit()):
            raise OSError(errno.EIO, f"status {reply.status}, and no page of the {kind}", batch)
        return found, int(available[:9])

    def archive(self, ref: Ref) -> None:
        """The provider keeps all."""

    # -- requests -----------------------------------------------------------------------------------------------------

    def _get(self, target: str) -> Reply:
        return self._reply(self._request("GET", target, headers=self._headers()), "find_out")

    def _changing(self, method: str, target: str, key: str, body: bytes) -> httpx.Request:
        more = {"X-CorrelationID": key} if key else {}
        headers = self._headers(**more) | {"Content-Type": "application/json"}
        return self._request(method, target, headers=headers, content=body)

    def _headers(self, **more: str) -> dict[str, str]:
        """The profile's. Secrets are put in here: nothing of this request is journaled."""
        said = self._profile.headers(**more)
        return {
            name: getattr(self._settings, value.name).reveal() if isinstance(value, Secret) else value
            for name, value in said.items()
        }


def _judged(reply: Reply, place: str, title: str) -> Probed:
    """Its status says whether it was approved, and nothing about any payment."""
    said = reply.json()
    batch = str(said.get("batchId") or said.get("batchID") or "")
    if reply.status != 200 or not batch or place != f"{BATCHES}{path(batch)}":
        return Unknown(f"status {reply.status} to the question for a batch, or another one")
    if said.get("batchTitle") != title:
        known = said.get("batchTitle")
        return Occupied(f"batch {batch} has another title") if known else Unknown("the batch comes without its title")
    match str(said.get("batchStatus")).casefold():
        case "created":
            return Parked(batch)
        case "approved" | "completed":
            return Done({"reference": batch})
    return Unknown(f"batchStatus {said.get('batchStatus')!r}"[:100])


class Signed(httpx.Auth):
    """Date, and credentials or a token. A refused token is renewed once, and the same bytes go again."""

    def __init__(self, profile: Gsma) -> None:
        self._profile, self._tokens = profile, Tokens(ends_others=profile.token_ends_others)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See httpx.Auth."""
        self._profile.sign(request)
        for turn in range(2):
            token = self._tokens.good(fetching=True)
            if not token and (asked := self._profile.token_request()) is not None:
                asked.extensions.update(request.extensions)
                said = _bounded((yield asked))
                token = self._tokens.take(said.status_code, said.content)
            if token:
                request.headers["Authorization"] = f"Bearer {token}"
            response = yield request
            page = "html" in response.headers.get("content-type", "")
            if turn or not token or page or not self._profile.stale(response.status_code, b""):
                return
            _bounded(response)
            self._tokens.drop(token)


def _bounded(response: httpx.Response) -> httpx.Response:
    """Read. Before another request goes, httpx reads all of an answer, however long it is."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    response.stream = _Bounded(response.stream)
    response.read()
    return response


@attrs.frozen
class _Bounded(httpx.SyncByteStream):
    """A stream that ends, or raises."""

    stream: httpx.SyncByteStream

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self.stream:
            size += len(chunk)
            if size > LONGEST:
                raise OSError(errno.EMSGSIZE, "the answer does not end")
            yield chunk

    def close(self) -> None:
        self.stream.close()
