"""A way to the bank that does as the script says, and notes what was asked of it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from gateway_core.contract import Ask, Refused, Reply, Unknown, Verdict
from gateway_core.contract.transports import DirectoryTransport, NotSent, Parcel, Probed, Put, Transport

from .gateway import CsvBank


@attrs.frozen
class Asked:
    """`verb` is put or probe."""

    verb: str
    name: str
    sha256: str
    body: bytes


class Shaky(DirectoryTransport):
    """`script` says what becomes of the next puts: done, unsent, silence (nothing arrived), lost (it did), full (the
    disk, half way), raises."""

    def __init__(self, outbox: Path, inbox: Path) -> None:
        super().__init__(outbox, inbox, quiet=0.0)
        self.script: list[str] = []
        self.asked: list[Asked] = []
        self.before_put: Callable[[], object] = lambda: None

    def put(self, parcel: Parcel) -> Put:
        self._note("put", parcel)
        self.before_put()
        what = self.script.pop(0) if self.script else "done"
        if what == "full":
            return super().put(attrs.evolve(parcel, read=lambda: _half(parcel)))
        done = super().put(parcel) if what in ("done", "lost") else None
        outcomes: dict[str, Put | None] = {
            "done": done, "lost": Unknown("reset"), "silence": Unknown("reset"), "unsent": NotSent("refused"),
            "refused": Reply(422, {}, b'{"error": "bad header"}'), "strange": "what",  # type: ignore[dict-item]
        }  # fmt: skip
        if what == "raises":
            raise RuntimeError("the cable")
        said = outcomes[what]
        assert said is not None
        return said

    def probe(self, parcel: Parcel) -> Probed:
        self._note("probe", parcel)
        return super().probe(parcel)

    def _note(self, verb: str, parcel: Parcel) -> None:
        self.asked.append(Asked(verb, parcel.name, parcel.sha256, b"".join(parcel.read())))

    @property
    def puts(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.verb == "put"]


class ShakyBank(CsvBank):
    """The CSV bank behind a shaky way. Its server may refuse a file as a whole."""

    _transport: Shaky | None = None

    def transport(self) -> Transport:
        return self.way

    @property
    def way(self) -> Shaky:
        if self._transport is None:
            self._transport = Shaky(Path(self.settings.outbox), Path(self.settings.inbox))
        return self._transport

    def parse_response(self, ask: Ask, reply: Reply) -> Verdict:
        return Refused("bad_file", "bad header") if reply.status == 422 else super().parse_response(ask, reply)


def _half(parcel: Parcel) -> Iterator[bytes]:
    body = b"".join(parcel.read())
    yield body[: len(body) // 2]
    raise OSError(errno.ENOSPC, "no space left on device")
