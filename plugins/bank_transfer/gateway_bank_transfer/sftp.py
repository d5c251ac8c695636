"""A bank's SFTP server, with the host key pinned. The three outcomes of a put, and what a lost connection proves.

    .NAME.part      being written, under a name that the bank does not collect
    NAME            renamed to it: handed over. A plain rename fails where the name is taken, so nothing is overwritten

Not sent: no connection, no login, or anything before the rename was asked for. From that request on every failure is
unknown; a probe then finds the name (done), or only the part (the rename was never done: not sent), or neither: the
bank may have collected it, and nobody may send it again.
"""

from __future__ import annotations

import asyncio
import hashlib
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncssh

from gateway_core.contract import Done, NotFound, Unknown
from gateway_core.contract.transports import NotSent, Occupied, Parcel, Probed, Put, Ref, Transport

if TYPE_CHECKING:
    from .settings import BankTransferSettings

CHUNK = 1 << 18
UNFINISHED = (".part", ".tmp", ".filepart")
T = TypeVar("T")
# A connection that was never made, or never let us in: nothing can have been handed over in it.
BEFORE = (OSError, asyncssh.Error, asyncio.TimeoutError)


class SftpTransport(Transport):
    """Folders `outbox`, `inbox` and `archive` (default: `inbox`/archive) on the server. A connection per call."""

    def __init__(self, settings: BankTransferSettings) -> None:
        self._settings = settings
        self._out, self._in = settings.outbox.rstrip("/"), settings.inbox.rstrip("/")
        self._archive = settings.archive.rstrip("/") or f"{self._in}/archive"
        # Since when a file of the bank's is as it is, by our own clock alone.
        self._since = dict[str, tuple[str, float]]()
        self.address = f"sftp://{settings.sftp_user}@{settings.sftp_host}:{settings.sftp_port}{self._out}"

    # -- the port -----------------------------------------------------------------------------------------------------

    def put(self, parcel: Parcel) -> Put:
        """See Transport.put."""
        return asyncio.run(self._put(parcel))

    def probe(self, parcel: Parcel) -> Probed:
        """See Transport.probe."""
        try:
            return self._run(lambda sftp: self._look(sftp, parcel))
        except BEFORE as error:
            return Unknown(_said(error))

    def list(self) -> Iterable[Ref]:
        """See Transport.list."""
        return self._run(self._list)

    def fetch(self, ref: Ref) -> Iterator[bytes]:
        """See Transport.fetch."""
        loop = asyncio.new_event_loop()
        steps = self._fetch(ref)
        try:
            while True:
                try:
                    yield loop.run_until_complete(anext(steps))
                except StopAsyncIteration:
                    return
        finally:
            loop.run_until_complete(steps.aclose())  # type: ignore[attr-defined]
            loop.close()

    def archive(self, ref: Ref) -> None:
        """See Transport.archive."""
        self._run(lambda sftp: self._put_away(sftp, ref))

    # -- one put ------------------------------------------------------------------------------------------------------

    async def _put(self, parcel: Parcel) -> Put:
        asked = False
        part, final = f"{self._out}/.{parcel.name}.part", f"{self._out}/{parcel.name}"
        try:
            async with asyncio.timeout(self._total), self._open() as sftp:
                if await sftp.exists(final):
                    return await self._found(sftp, parcel, final)
                await self._write(sftp, parcel, part)
                asked = True
                return await self._rename(sftp, parcel, part, final)
        except BEFORE as error:
            return Unknown(_said(error)) if asked else NotSent(_said(error))

    async def _write(self, sftp: asyncssh.SFTPClient, parcel: Parcel, part: str) -> None:
        """The bytes, at the server, complete; counted and digested once more on their way."""
        digest, size = hashlib.sha256(), 0
        async with sftp.open(part, "wb") as file:
            for chunk in parcel.read():
                await file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            with suppress(asyncssh.SFTPOpUnsupported):
                await file.fsync()
        there = (await sftp.stat(part)).size
        if (digest.hexdigest(), size, there) != (parcel.sha256, parcel.size, parcel.size):
            raise OSError(f"{there} bytes are at the server, {parcel.size} were to be")

    async def _rename(self, sftp: asyncssh.SFTPClient, parcel: Parcel, part: str, final: str) -> Put:
        """Never `posix_rename`: it writes over another file. A refusal is looked at: who has the name?"""
        try:
            await sftp.rename(part, final)
        except (asyncssh.SFTPFailure, asyncssh.SFTPError) as error:
            if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
                return Unknown(_said(error))
            if await sftp.exists(final):
                return await self._found(sftp, parcel, final)
            return NotSent(_said(error)) if await sftp.exists(part) else Unknown(_said(error))
        return Done({"reference": ""})

    async def _look(self, sftp: asyncssh.SFTPClient, parcel: Parcel) -> Probed:
        part, final = f"{self._out}/.{parcel.name}.part", f"{self._out}/{parcel.name}"
        if await sftp.exists(final):
            return await self._found(sftp, parcel, final)
        if await sftp.exists(part):
            # Not renamed, and nobody is left to do it: the connection in which it was written is gone.
            await sftp.remove(part)
            return NotFound() if await sftp.exists(final) else NotSent("it was never renamed")
        return NotFound()

    async def _found(self, sftp: asyncssh.SFTPClient, parcel: Parcel, final: str) -> Done | Occupied | Unknown:
        if (await sftp.stat(final)).size != parcel.size:
            return Occupied(f"another file lies at {final}")
        digest = hashlib.sha256()
        try:
            async with sftp.open(final, "rb") as file:
                while chunk := bytes(await file.read(CHUNK)):  # type: ignore[arg-type]
                    digest.update(chunk)
        except asyncssh.SFTPPermissionDenied:
            return Unknown("a file of this name and size lies there, and may not be read")
        except asyncssh.SFTPNoSuchFile:
            return Unknown("a file of that name was there, and was collected meanwhile")
        return Done({"reference": ""}) if digest.hexdigest() == parcel.sha256 else Occupied(f"another file at {final}")

    # -- files from the bank ------------------------------------------------------------------------------------------

    async def _list(self, sftp: asyncssh.SFTPClient) -> Iterable[Ref]:
        """Those that have not changed for `quiet` seconds; who is new is looked at twice."""
        marks, now, quiet = await self._marks(sftp), time.monotonic(), self._settings.quiet
        known = self._since
        self._since = {
            name: known[name] if known.get(name, ("", 0.0))[0] == mark else (mark, now) for name, mark in marks.items()
        }
        if any(now - since < quiet for _, since in self._since.values()):
            await asyncio.sleep(quiet)
            after = await self._marks(sftp)
            marks = {name: mark for name, mark in marks.items() if after.get(name) == mark}
        return [Ref(name, mark) for name, mark in sorted(marks.items())]

    async def _marks(self, sftp: asyncssh.SFTPClient) -> dict[str, str]:
        found = dict[str, str]()
        async for entry in sftp.scandir(self._in):
            name, about = str(entry.filename), entry.attrs
            whole = not name.startswith(".") and not name.endswith(UNFINISHED)
            if whole and about.permissions is not None and stat.S_ISREG(about.permissions):
                found[name] = f"{about.size}:{about.mtime}"
        return found

    async def _fetch(self, ref: Ref) -> AsyncIterator[bytes]:
        path = f"{self._in}/{ref.name}"
        async with asyncio.timeout(self._total), self._open() as sftp:
            async with sftp.open(path, "rb") as file:
                while chunk := bytes(await file.read(CHUNK)):  # type: ignore[arg-type]
                    yield chunk
            if await _mark(sftp, path) != ref.mark:
                raise OSError(f"{ref.name} changed while it was read")

    async def _put_away(self, sftp: asyncssh.SFTPClient, ref: Ref) -> None:
        path = f"{self._in}/{ref.name}"
        if not await sftp.exists(path) or await _mark(sftp, path) != ref.mark:
            return
        await sftp.makedirs(self._archive, exist_ok=True)
        place = f"{self._archive}/{ref.name}"
        number = 1
        while await sftp.exists(place):
            number += 1
            place = f"{self._archive}/{ref.name}.{number}"
        await sftp.rename(path, place)

    # -- connecting ---------------------------------------------------------------------------------------------------

    @property
    def _total(self) -> float:
        """Seconds for one call: a large file may take longer than any one answer."""
        return self._settings.sftp_timeout * 10

    def _run(self, call: Callable[[asyncssh.SFTPClient], Awaitable[T]]) -> T:
        async def connected() -> T:
            async with asyncio.timeout(self._total), self._open() as sftp:
                return await call(sftp)

        return asyncio.run(connected())

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[asyncssh.SFTPClient]:
        settings = self._settings
        host = f"[{settings.sftp_host}]:{settings.sftp_port} {settings.sftp_host_key}\n"
        given: dict[str, Any] = {
            "username": settings.sftp_user, "known_hosts": asyncssh.import_known_hosts(host), "config": None,
            "agent_path": None, "connect_timeout": settings.sftp_timeout, "login_timeout": settings.sftp_timeout,
            "keepalive_interval": settings.sftp_timeout / 3, "keepalive_count_max": 3, "client_keys": None,
        }  # fmt: skip
        if settings.sftp_key:
            given["client_keys"] = [asyncssh.import_private_key(settings.sftp_key.reveal())]
        if settings.sftp_password:
            given["password"] = settings.sftp_password.reveal()
        async with (
            asyncssh.connect(settings.sftp_host, settings.sftp_port, **given) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield sftp


async def _mark(sftp: asyncssh.SFTPClient, path: str) -> str:
    about = await sftp.stat(path)
    return f"{about.size}:{about.mtime}"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
