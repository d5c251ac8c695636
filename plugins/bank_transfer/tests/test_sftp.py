"""The way over SFTP, with a real server: the three outcomes of a put, the probe after a broken connection, the key."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from gateway_bank_transfer import BankTransferGateway, BankTransferSettings
from gateway_bank_transfer.profile import load
from gateway_bank_transfer.sftp import SftpTransport
from gateway_bank_transfer.simulator.sftp_server import running

from gateway_core.contract import Done, Hidden, NotFound, Unfit, Unknown
from gateway_core.contract.transports import NotSent, Occupied, Parcel, Ref

from .conftest import made, payment

BODY = b"<Document/>" * 50_000
Open = Callable[..., SftpTransport]


def parcel(body: bytes = BODY, name: str = "GC-1.xml") -> Parcel:
    def read() -> Iterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    return Parcel(name, hashlib.sha256(body).hexdigest(), len(body), "key", read)


class Misbehaving(asyncssh.SFTPServer):
    """Drops the connection when it is asked to rename: before it does (`drop`), or after (`done`)."""

    when = ""

    def __init__(self, channel: Any, folder: Path) -> None:
        self._channel_of = channel
        super().__init__(channel, chroot=str(folder).encode())

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        if self.when == "drop":
            self._channel_of.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("gone")
        done = super().rename(oldpath, newpath)
        if self.when == "done":
            self._channel_of.get_connection().abort()
        return done

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if self.when == "full" and pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPFailure("no space left")
        return super().open(path, pflags, attrs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("out", "in"):
        (tmp_path / "bank" / name).mkdir(parents=True)
    return tmp_path / "bank"


@pytest.fixture
def server(folder: Path) -> Iterator[Any]:
    Misbehaving.when = ""
    with running(folder, factory=lambda channel: Misbehaving(channel, folder)) as found:
        yield found
    Misbehaving.when = ""


def settings(port: int, host_key: str, **changes: Any) -> BankTransferSettings:
    known: dict[str, Any] = {
        "profile": "local_ach", "institution_account": "040147:0055667788", "debtor_name": "Ministry",
        "outbox": "/out", "inbox": "/in", "sftp_host": "127.0.0.1", "sftp_port": port, "sftp_user": "bank",
        "sftp_password": Hidden("bank"), "sftp_host_key": host_key, "sftp_timeout": 20.0,
    }  # fmt: skip
    return BankTransferSettings(**(known | changes))


@pytest.fixture
def way(server: Any) -> SftpTransport:
    return SftpTransport(settings(server.port, server.host_key))


def test_a_file_appears_whole_under_its_name_once(way: SftpTransport, folder: Path) -> None:
    assert isinstance(way.probe(parcel()), NotFound)
    assert isinstance(way.put(parcel()), Done)
    assert (folder / "out" / "GC-1.xml").read_bytes() == BODY
    assert [path.name for path in (folder / "out").iterdir()] == ["GC-1.xml"]
    assert isinstance(way.put(parcel()), Done) and isinstance(way.probe(parcel()), Done)


def test_another_file_of_the_name_stays_as_it_is(way: SftpTransport, folder: Path) -> None:
    (folder / "out" / "GC-1.xml").write_bytes(BODY[::-1])
    assert isinstance(way.put(parcel()), Occupied) and isinstance(way.probe(parcel()), Occupied)
    assert (folder / "out" / "GC-1.xml").read_bytes() == BODY[::-1]


def test_a_connection_lost_before_the_rename_is_found_out_and_safe_to_repeat(way: SftpTransport, folder: Path) -> None:
    Misbehaving.when = "drop"
    assert isinstance(way.put(parcel()), Unknown)
    Misbehaving.when = ""
    assert isinstance(way.probe(parcel()), NotSent)
    assert isinstance(way.put(parcel()), Done)
    assert (folder / "out" / "GC-1.xml").read_bytes() == BODY


def test_a_connection_lost_after_the_rename_is_found_to_be_done(way: SftpTransport) -> None:
    Misbehaving.when = "done"
    assert isinstance(way.put(parcel()), Unknown | Done)
    Misbehaving.when = ""
    assert isinstance(way.probe(parcel()), Done)


def test_a_file_that_the_bank_collected_after_a_lost_connection_is_not_called_unsent(
    way: SftpTransport, folder: Path
) -> None:
    Misbehaving.when = "done"
    way.put(parcel())
    (folder / "out" / "GC-1.xml").unlink()
    assert isinstance(way.probe(parcel()), NotFound)


@pytest.mark.parametrize("when", ["full"])
def test_what_fails_before_the_rename_was_never_sent(way: SftpTransport, when: str, folder: Path) -> None:
    Misbehaving.when = when
    assert isinstance(way.put(parcel()), NotSent)
    assert not (folder / "out" / "GC-1.xml").exists()


def test_no_server_and_no_login_is_never_sent(server: Any) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    for changed in (
        settings(1, server.host_key), settings(server.port, server.host_key, sftp_password=Hidden("wrong")),
        settings(server.port, " ".join(other.split()[:2])),
    ):  # fmt: skip
        assert isinstance(SftpTransport(changed).put(parcel()), NotSent)
        assert isinstance(SftpTransport(changed).probe(parcel()), Unknown)


def test_bytes_that_change_on_their_way_are_not_handed_over(way: SftpTransport, folder: Path) -> None:
    wrong = Parcel("GC-2.xml", "0" * 64, len(BODY), "key", parcel().read)
    assert isinstance(way.put(wrong), NotSent)
    assert not (folder / "out" / "GC-2.xml").exists()


def test_files_from_the_bank_are_listed_fetched_and_put_away(way: SftpTransport, folder: Path) -> None:
    (folder / "in" / "b.xml").write_bytes(b"two" * 200_000)
    (folder / "in" / "a.xml").write_bytes(b"one")
    (folder / "in" / ".c.xml.tmp").write_bytes(b"not yet")
    (folder / "in" / "d.xml.part").write_bytes(b"not yet")
    found = list(way.list())
    assert [ref.name for ref in found] == ["a.xml", "b.xml"]
    assert b"".join(way.fetch(found[1])) == b"two" * 200_000
    for _ in range(2):
        (folder / "in" / "a.xml").write_bytes(b"one")
        for ref in way.list():
            way.archive(ref)
    assert [ref.name for ref in way.list()] == []
    assert sorted(path.name for path in (folder / "in" / "archive").iterdir()) == ["a.xml", "a.xml.2", "b.xml"]


def test_a_file_that_the_bank_still_writes_waits_and_one_that_is_known_does_not(
    server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whether it changes, not by the server's clock: a part of a statement would be taken for all of it."""
    way = SftpTransport(settings(server.port, server.host_key, quiet=0.3))
    (folder / "in" / "whole.csv").write_bytes(b"A,1\n")
    (folder / "in" / "grows.csv").write_bytes(b"A,1\n")
    sleep, waited = asyncio.sleep, list[float]()

    async def meanwhile(seconds: float, *more: Any) -> Any:
        if seconds == 0.3:
            waited.append(seconds)
            with (folder / "in" / "grows.csv").open("ab") as file:
                file.write(b"A,2\n")
        return await sleep(seconds, *more)

    monkeypatch.setattr(asyncio, "sleep", meanwhile)
    assert [ref.name for ref in way.list()] == ["whole.csv"] and waited == [0.3]
    (folder / "in" / "grows.csv").unlink()
    time.sleep(0.4)
    assert [ref.name for ref in way.list()] == ["whole.csv"] and waited == [0.3], "it was seen before as it is"


