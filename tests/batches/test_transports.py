"""The two ways to a bank: whole files or none, never over another one, and honest about what is known."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.contract import Done, NotFound, Reply, Unknown
from gateway_core.contract.transports import (
    DirectoryTransport,
    HttpTransport,
    NotSent,
    Occupied,
    Parcel,
    Ref,
    Transport,
)

from .gateway import CsvBank

if TYPE_CHECKING:
    from .conftest import Branch

BODY = b"H,1\n" + b"L,line\n" * 1000


def parcel(body: bytes = BODY, name: str = "PAY-1.csv") -> Parcel:
    return Parcel(name, hashlib.sha256(body).hexdigest(), len(body), "key-1", lambda: iter([body[:10], body[10:]]))


# -- a directory -----------------------------------------------------------------------------------------------------


@pytest.fixture
def drop(tmp_path: Path) -> DirectoryTransport:
    for name in ("out", "in"):
        (tmp_path / name).mkdir()
    return DirectoryTransport(tmp_path / "out", tmp_path / "in", quiet=0.0)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_and_alone(drop: DirectoryTransport) -> None:
    assert isinstance(drop.put(parcel()), Done)
    assert names(drop.outbox) == ["PAY-1.csv"]
    assert (drop.outbox / "PAY-1.csv").read_bytes() == BODY
    assert isinstance(drop.probe(parcel()), Done)


def test_putting_it_again_changes_nothing(drop: DirectoryTransport) -> None:
    drop.put(parcel())
    before = (drop.outbox / "PAY-1.csv").stat()
    assert isinstance(drop.put(parcel()), Done)
    assert (drop.outbox / "PAY-1.csv").stat().st_ino == before.st_ino


def test_nothing_is_ever_written_over_another_file(drop: DirectoryTransport) -> None:
    (drop.outbox / "PAY-1.csv").write_text("somebody else's")
    assert isinstance(drop.put(parcel()), Occupied)
    assert isinstance(drop.probe(parcel()), Occupied)
    assert (drop.outbox / "PAY-1.csv").read_text() == "somebody else's"


def test_one_that_is_gone_proves_nothing(drop: DirectoryTransport) -> None:
    """The bank collects."""
    drop.put(parcel())
    (drop.outbox / "PAY-1.csv").unlink()
    assert isinstance(drop.probe(parcel()), NotFound)


def test_one_that_was_not_written_to_its_end_provably_never_left(drop: DirectoryTransport) -> None:
    (drop.outbox / ".PAY-1.csv.part").write_bytes(BODY[:100])
    assert isinstance(drop.probe(parcel()), NotSent)
    assert isinstance(drop.put(parcel()), Done)
    assert names(drop.outbox) == ["PAY-1.csv"]


def test_one_that_was_about_to_get_its_name_proves_nothing(drop: DirectoryTransport) -> None:
    (drop.outbox / ".PAY-1.csv.go").write_bytes(BODY)
    assert isinstance(drop.probe(parcel()), NotFound)


@pytest.mark.parametrize("spoil", [lambda body: body[:-1], lambda body: body.replace(b"1", b"2", 1)])
def test_bytes_that_changed_on_their_way_never_get_the_name(
    drop: DirectoryTransport, spoil: Callable[[bytes], bytes]
) -> None:
    said = drop.put(Parcel("PAY-1.csv", hashlib.sha256(BODY).hexdigest(), len(BODY), "k", lambda: iter([spoil(BODY)])))
    assert isinstance(said, NotSent)
    assert "PAY-1.csv" not in names(drop.outbox)


def test_a_directory_that_is_not_mounted_is_no_proof_that_the_file_is_gone(drop: DirectoryTransport) -> None:
    drop.put(parcel())
    drop.outbox.rename(drop.outbox.with_name("elsewhere"))
    assert isinstance(drop.probe(parcel()), Unknown)
    said = drop.put(parcel(name="PAY-2.csv"))
    assert isinstance(said, NotSent) and str(drop.outbox) in said.why


def test_where_a_name_cannot_be_linked_it_is_renamed(drop: DirectoryTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(os, "link", refuses)
    assert isinstance(drop.put(parcel()), Done)
    assert names(drop.outbox) == ["PAY-1.csv"]
    (drop.outbox / "PAY-2.csv").write_text("somebody else's")
    assert isinstance(drop.put(parcel(name="PAY-2.csv")), Occupied)


def test_a_failure_after_the_name_was_given_is_unknown(
    drop: DirectoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def fails(*places: Any) -> None:
        link(*places)
        raise OSError(5, "the cable")

    monkeypatch.setattr(os, "link", fails)
    assert isinstance(drop.put(parcel()), Unknown)
    assert isinstance(drop.probe(parcel()), Done)


def test_only_whole_files_are_listed_and_none_is_deleted(drop: DirectoryTransport) -> None:
    for name in ("b.csv", "a.csv", ".hidden", "c.csv.part", "d.tmp"):
        (drop.inbox / name).write_text(name)
    (drop.inbox / "link.csv").symlink_to("a.csv")
    (drop.inbox / "folder").mkdir()
    refs = list(drop.list())
    assert [ref.name for ref in refs] == ["a.csv", "b.csv"]
    assert b"".join(drop.fetch(refs[0])) == b"a.csv"
    drop.archive(refs[0])
    drop.archive(refs[0])
    assert [ref.name for ref in drop.list()] == ["b.csv"]
    assert (drop.inbox / "archive" / "a.csv").read_text() == "a.csv"
    (drop.inbox / "a.csv").write_text("another of that name")
    (again, _) = drop.list()
    drop.archive(again)
    assert len(names(drop.inbox / "archive")) == 2


def test_one_that_is_still_being_written_waits(drop: DirectoryTransport) -> None:
    drop.quiet = 60.0
    (drop.inbox / "a.csv").write_text("half")
    assert list(drop.list()) == []
    os.utime(drop.inbox / "a.csv", (1, 1))
    assert [ref.name for ref in drop.list()] == ["a.csv"]


def test_one_whose_time_lies_ahead_is_taken_once_it_stays_as_it_is(
    drop: DirectoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank's clock, or its time zone, is wrong: its files are not kept waiting for ever."""
    drop.quiet, ahead, waited = 5.0, time.time() + 3 * 3600, list[float]()
    for name in ("still.csv", "grows.csv", "goes.csv"):
        (drop.inbox / name).write_bytes(b"A")
        os.utime(drop.inbox / name, (ahead, ahead))

    def meanwhile(seconds: float) -> None:
        waited.append(seconds)
        (drop.inbox / "grows.csv").write_bytes(b"AB")
        (drop.inbox / "goes.csv").unlink()

    monkeypatch.setattr("time.sleep", meanwhile)
    assert [ref.name for ref in drop.list()] == ["still.csv"] and waited == [5.0]


