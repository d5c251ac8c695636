"""The callback application: on disk before it is answered, within limits, and no credential kept (law 8)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from gateway_core.contract import Arrival, Callback, Ctx, Gateway, PayFlow, Payment, Refused, Settings
from gateway_core.contract.channel import Channel, Pace
from gateway_core.engine.callbacks import CallbackApp
from gateway_core.store import Store, opening
from gateway_core.store.inbox import AUTHENTIC_PER_KEY, UNAUTHENTIC_PER_KEY
from tests.stores import address

LIMIT = 4096
GOOD = {"x-signature": "good"}


class Acme(Gateway[Settings]):
    """Key and signature in plain sight."""

    name = "acme"

    def execute_payment(self, payment: Payment, ctx: Ctx) -> PayFlow:
        return Refused("none")
        yield

    def parse_callback(self, arrival: Arrival) -> Callback | None:
        said = json.loads(arrival.body)
        return Callback(said["key"], arrival.headers.get("x-signature") == "good")


@pytest.fixture
def store(stores: None, tmp_path: Path) -> Iterator[Store]:
    opened = opening.open_store(address(tmp_path / "store.db"), "deployment", "test", create=True)
    yield opened
    opening.close_store(opened)


class Caller:
    """Calls the application as a server would; `at_answer` runs when the answer goes out."""

    def __init__(self, store: Store) -> None:
        self.store, self.woken = store, 0
        self.at_answer: Callable[[], object] = lambda: None
        channel = Channel("acme", Acme(Settings()), pace=Pace(body_limit=LIMIT))
        self.app = CallbackApp(store, {"acme": channel}, lambda: 1_795_000_000_000_000, self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def __call__(
        self, body: bytes | dict[str, Any] = b"", path: str = "/callbacks/acme/x", method: str = "POST",
        headers: dict[str, str] | None = None, parts: int = 1,
    ) -> int:  # fmt: skip
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        size = -(-len(raw) // parts) or 1
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)] or [b""]
        messages = [{"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces]
        said: list[int] = []

        async def receive() -> MutableMapping[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.at_answer()
                said.append(message["status"])

        names = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        asyncio.run(self.app({"type": "http", "method": method, "path": path, "headers": names}, receive, send))
        return said[0]

    def rows(self, columns: str = "key, authentic, state, times") -> list[tuple[Any, ...]]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(f"SELECT {columns} FROM arrivals ORDER BY id")]

    def blobs(self) -> int:
        with self.store.read() as connection:
            return int(connection.exec_driver_sql("SELECT COUNT(*) FROM blobs").scalar() or 0)


@pytest.fixture
def call(store: Store) -> Caller:
    return Caller(store)


def test_law_8_it_is_on_disk_before_it_is_answered(call: Caller) -> None:
    seen: list[Any] = []
    call.at_answer = lambda: seen.extend(call.rows())  # read over a connection of its own
    assert call({"key": "k"}, headers=GOOD) == 204
    assert seen == [("k", 1, "new", 1)]
    assert call.woken == 1


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/callbacks/nobody/x", "POST", 404),
        ("/callbacks", "POST", 404),
        ("/", "POST", 404),
        ("/other/acme", "POST", 404),
        ("/callbacks/acme", "GET", 405),
        ("/callbacks/acme", "DELETE", 405),
        ("/callbacks/acme", "POST", 204),
        ("/callbacks/acme/a/b", "PUT", 204),
        ("/callbacks/acme/a/b", "PATCH", 204),
        ("/health", "GET", 200),
    ],
)
def test_where_it_may_be_called(call: Caller, path: str, method: str, status: int) -> None:
    assert call({"key": "k"}, path, method) == status
    assert len(call.rows()) == (status in (200, 204) and method != "GET")


def test_the_path_after_the_channel_is_kept(call: Caller) -> None:
    call({"key": "k"}, "/callbacks/acme/orders/7")
    assert call.rows("method, path") == [("POST", "/orders/7")]


def test_the_gateway_sees_the_address_as_it_was_sent(call: Caller) -> None:
    seen: list[tuple[str, str]] = []

    class Notes(Acme):
        def parse_callback(self, arrival: Arrival) -> Callback | None:
            seen.append((arrival.path, arrival.target))
            return None

    call.app = CallbackApp(call.store, {"acme": Channel("acme", Notes(Settings()))}, lambda: 0)
    scope = {"path": "/callbacks/acme/parties/+2/a b", "raw_path": b"/callbacks/acme/parties/%2B2/a%20b"}
    call({"key": "k"}, str(scope["path"]))
    asyncio.run(call.app(*_asgi({**scope, "query_string": b"x=%20"})))
    assert seen == [("/parties/+2/a b", "/parties/%2B2/a%20b"), ("/parties/+2/a b", "/parties/%2B2/a%20b?x=%20")]


def _asgi(scope: dict[str, Any]) -> tuple[Any, Any, Any]:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"{}"}

    async def send(message: MutableMapping[str, Any]) -> None:
        pass

    return {"type": "http", "method": "PUT", "headers": [], **scope}, receive, send


def test_an_unreadable_arrival_is_stored_all_the_same(call: Caller) -> None:
    assert call(b"\xff\x00 no json") == 204
    assert call.rows() == [("", 0, "new", 1)]


def test_law_8_equal_bodies_share_one_blob_and_are_counted(call: Caller) -> None:
    for _ in range(5):
        assert call({"key": "k"}, headers=GOOD) == 204
    assert call.rows() == [("k", 1, "new", 5)]
    assert call({"key": "k"}) == 204, "the same words without a signature are another arrival"
    assert [row[1] for row in call.rows()] == [1, 0]
    assert call.blobs() == 1


def test_law_8_unauthenticated_arrivals_have_a_limit_and_displace_nothing(call: Caller) -> None:
    assert {call({"key": "k", "n": n}) for n in range(UNAUTHENTIC_PER_KEY)} == {204}
    assert call({"key": "k", "n": "one too many"}) == 429
    assert call({"key": "k"}, headers=GOOD) == 204, "an authenticated one always has its place"
    assert call({"key": "another"}) == 204
    assert [row[1] for row in call.rows() if row[0] == "k"] == [0] * UNAUTHENTIC_PER_KEY + [1]


def test_law_11_authenticated_ones_have_a_limit_too(call: Caller) -> None:
    for n in range(AUTHENTIC_PER_KEY):
        call({"key": "k", "n": n}, headers=GOOD)
    assert call({"key": "k", "n": "one too many"}, headers=GOOD) == 429
    assert len(call.rows()) == AUTHENTIC_PER_KEY


@pytest.mark.parametrize("parts", [1, 7])
def test_law_11_a_body_has_a_limit(call: Caller, parts: int) -> None:
    assert call(b"x" * (LIMIT + 1), parts=parts) == 413
    assert call(b"x" * LIMIT, parts=parts) == 204
    assert len(call.rows()) == 1


def test_law_11_headers_have_a_limit(call: Caller) -> None:
    assert call({"key": "k"}, headers={"x-long": "x" * 20_000}) == 431
    assert call.rows() == []


def test_law_11_a_key_has_a_limit(call: Caller) -> None:
    call({"key": "k" * 1000})
    assert [len(key) for (key,) in call.rows("key")] == [200]


def test_credentials_are_not_stored(call: Caller) -> None:
    secret = dict.fromkeys(("Authorization", "Proxy-Authorization", "Cookie", "X-API-Key"), "geheim")
    call({"key": "k"}, headers=secret | {"X-Request": "7"})
    assert json.loads(call.rows("headers")[0][0]) == {"x-request": "7"}


def test_a_caller_who_hangs_up_leaves_nothing(call: Caller) -> None:
    async def broken() -> list[int]:
        said: list[int] = []
        messages = [{"type": "http.request", "body": b"{", "more_body": True}]

        async def receive() -> MutableMapping[str, Any]:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            said.append(message.get("status", 0))

        scope = {"type": "http", "method": "POST", "path": "/callbacks/acme", "headers": []}
        await call.app(scope, receive, send)
        return said

    assert asyncio.run(broken())[0] >= 400
    assert call.rows() == []


def test_a_store_that_cannot_write_answers_no_2xx(call: Caller) -> None:
    call.store.uncertain = True
    assert call({"key": "k"}, headers=GOOD) == 503
    call.store.uncertain = False
    assert (call.rows(), call.woken) == ([], 0)