def test_a_file_that_changes_while_it_is_read_is_not_taken(way: SftpTransport, folder: Path) -> None:
    (folder / "in" / "a.xml").write_bytes(b"one")
    with pytest.raises(OSError, match="changed"):
        list(way.fetch(Ref("a.xml", "2:1")))


def test_a_channel_without_a_pinned_key_is_refused() -> None:
    with pytest.raises(Unfit, match="sftp_host_key"):
        BankTransferGateway(settings(22, ""))
    assert BankTransferGateway(settings(22, "ssh-ed25519 AAAA")).transport().address == "sftp://bank@127.0.0.1:22/out"


def test_the_simulator_takes_files_over_sftp_and_answers(tmp_path: Path) -> None:
    [(document, body)], _ = made([payment(n) for n in range(3)], load("local_ach"))
    call = [sys.executable, "-u", "-m", "gateway_core.cli", "simulator", "bank_transfer", "--port", "0"]
    process = subprocess.Popen(
        [*call, "--folder", str(tmp_path / "bank")], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        found = None
        while found is None:
            line = process.stdout.readline()
            assert line, "it ended"
            found = re.search(r"SFTP on 127.0.0.1:(\d+).*host key (\S+ \S+)", line)
        way = SftpTransport(settings(int(found[1]), found[2]))
        assert isinstance(way.put(parcel(body, document.name)), Done)
        until = time.monotonic() + 30
        while len(names := [ref.name for ref in way.list()]) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        assert [name[7:] for name in names] == ["pain.002.xml", "statement-1.xml"]
    finally:
        process.terminate()
        process.communicate(timeout=30)