def test_one_of_which_only_a_part_was_written_leaves_nothing(drop: DirectoryTransport) -> None:
    """A trace of it would be read as that of a later try."""

    def full() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "no space left on device")

    assert isinstance(drop.put(attrs.evolve(parcel(), read=full)), NotSent)
    assert list(drop.outbox.iterdir()) == [] and isinstance(drop.probe(parcel()), NotFound)


def test_one_that_changes_while_it_is_read_is_not_taken(drop: DirectoryTransport) -> None:
    (drop.inbox / "a.csv").write_text("first")
    (ref,) = drop.list()
    chunks = drop.fetch(ref)
    next(chunks)
    (drop.inbox / "a.csv").write_text("first and more")
    with pytest.raises(OSError, match="changed"):
        list(chunks)
    drop.archive(ref)
    assert (drop.inbox / "a.csv").exists(), "what is there now was not read"


# -- HTTP -------------------------------------------------------------------------------------------------------------


class Server:
    """A bank's file server. `taken`: what it has; `how`: what it does with the next request."""

    def __init__(self) -> None:
        self.taken: dict[str, bytes] = {}
        self.inbox: dict[str, bytes] = {}
        self.how = "works"
        self.headers: list[dict[str, str]] = []
        bank = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                bank.headers.append(dict(self.headers.items()))
                if bank.how == "works" or bank.how == "takes and hangs up":
                    bank.taken[self.path] = body
                if bank.how.endswith("hangs up"):
                    self.close_connection = True
                    return
                self._say({"works": 201, "is full": 503, "redirects": 307}[bank.how], b'{"reference": "B-1"}')

            def do_GET(self) -> None:
                if self.path == "/in":
                    self._say(200, json.dumps([{"name": name, "mark": "1"} for name in bank.inbox]).encode())
                elif self.path.startswith("/in/"):
                    self._say(200, bank.inbox[self.path[4:]])
                else:
                    self._say(200 if self.path in bank.taken else 404, b"{}")

            def do_DELETE(self) -> None:
                bank.inbox.pop(self.path[4:], None)
                self._say(204, b"")

            def _say(self, status: int, body: bytes) -> None:
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def http(server: Server) -> Iterator[HttpTransport]:
    transport = HttpTransport(server.url, "/out", "/in", timeout=5.0)
    yield transport
    transport.close()


