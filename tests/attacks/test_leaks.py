"""Attempts to get a secret out, and to hurt with what comes in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway_core.engine.callbacks import CallbackApp
from gateway_core.engine.lanes import HttpLane, NoAnswer, NotSent
from gateway_core.engine.mark import Mark
from gateway_core.engine.wire import Wire
from gateway_core.lifecycle import asking
from gateway_core.model.errors import RestoredStore, StoreError
from gateway_core.store import Store, inbox
from gateway_core.store.clock import now_us
from gateway_core.store.database import recognise

if TYPE_CHECKING:
    from tests.conftest import Shop

HIDDEN = "s3cr3t-t0ken-0f-the-rail"


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("ends", ["\n", "\r\nX-Evil: 1"])
def test_a_secret_that_no_header_can_hold_stays_secret(
    ends: str, open_shop: Callable[..., Shop], quick: Mapping[str, Any], caplog: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """The usual mistake: a secret mounted from a file or a cluster with a line end too many."""
    monkeypatch.setattr(asking, "SECOND", 1000)
    (tmp_path / "key").write_bytes((HIDDEN + ends + "\n").encode())
    shop = open_shop(channel={**quick, "api_key": {"file": str(tmp_path / "key")}})
    payroll = shop.proposed(shop.invoices(1))
    shop.paymaster.check(payroll)
    shop.paymaster.approve(payroll, by="joseph")
    shop.run(payroll, wait=2)
    shop.paymaster.reconcile(payroll, by="amina")
    said = repr(shop.paymaster.events(shop.payment(payroll))) + repr(shop.paymaster.objections(payroll)) + caplog.text
    shop.paymaster.close_store()
    assert HIDDEN not in said
    assert HIDDEN.encode() not in everything(shop.folder)
    shop.reopen()


def test_what_a_plugin_raises_while_it_signs_is_not_kept() -> None:
    class Careless(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            raise ValueError(f"cannot sign with {HIDDEN}")
            yield request

    async def send() -> None:
        lane = HttpLane("http://127.0.0.1:9", Careless())
        try:
            await lane.send(Wire("POST", "/payments", (), b"{}"), 1.0, 1000)
        finally:
            await lane.close()

    with pytest.raises(NotSent) as caught:
        asyncio.run(send())
    assert HIDDEN not in str(caught.value)
    assert "ValueError" in str(caught.value)


class Remote(Store):
    """Stands for a store on another database, whose address holds a password."""

    def __init__(self, shop: Shop) -> None:
        self.__dict__.update(shop.paymaster._store.__dict__)
        self.url = f"postgresql+psycopg://gateway:{HIDDEN}@db.example.org/payments"

    @property
    def file(self) -> Path | None:
        return None


@pytest.mark.sqlite("it stands for the other one")
def test_the_password_of_a_store_is_neither_in_its_mark_nor_in_an_error(shop: Shop, tmp_path: Path) -> None:
    remote = Remote(shop)
    with pytest.raises(RestoredStore) as unmarked:
        Mark(tmp_path / "marks", remote).check()
    mark = Mark(tmp_path / "marks", remote)
    mark.write(0, 0, b"")
    mark.close()
    mark.check()
    assert "db.example.org" in str(unmarked.value)
    assert HIDDEN not in str(unmarked.value) + mark.path.read_text()
    with remote.write() as connection:
        connection.exec_driver_sql("ALTER TABLE meta RENAME TO meta_elsewhere")
    try:
        with pytest.raises(StoreError) as missing:
            recognise(remote, "test")
    finally:
        with remote.write() as connection:
            connection.exec_driver_sql("ALTER TABLE meta_elsewhere RENAME TO meta")
    assert HIDDEN not in str(missing.value)


def test_a_refusal_after_the_request_was_answered_once_is_not_called_unsent() -> None:
    """A plugin's auth meets 401, renews its token and sends again; that second time nobody is there."""
    taken: list[bytes] = []

    class Renewing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            response = yield request
            if response.status_code == 401:
                yield request

    async def send() -> Any:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken.append(await reader.readuntil(b"\r\n\r\n"))
            server.close()
            writer.write(b"HTTP/1.1 401 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(once, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        lane = HttpLane(f"http://127.0.0.1:{port}", Renewing())
        try:
            return await lane.send(Wire("POST", "/payments", (), b"{}"), 3.0, 1000)
        finally:
            await lane.close()

    with pytest.raises(NoAnswer):
        asyncio.run(send())
    assert len(taken) == 1


def call(app: CallbackApp, body: bytes, path: str = "/callbacks/dummy") -> int:
    said: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        said.append(message.get("status", 0))

    asyncio.run(app({"type": "http", "method": "POST", "path": path, "headers": []}, receive, send))
    return said[0]


HOSTILE = {
    "half a character": json.dumps({"key": "\ud800"}).encode(),
    "a zero byte": json.dumps({"key": "a\0b"}).encode(),
    "deep": b'{"key":' + b"[" * 10_000,
    "a long number": b'{"key":"k","amount":' + b"9" * 10_000 + b"}",
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "a long key": json.dumps({"key": "k" * 10_000}).encode(),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_callback_is_stored_and_changes_nothing(what: str, shop: Shop) -> None:
    app = CallbackApp(shop.paymaster._store, {"dummy": shop.paymaster.configuration.channel("dummy")}, now_us)
    assert call(app, HOSTILE[what], "/callbacks/dummy/\ud800/../../etc/passwd") == 204
    payroll = shop.paid(shop.invoices(1))
    assert shop.state(payroll) == "paid"
    assert [row[0] for row in shop.select("SELECT state FROM arrivals")] == ["unmatched"]


@pytest.mark.sqlite("it measures the file")
def test_callbacks_of_strangers_do_not_fill_the_disk(shop: Shop) -> None:
    app = CallbackApp(shop.paymaster._store, {"dummy": shop.paymaster.configuration.channel("dummy")}, now_us)
    before = shop.store.stat().st_size
    said = {call(app, json.dumps({"key": f"key-{n}", "fill": "x" * 500_000}).encode()) for n in range(200)}
    shop.paymaster.close_store()
    grown = everything(shop.folder)
    assert len(grown) - before < 64 << 20, f"{len(grown) >> 20} MiB are kept for strangers; answers {said}"
    shop.reopen()


def test_callbacks_about_known_keys_still_come_through(shop: Shop, monkeypatch: Any) -> None:
    monkeypatch.setattr(inbox, "STRANGERS_PER_CHANNEL", 20)
    payroll = shop.approved([shop.invoice(0, "fault-pending-for-ever")])
    shop.run(payroll, wait=0)
    app = CallbackApp(shop.paymaster._store, {"dummy": shop.paymaster.configuration.channel("dummy")}, now_us)
    said = [call(app, json.dumps({"key": f"key-{n}"}).encode()) for n in range(22)]
    assert said[-1] == 429
    ((key,),) = shop.select("SELECT key FROM facts WHERE kind = 'intent'")
    assert call(app, json.dumps({"key": key}).encode()) == 204