def test_a_file_goes_with_its_length_its_digest_and_its_key(server: Server, http: HttpTransport) -> None:
    said = http.put(parcel())
    assert isinstance(said, Reply)
    assert (said.status, said.to, said.json()["reference"]) == (201, "ask", "B-1")
    assert server.taken == {"/out/PAY-1.csv": BODY}
    (headers,) = server.headers
    assert headers["Content-Length"] == str(len(BODY))
    assert headers["Idempotency-Key"] == "key-1"
    assert headers["Digest"].startswith("sha-256=")
    found = http.probe(parcel())
    assert isinstance(found, Reply)
    assert (found.status, found.to) == (200, "find_out")


@pytest.mark.parametrize("how", ["takes and hangs up", "hangs up"])
def test_a_connection_that_ends_without_an_answer_is_unknown(server: Server, http: HttpTransport, how: str) -> None:
    server.how = how
    assert isinstance(http.put(parcel()), Unknown)


def test_redirects_are_answers_and_are_not_followed(server: Server, http: HttpTransport) -> None:
    server.how = "redirects"
    said = http.put(parcel())
    assert isinstance(said, Reply)
    assert said.status == 307
    assert server.taken == {}


def test_nobody_there_is_not_sent(server: Server) -> None:
    server.close()
    transport = HttpTransport(server.url, timeout=2.0)
    assert isinstance(transport.put(parcel()), NotSent)
    assert isinstance(transport.probe(parcel()), Unknown)
    transport.close()


def test_answers_are_listed_fetched_and_put_away(server: Server, http: HttpTransport) -> None:
    server.inbox = {"a.csv": b"T,0\n"}
    (ref,) = http.list()
    assert ref == Ref("a.csv", "1")
    assert b"".join(http.fetch(ref)) == b"T,0\n"
    http.archive(ref)
    assert server.inbox == {}
    assert list(http.list()) == []


class HttpBank(CsvBank):
    """The same files over HTTP."""

    def transport(self) -> Transport:
        return HttpTransport(self.settings.base_url, "/out", "/in", self.auth(), timeout=5.0)


@pytest.mark.parametrize("how", ["works", "takes and hangs up"])
def test_a_payroll_over_http(open_branch: Callable[..., Branch], server: Server, how: str) -> None:
    branch = open_branch(gateway=HttpBank, base_url=server.url)
    payroll = branch.approved(3)
    server.how = how
    branch.known()
    assert branch.documents() == ["handed_over"]
    ((path, body),) = server.taken.items()
    assert len(server.headers) == 1, "it went once"
    branch.bank.read(path.removeprefix("/out/"), body)
    answer = branch.bank.book(branch.bank.everything())
    server.inbox = {answer.name: answer.read_bytes()}
    branch.run()
    assert set(branch.states().values()) == {"paid"}
    assert server.inbox == {}
    assert branch.shop.paymaster.status(payroll)[0].state == "awaiting_reconciliation"
    branch.whole()


def test_a_server_that_cannot_just_now_is_asked_and_the_file_held(
    open_branch: Callable[..., Branch], server: Server
) -> None:
    """503: it may have taken it. It says twice, and apart, that it has none of it: people decide."""
    branch = open_branch(gateway=HttpBank, base_url=server.url)
    branch.approved(3)
    server.how = "is full"
    branch.known()
    assert branch.documents() == ["held"]
    assert len(server.headers) == 1
    branch.whole()
